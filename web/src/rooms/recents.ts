// The rooms this browser was in last, newest first: kept until they are forgotten.
import { Store } from '../state/store';
import { isRoomName } from './names';

const KEY = 'visavis.recent-rooms';
const MOST = 8;

export class Recents extends Store<readonly string[]> {
  readonly #storage: Storage | null;

  constructor(storage: Storage | null) {
    super(read(storage));
    this.#storage = storage;
  }

  add(room: string): void {
    this.#keep([room, ...this.get().filter((name) => name !== room)].slice(0, MOST));
  }

  forget(room: string): void {
    this.#keep(this.get().filter((name) => name !== room));
  }

  forgetAll(): void {
    this.#keep([]);
  }

  #keep(rooms: readonly string[]): void {
    this.set(rooms);
    if (rooms.length === 0) this.#storage?.removeItem(KEY);
    else this.#storage?.setItem(KEY, JSON.stringify(rooms));
  }
}

function read(storage: Storage | null): readonly string[] {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(KEY) ?? '[]');
    if (!Array.isArray(kept)) return [];
    return kept.filter((name): name is string => typeof name === 'string' && isRoomName(name)).slice(0, MOST);
  } catch {
    return []; // Somebody else wrote there.
  }
}
