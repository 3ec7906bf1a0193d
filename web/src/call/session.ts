// One connection to one room, from connecting to its end: wires the client library's events to a scene, and the person's own
// devices to what is published. Never comes back from the dead; `Call` makes the next one.
import {
  ConnectionError,
  ConnectionErrorReason,
  ConnectionState,
  DisconnectReason,
  LocalTrack,
  Room,
  RemoteTrackPublication,
  RoomEvent,
  Track,
  type LocalTrackPublication,
  type TrackPublication,
  type RemoteParticipant,
} from 'livekit-client';
import type { CaptureState } from '../media/capture';
import type { LocalMedia } from '../media/local-media';
import type { DeviceKind } from '../media/problems';
import type { ReceivedTrack, Sample, SentTrack } from '../connection/figures';
import { isReadable } from '../encryption/encryption';
import type { StartedEncryption } from '../encryption/worker';
import { breath } from '../shell/idle';
import { OncePerFrame } from '../state/frames';
import { Store, type Readable } from '../state/store';
import type { Feature } from './feature';
import { watchMedia } from './media-loss';
import { mayPublish } from '../moderation/permissions';
import { fetchAhead } from './picture';
import { Publisher } from './publisher';
import { ConnectFailure, type EndReason } from './reasons';
import { kindOfRefusal } from './refusal';
import { SpeakerSwitch } from './speaker';
import { sceneOf, type Scene } from './tiles';

export interface SessionView extends Scene {
  connection: 'joining' | 'connected' | 'reconnecting';
  canPlaySound: boolean;
  isSharing: boolean;
}

export interface SessionEvents {
  joined(name: string): void;
  left(name: string): void;
  ended(reason: EndReason | undefined): void;
  publishFailed(source: DeviceKind, error: unknown): void;
}

const EMPTY: SessionView = { connection: 'joining', tiles: [], sounds: [], canPlaySound: true, isSharing: false };

/** While only signalling is away and media goes on, nobody notices anything for so long: usually it is back by then. */
const QUIET = 4_000;

/** Of so many people the pictures are asked for before it is known how many have a place on the page. */
const AHEAD = 24;

export class Session {
  readonly view = new Store<SessionView>(EMPTY);
  readonly #room: Room;
  readonly #media: LocalMedia;
  readonly #features: readonly Feature[];
  readonly #publishers: Record<DeviceKind, Publisher>;
  readonly #undo: (() => void)[] = [];
  readonly #encryption: StartedEncryption | null;
  #over = false;
  /** Since when signalling is away, by `performance.now()`. */
  #signallingLost = 0;
  readonly #readSoon = new OncePerFrame(() => this.#read());

