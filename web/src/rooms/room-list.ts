// The list of rooms, kept right by the hub: every "rooms changed" fetches it anew, and so does each return of a lost connection.
import { Store } from '../state/store';
import type { RoomSummary, VideoApi } from './api';

export interface RoomListView {
  rooms: readonly RoomSummary[];
  /** `loading` until the first answer; `stale` while the server cannot be reached. */
  status: 'loading' | 'live' | 'stale';
}

export class RoomList {
  readonly view = new Store<RoomListView>({ rooms: [], status: 'loading' });
  readonly #api: VideoApi;
  #fetching = false;
  #again = false;

  constructor(api: VideoApi) {
    this.#api = api;
  }

  /** Fetches the list; changes told while a fetch is under way cause one more, not one each. */
  async refresh(): Promise<void> {
    this.#again = true;
    if (this.#fetching) return;
    this.#fetching = true;
    while (this.#again) {
      this.#again = false;
      try {
        this.view.set({ rooms: await this.#api.rooms(), status: 'live' });
      } catch {
        this.lost(); // Shown in the list; the hub's return asks again.
      }
    }
    this.#fetching = false;
  }

  lost(): void {
    this.view.set({ ...this.view.get(), status: 'stale' });
  }
}
