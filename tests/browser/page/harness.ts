/**
 * The smallest page in which `livekit-client`, as it comes, makes a call. Tests drive it through `window.harness`; each remote
 * track is attached to a media element, where the senses find it. It decides nothing: questions in, answers out.
 */
import {
  ConnectionState,
  ExternalE2EEKeyProvider,
  Room,
  RoomEvent,
  Track,
  VideoQuality,
  type LocalTrackPublication,
  type RemoteDataTrack,
  type RemoteTrackPublication,
  type RoomConnectOptions,
  type RoomOptions,
  type TrackPublishOptions,
} from 'livekit-client';
import type { Sight, Sound } from './senses.ts';

/** A remote track as a test sees it. */
export interface TrackView {
  sid: string;
  muted: boolean;
  subscribed: boolean;
  sight: Sight | null;
  sound: Sound | null;
}

declare global {
  interface Window {
    harness: Harness;
  }
}

export class Harness {
  room = new Room();
  /** Every room event by name, in order, with the time it came. */
  readonly events: { name: string; at: number; detail: string }[] = [];
  /** Data packets as text, in order. */
  readonly received: { from: string; topic: string; text: string }[] = [];
  /** Frames of data tracks as text, in order. */
  readonly frames: { from: string; track: string; text: string }[] = [];
  /** Time from `join()` to the first remote frame shown, ms. */
  firstFrameMs: number | null = null;

  /** Joins; with a secret, everything sent is encrypted by a key that only those who know the secret have. */
  async join(
    url: string,
    token: string,
    options: RoomOptions = {},
    connect: RoomConnectOptions = {},
    secret?: string,
  ): Promise<void> {
    const began = performance.now();
    this.room = new Room(secret === undefined ? options : { ...options, encryption: await encryptionBy(secret) });
    for (const name of Object.values(RoomEvent)) {
      this.room.on(name, (...details: unknown[]) =>
        this.events.push({ name, at: performance.now(), detail: describe(details[0]) }),
      );
    }
    this.room.on(RoomEvent.TrackSubscribed, (track, publication, participant) => {
      const element = track.attach();
      element.dataset['identity'] = participant.identity;
      element.dataset['source'] = publication.source;
      document.body.append(element);
      if (element instanceof HTMLVideoElement) {
        element.requestVideoFrameCallback(() => (this.firstFrameMs ??= performance.now() - began));
      }
    });
    this.room.on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((element) => element.remove()));
    this.room.on(RoomEvent.DataReceived, (payload, participant, _kind, topic) =>
      this.received.push({
        from: participant?.identity ?? '',
        topic: topic ?? '',
        text: new TextDecoder().decode(payload),
      }),
    );
    this.room.on(RoomEvent.DataTrackPublished, (track) => this.#read(track));
    if (secret !== undefined) await this.room.setE2EEEnabled(true);
    await this.room.connect(url, token, connect);
  }

  leave(): Promise<void> {
    return this.room.disconnect();
  }

  state(): ConnectionState {
    return this.room.state;
  }

  camera(on: boolean, publish?: TrackPublishOptions): Promise<unknown> {
    return this.room.localParticipant.setCameraEnabled(on, undefined, publish);
  }

  unpublish(source: Track.Source): Promise<unknown> {
    const track = this.room.localParticipant.getTrackPublication(source)?.track;
    return track ? this.room.localParticipant.unpublishTrack(track) : Promise.resolve();
  }

  microphone(on: boolean): Promise<unknown> {
    return this.room.localParticipant.setMicrophoneEnabled(on);
  }

  screen(on: boolean): Promise<unknown> {
    return this.room.localParticipant.setScreenShareEnabled(on);
  }

  switchCamera(id: string): Promise<boolean> {
    return this.room.switchActiveDevice('videoinput', id);
  }

  say(text: string, reliable: boolean, topic: string): Promise<void> {
    return this.room.localParticipant.publishData(new TextEncoder().encode(text), { reliable, topic });
  }

  /** Publishes a data track, and pushes this ten times a second from now on. */
  async pour(track: string, text: string): Promise<void> {
    const published = await this.room.localParticipant.publishDataTrack({ name: track });
    setInterval(() => void published.tryPush({ payload: new TextEncoder().encode(text) }), 100);
  }

