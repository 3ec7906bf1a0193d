import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallView } from '../call/call';
import type { Tile } from '../call/tiles';
import { Store } from '../state/store';
import { tilesOf } from './arrangement';
import { StageState } from './stage-state';
import { faceOf, screenOf } from './tiles-for-tests';

const ME = faceOf('me', { isLocal: true });
const [A, B, C] = [faceOf('a'), faceOf('b'), faceOf('c')];
const leading = (tile: Tile): Tile => ({ ...tile, isSpeaking: true, isDominant: true });

let call: Store<CallView>;
let stage: StageState;

function show(tiles: Tile[], connection: 'connected' | 'reconnecting' = 'connected'): void {
  call.set({ room: 'alpha', connection, tiles, sounds: [], canPlaySound: true, isSharing: false });
}

function shown(): string {
  const { arrangement } = stage.view.get();
  return `${arrangement.kind}: ${tilesOf(arrangement)
    .map(({ key }) => key.replace(' camera', ''))
    .join(' ')}`;
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000 });
  localStorage.clear();
  call = new Store<CallView>({ room: null });
  stage = new StageState(call, localStorage);
});

describe('the grid', () => {
  it('keeps people where they are while the connection is away and after', () => {
    show([A, ME]);
    show([A, C, ME]);
    show([A, B, C, ME]);
    expect(shown()).toBe('grid: me a c b');
    show([ME], 'reconnecting');
    show([A, B, C, ME]);
    expect(shown()).toBe('grid: me a c b');
  });

  it('is told no change when there is none to draw', () => {
    show([A, B, ME]);
    const told = vi.fn();
    stage.view.subscribe(told);
    call.set({ ...call.get() });
    expect(told).not.toHaveBeenCalled();
  });

  it('brings who speaks on another page to the first', () => {
    stage.setCapacity(3);
    show([A, B, C, ME]);
    show([A, B, leading(C), ME]);
    expect(shown()).toBe('grid: me c b a');
  });

  it('begins anew in another room', () => {
    show([B, A, ME]);
    stage.pin('a camera');
    call.set({ room: null });
    show([A, B, ME]);
    expect(shown()).toBe('grid: me a b');
  });
});

describe('the speaker layout', () => {
  beforeEach(() => stage.choose('speaker'));

  it('is kept for the next time', () => {
    expect(new StageState(call, localStorage).view.get().choice).toBe('speaker');
  });

  it('follows who leads the talk, by itself after a while, and the strip changes in one place', () => {
    show([A, B, C, ME]);
    expect(shown()).toBe('large: a me b c');
    show([A, B, leading(C), ME]);
    expect(shown()).toBe('large: a me b c');
    vi.advanceTimersByTime(1_200);
    expect(shown()).toBe('large: c me b a');
  });

  it('stays with the pinned one, until unpinned', () => {
    show([A, B, C, ME]);
    stage.togglePin('b camera');
    show([A, B, leading(C), ME]);
    vi.advanceTimersByTime(5_000);
    expect(shown()).toBe('large: b me a c');
    stage.togglePin('b camera');
    expect(shown()).toMatch(/^large: c /);
  });
});

describe('a pin', () => {
  it('is no longer told when the tile is gone, and holds again when it is back', () => {
    const screen = screenOf('a');
    show([screen, A, B, ME]);
    stage.pin(screen.key);
    expect(stage.view.get().pinned).toBe(screen.key);
    show([A, B, ME]);
    expect(stage.view.get()).toMatchObject({ pinned: null, arrangement: { kind: 'grid' } });
    show([screen, A, B, ME]);
    expect(stage.view.get().pinned).toBe(screen.key);
  });

  it('ends when a layout is chosen', () => {
    show([A, B, ME]);
    stage.pin('a camera');
    stage.choose('grid');
    expect(shown()).toBe('grid: me a b');
  });
});
