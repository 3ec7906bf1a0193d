import { beforeEach, expect, it, vi } from 'vitest';
import { Store } from '../state/store';
import { keepScreenOn } from './wake-lock';

class FakeLock {
  released = false;
  release = () => {
    this.released = true;
    return Promise.resolve();
  };
}

let locks: FakeLock[];
let page: EventTarget & { hidden: boolean };
let call: Store<{ room: string | null }>;
const held = () => locks.filter(({ released }) => !released).length;
const request = vi.fn(() => {
  const lock = new FakeLock();
  locks.push(lock);
  return Promise.resolve(lock as unknown as WakeLockSentinel);
});
const show = (shown: boolean) => {
  page.hidden = !shown;
  // As browsers do.
  if (!shown) for (const lock of locks) lock.released = true;
  page.dispatchEvent(new Event('visibilitychange'));
};

beforeEach(() => {
  locks = [];
  request.mockClear();
  page = Object.assign(new EventTarget(), { hidden: false });
  call = new Store<{ room: string | null }>({ room: null });
  keepScreenOn(page as unknown as Document, call, { request });
});

it('the screen stays on in a call, and only there', async () => {
  expect(request).not.toHaveBeenCalled();
  call.set({ room: 'alpha' });
  await vi.waitFor(() => expect(held()).toBe(1));
  call.set({ room: 'alpha' });
  await Promise.resolve();
  expect(request).toHaveBeenCalledOnce();
  call.set({ room: null });
  await vi.waitFor(() => expect(held()).toBe(0));
});

it('again when the page is shown again', async () => {
  call.set({ room: 'alpha' });
  await vi.waitFor(() => expect(held()).toBe(1));
  show(false);
  expect(held()).toBe(0);
  show(true);
  await vi.waitFor(() => expect(held()).toBe(1));
});

it('one that comes when the call is over is given back', async () => {
  call.set({ room: 'alpha' });
  call.set({ room: null });
  await vi.waitFor(() => expect(locks).toHaveLength(1));
  await vi.waitFor(() => expect(held()).toBe(0));
});
