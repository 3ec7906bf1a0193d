// What the stage of a call shows: who sits where, which tile is large, which layout the person chose. Follows the call; a component
// tells it only how many people the first page holds.
import type { CallView } from '../call/call';
import type { Tile } from '../call/tiles';
import { Store, type Readable } from '../state/store';
import { arrange, tilesOf, type Arrangement, type LayoutChoice } from './arrangement';
import { dueAt, followed, NOBODY, type Following } from './follow';
import { NO_SEATS, seated, swapped, type Seats } from './seats';

const KEY = 'visavis.layout';

export interface StageView {
  arrangement: Arrangement;
  choice: LayoutChoice;
  /** The key of the pinned tile; null if none is, or it is gone. */
  pinned: string | null;
}

const EMPTY: Arrangement = { kind: 'grid', tiles: [] };

export class StageState {
  readonly view: Store<StageView>;
  readonly #call: Readable<CallView>;
  readonly #storage: Storage | null;
  readonly #now: () => number;
  #choice: LayoutChoice;
  #pinned: string | null = null;
  #only: string | null = null;
  #capacity = Infinity;
  #seats: Seats = NO_SEATS;
  #following: Following = NOBODY;
  #room: string | null = null;
  #largeFace: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(call: Readable<CallView>, storage: Storage | null, now: () => number = Date.now) {
    this.#call = call;
    this.#storage = storage;
    this.#now = now;
    this.#choice = storage?.getItem(KEY) === 'speaker' ? 'speaker' : 'grid';
    this.view = new Store<StageView>({ arrangement: EMPTY, choice: this.#choice, pinned: null });
    call.subscribe(() => this.#refresh());
    this.#refresh();
  }

  /** The layout from now on, kept for the next calls; what was pinned no longer is, else nothing would be seen to happen. */
  choose(choice: LayoutChoice): void {
    this.#choice = choice;
    this.#pinned = null;
    this.#storage?.setItem(KEY, choice);
    this.#refresh();
  }

  /** Makes a tile large until unpinned; null unpins. */
  pin(key: string | null): void {
    this.#pinned = key;
    this.#refresh();
  }

  togglePin(key: string): void {
    this.pin(this.view.get().pinned === key ? null : key);
  }

  /** Shows one tile alone, as full screen does; null ends that. */
  showOnly(key: string | null): void {
    this.#only = key;
    this.#refresh();
  }

  /** How many people the first page has places for, whoever is large included. */
  setCapacity(capacity: number): void {
    if (capacity === this.#capacity) return;
    this.#capacity = capacity;
    this.#refresh();
  }

  #refresh(): void {
    const view = this.#call.get();
    if (view.room !== this.#room) this.#reset(view.room);
    const tiles = view.room === null ? [] : view.tiles;
    const faces = tiles.filter(({ source }) => source === 'camera');
    const now = this.#now();
    const pinnedFace = faces.find(({ key }) => key === this.#pinned)?.identity ?? null;
    // While the connection is away everybody seems to be gone, too: their places are kept until it is back.
    if (view.room !== null && view.connection === 'connected')
      this.#seats = seated(this.#seats, faces, this.#capacity, now, pinnedFace === null ? [] : [pinnedFace]);
    this.#follow(faces, now);
    let sorted = this.#sorted(faces);
    let arrangement = this.#arrange(sorted, tiles);
    if (this.#exchangeLarge(arrangement)) {
      sorted = this.#sorted(faces);
      arrangement = this.#arrange(sorted, tiles);
    }
    const pinned = tiles.some(({ key }) => key === this.#pinned) ? this.#pinned : null;
    const before = this.view.get();
    if (isSame(before.arrangement, arrangement) && before.choice === this.#choice && before.pinned === pinned) return;
    this.view.set({ arrangement, choice: this.#choice, pinned });
  }

  #arrange(faces: readonly Tile[], tiles: readonly Tile[]): Arrangement {
    const screens = tiles.filter(({ source }) => source === 'screen_share');
    const { shown } = this.#following;
    return arrange(faces, screens, { choice: this.#choice, pinned: this.#pinned, speaker: shown, only: this.#only });
  }

  #sorted(faces: readonly Tile[]): Tile[] {
    const place = new Map(this.#seats.order.map((identity, index) => [identity, index]));
    return faces.toSorted((a, b) => (place.get(a.identity) ?? Infinity) - (place.get(b.identity) ?? Infinity));
  }

  /** Whoever was large takes the place of whoever is now, so that the strip changes in one place only. */
  #exchangeLarge(arrangement: Arrangement): boolean {
    const large = arrangement.kind === 'large' ? arrangement.large : null;
    const before = this.#largeFace;
    this.#largeFace = large?.source === 'camera' && !large.isLocal ? large.identity : null;
    if (before === null || this.#largeFace === null || before === this.#largeFace) return false;
    this.#seats = { ...this.#seats, order: swapped(this.#seats.order, before, this.#largeFace) };
    return true;
  }

  #follow(faces: readonly Tile[], now: number): void {
    const others = faces.filter(({ isLocal }) => !isLocal);
    const dominant = others.find(({ isDominant }) => isDominant)?.identity ?? null;
    const present = this.#seats.order.filter((identity) => others.some((face) => face.identity === identity));
    this.#following = followed(this.#following, dominant, present, now);
    clearTimeout(this.#timer);
    const due = dueAt(this.#following);
    if (due !== null) this.#timer = setTimeout(() => this.#refresh(), Math.max(0, due - now));
  }

  #reset(room: string | null): void {
    this.#room = room;
    this.#pinned = this.#only = this.#largeFace = null;
    this.#seats = NO_SEATS;
    this.#following = NOBODY;
  }
}

function isSame(a: Arrangement, b: Arrangement): boolean {
  const [before, after] = [tilesOf(a), tilesOf(b)];
  return (
    a.kind === b.kind && before.length === after.length && before.every((tile, index) => Object.is(tile, after[index]))
  );
}
