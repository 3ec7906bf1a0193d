// What is told where something fails, for who carries the media: in front of a cluster the addresses that matter are its
// nodes', and the settings livekit-server's.
import type { Here } from './judge';
import type { Carrier, Session } from './session';
import type { CheckupKey, Outcome, Said } from './steps';

type OfCluster = CheckupKey extends infer Key ? (Key extends `livekit.${infer Told}` ? Told : never) : never;

const OF_CLUSTER: Record<OfCluster, true> = {
  'hop.socket-scheme': true,
  'tell.socket-scheme': true,
  'tell.socket-elsewhere': true,
  'tell.socket-path': true,
  'tell.whip': true,
  'tell.udp-off': true,
  'tell.udp-private': true,
  'tell.tcp-off': true,
  'tell.tcp-private': true,
  'tell.turn-off': true,
  'tell.turn-blocked': true,
};

/** The outcome, with what is said differently of a cluster said so. */
export function toldOf(carrier: Carrier, outcome: Outcome): Outcome {
  if (carrier === 'embedded' || outcome.status !== 'failed') return outcome;
  return { ...outcome, said: ofCluster(outcome.said), tell: outcome.tell && ofCluster(outcome.tell) };
}

/** Where media and signalling are asked for: the page may be elsewhere. */
export function servedAt({ url }: Session, { isSecure }: Here): Here {
  const { host, hostname } = new URL(url);
  return { host, hostname, isSecure };
}

function ofCluster(said: Said): Said {
  return isOfCluster(said.key) ? { ...said, key: `livekit.${said.key}` } : said;
}

function isOfCluster(key: CheckupKey): key is CheckupKey & OfCluster {
  return Object.hasOwn(OF_CLUSTER, key);
}
