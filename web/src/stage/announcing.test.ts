import { beforeEach, expect, it, vi } from 'vitest';
import type { CallView } from '../call/call';
import type { Tile } from '../call/tiles';
import { Store } from '../state/store';
import { announceStage } from './announcing';
import { StageState } from './stage-state';
import { faceOf, screenOf } from './tiles-for-tests';

const [ME, BOB] = [faceOf('me', { isLocal: true }), faceOf('bob', { name: 'Bob' })];
const SCREEN = screenOf('bob', { name: 'Bob' });
const announce = vi.fn<(text: string) => void>();
let call: Store<CallView>;
let stage: StageState;

const show = (...tiles: Tile[]) =>
  call.set({ room: 'alpha', connection: 'connected', tiles, sounds: [], canPlaySound: true, isSharing: false });
const told = () => announce.mock.calls.flat();

beforeEach(() => {
  announce.mockReset();
  call = new Store<CallView>({ room: null });
  stage = new StageState(call, null);
  announceStage(call, stage.view, announce);
});

it('a screen that another shares is told once, and its end', () => {
  show(SCREEN, BOB, ME);
  show({ ...SCREEN, isPaused: true }, BOB, ME);
  show(BOB, ME);
  expect(told()).toEqual(['Bob shares a screen.', 'Bob no longer shares a screen.']);
});

it('the own screen is not told, nor that screens are gone because one left', () => {
  show(screenOf('me', { isLocal: true }), BOB, ME);
  expect(told()).toEqual([]);
  show(SCREEN, BOB, ME);
  call.set({ room: null });
  expect(told()).toEqual(['Bob shares a screen.']);
});

it('a pin is told, and its end', () => {
  show(BOB, ME);
  stage.togglePin(BOB.key);
  stage.togglePin(BOB.key);
  expect(told()).toEqual(['Bob is pinned.', 'Bob is no longer pinned.']);
});