  /** Who else is here. */
  others(): string[] {
    return [...this.room.remoteParticipants.keys()].sort();
  }

  speakers(): string[] {
    return this.room.activeSpeakers.map((speaker) => speaker.identity);
  }

  /** A remote track, or null while it is not published. */
  track(identity: string, source: Track.Source): TrackView | null {
    const publication = this.#publication(identity, source);
    if (!publication) return null;
    const element = publication.track?.attachedElements[0];
    const sight = element instanceof HTMLVideoElement ? window.senses.see(element) : null;
    const sound =
      publication.kind === Track.Kind.Audio && element?.srcObject instanceof MediaStream
        ? window.senses.hear(element.srcObject)
        : null;
    return {
      sid: publication.trackSid,
      muted: publication.isMuted,
      subscribed: publication.isSubscribed,
      sight,
      sound,
    };
  }

  setQuality(identity: string, quality: keyof typeof VideoQuality): void {
    this.#publication(identity, Track.Source.Camera)?.setVideoQuality(VideoQuality[quality]);
  }

  subscribe(identity: string, source: Track.Source, on: boolean): void {
    this.#publication(identity, source)?.setSubscribed(on);
  }

  /** The codec that really flows from a person's camera to here; `publication.mimeType` may say another. */
  async codec(identity: string): Promise<string | null> {
    const stats = await this.#publication(identity, Track.Source.Camera)?.track?.getRTCStatsReport();
    if (!stats) return null;
    for (const entry of stats.values() as Iterable<RTCInboundRtpStreamStats>) {
      if (entry.type !== 'inbound-rtp' || entry.codecId === undefined) continue;
      const codec = stats.get(entry.codecId) as { mimeType?: string } | undefined;
      return codec?.mimeType?.toLowerCase() ?? null;
    }
    return null;
  }

  /** How much of a remote track came in, and how much of it could be decoded. */
  async inbound(identity: string, source: Track.Source): Promise<{ packets: number; decoded: number }> {
    const stats = await this.#publication(identity, source)?.track?.getRTCStatsReport();
    for (const entry of (stats?.values() ?? []) as Iterable<RTCInboundRtpStreamStats>) {
      if (entry.type === 'inbound-rtp') {
        return { packets: entry.packetsReceived ?? 0, decoded: entry.framesDecoded ?? 0 };
      }
    }
    return { packets: 0, decoded: 0 };
  }

  /** The transport of each connected peer connection, as "udp" or "tcp". */
  async transports(): Promise<string[]> {
    const found: string[] = [];
    for (const pc of window.peerConnections) {
      if (pc.connectionState !== 'connected') continue;
      const stats = await pc.getStats();
      for (const transport of stats.values() as Iterable<RTCTransportStats>) {
        if (transport.type !== 'transport' || transport.selectedCandidatePairId === undefined) continue;
        const pair = stats.get(transport.selectedCandidatePairId) as RTCIceCandidatePairStats;
        const local = stats.get(pair.localCandidateId) as { protocol: string };
        found.push(local.protocol);
      }
    }
    return found;
  }

  /** What was published here, by source. */
  published(): Record<string, string> {
    const all: LocalTrackPublication[] = [...this.room.localParticipant.trackPublications.values()];
    return Object.fromEntries(all.map((publication) => [publication.source, publication.trackSid]));
  }

  #read(track: RemoteDataTrack): void {
    const [from, name] = [track.publisherIdentity, track.info.name];
    const write = ({ payload }: { payload: Uint8Array }) =>
      this.frames.push({ from, track: name, text: new TextDecoder().decode(payload) });
    void track.subscribe().pipeTo(new WritableStream({ write: (frame) => void write(frame) }));
  }

  #publication(identity: string, source: Track.Source): RemoteTrackPublication | undefined {
    return this.room.remoteParticipants.get(identity)?.getTrackPublication(source);
  }
}

async function encryptionBy(secret: string): Promise<NonNullable<RoomOptions['encryption']>> {
  const keyProvider = new ExternalE2EEKeyProvider();
  await keyProvider.setKey(secret);
  return { keyProvider, worker: new Worker('e2ee-worker.js') };
}

function describe(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  if (value && typeof value === 'object' && 'identity' in value) return String(value.identity);
  return '';
}

window.harness = new Harness();
