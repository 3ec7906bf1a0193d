// Two participants of one page in the test's room, by the same client library and in the same way as in a call: who sends, and
// who hears.
import { ConnectionState, Room, RoomEvent, Track, type LocalTrackPublication, type RemoteTrack } from 'livekit-client';
import type { Session } from './session';

const CONNECT = { maxRetries: 0, websocketTimeout: 8_000, peerConnectionTimeout: 10_000 };

export class Pair {
  readonly sender = new Room({ stopLocalTrackOnUnpublish: false, disconnectOnPageLeave: true });
  readonly hearer = new Room({ disconnectOnPageLeave: true });

  /** Throws why not if either cannot connect. */
  async connect({ url, sender, hearer }: Session): Promise<void> {
    await Promise.all([this.sender.connect(url, sender, CONNECT), this.hearer.connect(url, hearer, CONNECT)]);
  }

  get isConnected(): boolean {
    return [this.sender, this.hearer].every(({ state }) => state === ConnectionState.Connected);
  }

  async close(): Promise<void> {
    await Promise.all([this.sender.disconnect(), this.hearer.disconnect()]);
  }

  /** Publishes for as long as `during` takes; it gets what was published, and the same as it arrives, or null if it does not. */
  async publish<T>(
    track: MediaStreamTrack,
    options: { maxBitrate?: number },
    during: (sent: LocalTrackPublication, arrives: Promise<RemoteTrack | null>) => Promise<T>,
  ): Promise<T> {
    const arrives = this.#arrives(track.kind === 'video' ? Track.Source.Camera : Track.Source.Microphone);
    const sent = await this.sender.localParticipant.publishTrack(track, {
      source: track.kind === 'video' ? Track.Source.Camera : Track.Source.Microphone,
      ...(options.maxBitrate !== undefined && {
        simulcast: false,
        degradationPreference: 'maintain-resolution' as const,
        videoCodec: 'vp8' as const,
        videoEncoding: { maxBitrate: options.maxBitrate, maxFramerate: 30 },
      }),
    });
    try {
      return await during(sent, arrives.track);
    } finally {
      arrives.stop();
      await this.sender.localParticipant.unpublishTrack(track, false).catch(() => undefined);
    }
  }

  #arrives(source: Track.Source): { track: Promise<RemoteTrack | null>; stop: () => void } {
    let stop: () => void = () => undefined;
    const track = new Promise<RemoteTrack | null>((resolve) => {
      const listen = (arrived: RemoteTrack) => {
        if (arrived.source === source) end(arrived);
      };
      const end = (result: RemoteTrack | null) => {
        clearTimeout(timer);
        this.hearer.off(RoomEvent.TrackSubscribed, listen);
        resolve(result);
      };
      const timer = setTimeout(() => end(null), 8_000);
      this.hearer.on(RoomEvent.TrackSubscribed, listen);
      stop = () => end(null);
    });
    return { track, stop: () => stop() };
  }
}
