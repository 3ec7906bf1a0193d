import { expect, it, vi } from 'vitest';
import { NotLoaded } from '../call/reasons';
import { CallLoader, type CallCode } from './call-loader';

const CODE: CallCode = { session: vi.fn(), forget: vi.fn(), Page: () => null };

function loader() {
  const parts = {
    fetch: vi.fn(() => Promise.resolve(CODE)),
    reach: vi.fn(() => Promise.resolve()),
    reload: vi.fn(),
  };
  return { ...parts, loader: new CallLoader(parts) };
}

it('fetches once, however often it is asked', async () => {
  const { loader: call, fetch } = loader();
  await call.loadAhead();
  expect(await call.load()).toBe(CODE);
  expect(call.code.get()).toBe(CODE);
  expect(fetch).toHaveBeenCalledOnce();
});

it('after a failure takes a fresh page, when there is a server', async () => {
  const { loader: call, fetch, reach, reload } = loader();
  fetch.mockRejectedValue(new Error('offline'));
  await call.loadAhead();
  reach.mockRejectedValueOnce(new Error('offline'));
  await expect(call.load()).rejects.toThrow(NotLoaded);
  await call.loadAhead();
  expect(reload).not.toHaveBeenCalled();
  void call.load();
  await vi.waitFor(() => expect(reload).toHaveBeenCalledOnce());
  expect(fetch).toHaveBeenCalledOnce();
});
