// Makes what one local source publishes follow what it should: a track, or silence. Steps are taken one after the other, since the
// client library's own publish, replace and mute must not overlap.
import { Track, type LocalParticipant, type TrackPublishOptions } from 'livekit-client';

type Participant = Pick<LocalParticipant, 'getTrackPublication' | 'publishTrack'>;

export class Publisher {
  readonly #participant: Participant;
  readonly #source: Track.Source;
  readonly #options: TrackPublishOptions;
  readonly #failed: (error: unknown) => void;
  #wanted: MediaStreamTrack | null = null;
  #busy = false;
  #again = false;
  #closed = false;

  constructor(
    participant: Participant,
    source: Track.Source,
    options: TrackPublishOptions,
    failed: (error: unknown) => void,
  ) {
    this.#participant = participant;
    this.#source = source;
    this.#options = options;
    // What fails because the connection ends is nothing to tell.
    this.#failed = (error) => {
      if (!this.#closed) failed(error);
    };
  }

  /** The track that others should get; null mutes. */
  set(track: MediaStreamTrack | null): void {
    this.#wanted = track;
    void this.#run();
  }

  close(): void {
    this.#closed = true;
  }

  async #run(): Promise<void> {
    this.#again = true;
    if (this.#busy) return;
    this.#busy = true;
    for (;;) {
      if (!this.#again || this.#closed) break;
      this.#again = false;
      try {
        await this.#step(this.#wanted);
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#busy = false;
  }

  async #step(track: MediaStreamTrack | null): Promise<void> {
    // Looked up each time: a full reconnect publishes anew, as another publication.
    const publication = this.#participant.getTrackPublication(this.#source);
    if (!track) {
      await publication?.mute();
    } else if (!publication?.track) {
      await this.#participant.publishTrack(track, { ...this.#options, source: this.#source });
    } else {
      if (publication.track.mediaStreamTrack !== track) await publication.track.replaceTrack(track, true);
      await publication.unmute();
    }
  }
}
