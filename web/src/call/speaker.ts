// Keeps the call's sound on the speaker that the person chose while that is there, and else on the system's own.
import type { Room } from 'livekit-client';
import type { LocalMedia } from '../media/local-media';

type RoomPart = Pick<Room, 'getActiveDevice' | 'switchActiveDevice'>;
type MediaPart = Pick<LocalMedia, 'speaker'> & { devices: Pick<LocalMedia['devices'], 'get'> };

export class SpeakerSwitch {
  readonly #room: RoomPart;
  readonly #media: MediaPart;
  /** Browsers list a speaker for a moment after it went: not tried again until the list changes. */
  #failed: string | undefined;

  constructor(room: RoomPart, media: MediaPart) {
    this.#room = room;
    this.#media = media;
  }

  /** The devices or the choice changed. */
  changed(): void {
    this.#failed = undefined;
    void this.follow();
  }

  /** Also when the client library takes another by itself, which it does by its own list. */
  async follow(): Promise<void> {
    const chosen = this.#media.speaker();
    const wanted = chosen === undefined || chosen === this.#failed ? this.#systems() : chosen;
    if (wanted === (this.#room.getActiveDevice('audiooutput') ?? '')) return;
    try {
      await this.#room.switchActiveDevice('audiooutput', wanted);
    } catch {
      // Without `setSinkId` (WebKit on phones, Firefox before 116) there are no speakers to choose, and the system's is the only one.
      if (wanted !== chosen) return;
      this.#failed = wanted;
      await this.follow();
    }
  }

  /** An empty id is the system's everywhere; where the list names it, the client library knows it by that name. */
  #systems(): string {
    const isNamed = this.#media.devices.get().speakers.some(({ deviceId }) => deviceId === 'default');
    // What it believes before anything was chosen.
    return isNamed || this.#room.getActiveDevice('audiooutput') === 'default' ? 'default' : '';
  }
}