  constructor(
    media: LocalMedia,
    events: SessionEvents,
    features: readonly Feature[] = [],
    encryption: StartedEncryption | null = null,
  ) {
    this.#media = media;
    this.#encryption = encryption;
    this.#features = features;
    const speaker = media.speaker();
    this.#room = new Room({
      adaptiveStream: { pixelDensity: 'screen' },
      dynacast: true,
      // The library would leave before the person decides to, and when a link opens the mail program. See `#listen`.
      disconnectOnPageLeave: false,
      // The devices belong to LocalMedia: they outlive the call.
      stopLocalTrackOnUnpublish: false,
      // One connection would save a round trip of signalling, a few ms on loopback: not tried on this page yet.
      singlePeerConnection: false,
      ...(encryption && { encryption: encryption.options }),
      ...(speaker === undefined ? {} : { audioOutput: { deviceId: speaker } }),
    });
    const failed = (source: DeviceKind) => (error: unknown) => events.publishFailed(source, error);
    const participant = this.#room.localParticipant;
    this.#publishers = {
      camera: new Publisher(participant, Track.Source.Camera, { simulcast: true }, failed('camera')),
      microphone: new Publisher(participant, Track.Source.Microphone, {}, failed('microphone')),
    };
    this.#listen(events);
    this.#undo.push(
      watchMedia(
        () => this.#mediaStates(),
        () => void this.renew(),
      ),
    );
    this.#undo.push(...features.map((feature) => feature.attach(this.#room)));
  }

  async connect(url: string, token: string): Promise<void> {
    if (this.#encryption) await this.#room.setE2EEEnabled(true);
    // Sound is subscribed to below, pictures when they are on the page: in a large room most never are.
    // And where a network holds no picture beside the voices, none is better than both broken up.
    await this.#room
      .connect(url, token, { autoSubscribe: false, subscriberAllowPause: true })
      .catch(async (error: unknown) => {
        throw await failureOfConnecting(error, url, token);
      });
    // The library has just told of every track at once, which in a large room is a long task. What follows is another…
    await breath();
    if (this.#over) return;
    for (const feature of this.#features) feature.entered?.(token);
    this.#read();
    this.#follow('camera', this.#media.picture);
    this.#follow('microphone', this.#media.microphone.state);
    const speaker = new SpeakerSwitch(this.#room, this.#media);
    this.#room.on(RoomEvent.ActiveDeviceChanged, (kind) => void (kind === 'audiooutput' && speaker.follow()));
    for (const store of [this.#media.choices, this.#media.devices]) {
      this.#undo.push(store.subscribe(() => speaker.changed()));
    }
    speaker.changed();
    // …and so is drawing it.
    await breath();
  }

  async close(): Promise<void> {
    this.#end();
    await this.#room.disconnect(false);
    this.#encryption?.end();
  }

  async share(on: boolean): Promise<void> {
    await this.#room.localParticipant.setScreenShareEnabled(on, { audio: true, selfBrowserSurface: 'include' });
  }

  /** What both connections have counted so far, and whose the tracks in it are. */
  async sample(): Promise<Sample> {
    const { pcManager } = this.#room.engine;
    const [publisher, subscriber, sent] = await Promise.all([
      pcManager?.publisher.getStats(),
      pcManager?.subscriber?.getStats(),
      Promise.all([...this.#room.localParticipant.trackPublications.values()].map(sentTrack)),
    ]);
    return { publisher: entriesOf(publisher), subscriber: entriesOf(subscriber), sent, received: this.#received() };
  }

  /** Signalling is away, which for a while nobody needs who is in the call. */
  #isQuiet(): boolean {
    const isMediaUp = this.#mediaStates().every((state) => state === 'new' || state === 'connected');
    return isMediaUp && performance.now() - this.#signallingLost < QUIET;
  }

  #mediaStates(): RTCPeerConnectionState[] {
    const { pcManager } = this.#room.engine;
    const transports = pcManager ? [pcManager.publisher, pcManager.subscriber] : [];
    return transports.flatMap((transport) => (transport ? [transport.getConnectionState()] : []));
  }

  #received(): ReceivedTrack[] {
    return [...this.#room.remoteParticipants.values()].flatMap(({ identity, trackPublications }) =>
      [...trackPublications.values()].flatMap(({ track, source }) =>
        track ? [{ id: track.mediaStreamTrack.id, identity, source }] : [],
      ),
    );
  }

  async startSound(): Promise<void> {
    await this.#room.startAudio();
  }

  /** The connection is most likely dead and does not know it yet (the page slept, or media stopped): makes it anew, keeping its place. */
  async renew(): Promise<void> {
    // The name is the library's, for tests; what it does is to take the signal connection for lost, and resume.
    if (this.#room.state === ConnectionState.Connected) await this.#room.simulateScenario('signal-reconnect');
  }

  /** Systems stop sound elements for a phone call or in a hidden page, and do not start them again. */
  async playAgain(): Promise<void> {
    const elements = this.view.get().sounds.flatMap(({ track }) => track.attachedElements);
    if (this.#room.canPlaybackAudio && !elements.some(({ paused }) => paused)) return;
    // Not without a tap, says the browser: then there is a button.
    await this.#room.startAudio().catch(() => undefined);
  }

  /** Tells the others another name. False if the server does not let us. */
  async rename(name: string): Promise<boolean> {
    try {
      await this.#room.localParticipant.setName(name);
      return true;
    } catch {
      return false; // The token may not carry that permission; the name then counts from the next join.
    }
  }

  #follow(kind: DeviceKind, device: Readable<CaptureState>): void {
    const tell = () => {
      const state = device.get();
      if (state.status === 'starting') return; // The old track, or none, until the new one is there.
      const isWished = this.#media.wishes.get()[kind] && mayPublish(this.#room.localParticipant, kind);
      // What the system holds is off for others: a picture that stands still would look like somebody who does not move.
      const isSent = state.status === 'live' && !state.isHeld && isWished;
      this.#publishers[kind].set(isSent ? state.track : null);
    };
    this.#room.on(RoomEvent.ParticipantPermissionsChanged, tell);
    this.#undo.push(device.subscribe(tell), this.#media.wishes.subscribe(tell));
    tell();
  }

  #listen(events: SessionEvents): void {
    const room = this.#room;
    const changes = [
      RoomEvent.ConnectionStateChanged,
      RoomEvent.ParticipantConnected,
      RoomEvent.ParticipantDisconnected,
      RoomEvent.ParticipantNameChanged,
      RoomEvent.TrackPublished,
      RoomEvent.TrackUnpublished,
      RoomEvent.TrackSubscribed,
      RoomEvent.TrackUnsubscribed,
      RoomEvent.TrackMuted,
      RoomEvent.TrackUnmuted,
      RoomEvent.TrackStreamStateChanged,
      RoomEvent.LocalTrackPublished,
      RoomEvent.LocalTrackUnpublished,
      RoomEvent.ActiveSpeakersChanged,
      RoomEvent.ConnectionQualityChanged,
      RoomEvent.AudioPlaybackStatusChanged,
    ] as const;
    for (const change of changes) room.on(change, this.#readSoon.call);
    // Sound does not wait for a frame.
    room.on(RoomEvent.TrackPublished, (publication) => this.#hear(publication));
    // The server has answered; the media connection still is being made. What is asked for now is there with it.
    room.on(RoomEvent.SignalConnected, () => {
      this.#subscribeToSound();
      this.#fetchAhead();
    });
    let looking: ReturnType<typeof setTimeout> | undefined;
    room.on(RoomEvent.SignalReconnecting, () => {
      this.#signallingLost = performance.now();
      clearTimeout(looking);
      looking = setTimeout(this.#readSoon.call, QUIET);
    });
    this.#undo.push(() => clearTimeout(looking));
    const nameOf = (participant: RemoteParticipant) => participant.name || participant.identity;
    // During a full reconnect everyone seems to leave and to come back: nothing to tell.
    const isSteady = () => room.state === ConnectionState.Connected;
    room.on(RoomEvent.ParticipantConnected, (participant) => isSteady() && events.joined(nameOf(participant)));
    room.on(RoomEvent.ParticipantDisconnected, (participant) => isSteady() && events.left(nameOf(participant)));
    room.on(RoomEvent.LocalTrackUnpublished, (publication: LocalTrackPublication) => {
      const { source, track } = publication;
      if (source === Track.Source.ScreenShare || source === Track.Source.ScreenShareAudio) track?.stop();
    });
    const leave = () => void room.disconnect(false);
    window.addEventListener('pagehide', leave);
    this.#undo.push(() => window.removeEventListener('pagehide', leave));
    room.on(RoomEvent.Disconnected, (reason) => {
      if (this.#over) return;
      this.#end();
      events.ended(reason === undefined ? undefined : (DisconnectReason[reason] as EndReason));
    });
  }

  #read(): void {
    const room = this.#room;
    const before = this.view.get();
    this.#subscribeToSound();
    const connection = connectionOf(room.state, this.#isQuiet() ? 'connected' : 'reconnecting', before.connection);
    // Before the answer to joining there is no identity, so no tile either.
    const scene = connection === 'joining' ? before : sceneOf(room, before);
    const next: SessionView = {
      tiles: scene.tiles,
      sounds: scene.sounds,
      connection,
      canPlaySound: room.canPlaybackAudio,
      isSharing: room.localParticipant.isScreenShareEnabled,
    };
    const keys = Object.keys(next) as (keyof SessionView)[];
    if (keys.some((key) => next[key] !== before[key])) this.view.set(next);
  }

  #subscribeToSound(): void {
    for (const participant of this.#room.remoteParticipants.values()) {
      for (const publication of participant.audioTrackPublications.values()) this.#hear(publication);
    }
  }

  /** Subscribes to a track if it is sound, and ours to be heard. */
  #hear(publication: TrackPublication): void {
    if (publication.kind !== Track.Kind.Audio) return;
    if (!(publication instanceof RemoteTrackPublication) || publication.isDesired) return;
    if (isReadable(publication, this.#room)) publication.setSubscribed(true);
  }

  #fetchAhead(): void {
    for (const participant of [...this.#room.remoteParticipants.values()].slice(0, AHEAD)) {
      for (const publication of participant.videoTrackPublications.values()) {
        if (!(publication instanceof RemoteTrackPublication) || publication.isMuted) continue;
        if (isReadable(publication, this.#room)) fetchAhead(publication, participant);
      }
    }
  }

  #end(): void {
    this.#over = true;
    this.#readSoon.cancel();
    for (const undo of this.#undo) undo();
    for (const publisher of Object.values(this.#publishers)) publisher.close();
    for (const source of [Track.Source.ScreenShare, Track.Source.ScreenShareAudio]) {
      this.#room.localParticipant.getTrackPublication(source)?.track?.stop();
    }
  }
}

function entriesOf(report: RTCStatsReport | undefined): Sample['publisher'] {
  return report ? ([...report.values()] as Sample['publisher']) : [];
}

/** Firefox does not say in a report of the whole which track a stream carries; a report of the track alone does. */
async function sentTrack({ track, source }: TrackPublication): Promise<SentTrack> {
  const report = track instanceof LocalTrack ? await track.getRTCStatsReport() : undefined;
  const streams = entriesOf(report).filter(({ type }) => type === 'outbound-rtp');
  return { source, streams: streams.map(({ id }) => id) };
}

async function failureOfConnecting(error: unknown, url: string, token: string): Promise<unknown> {
  if (!(error instanceof ConnectionError)) return error;
  switch (error.reason) {
    case ConnectionErrorReason.NotAllowed:
      return new ConnectFailure('refused', error.message, await kindOfRefusal(url, token));
    case ConnectionErrorReason.Cancelled:
      return new ConnectFailure('cancelled', error.message);
    default:
      return new ConnectFailure('unreachable', error.message);
  }
}

function connectionOf(
  state: ConnectionState,
  whileSignalling: SessionView['connection'],
  before: SessionView['connection'],
): SessionView['connection'] {
  switch (state) {
    case ConnectionState.Connected:
      return 'connected';
    case ConnectionState.Reconnecting:
      return 'reconnecting';
    case ConnectionState.SignalReconnecting:
      // Told before, it is not taken back until all is well.
      return before === 'connected' ? whileSignalling : before;
    default:
      return before;
  }
}
