import { expect, it, vi } from 'vitest';
import type { RoomSummary, VideoApi } from './api';
import { RoomList } from './room-list';

const ALPHA: RoomSummary = {
  name: 'alpha',
  participantCount: 1,
  maxParticipants: 50,
  people: [],
  isLocked: false,
  hasWaitingRoom: false,
};

function server() {
  const answers: { resolve: (rooms: RoomSummary[]) => void; reject: (error: Error) => void }[] = [];
  const rooms = vi.fn(() => new Promise<RoomSummary[]>((resolve, reject) => answers.push({ resolve, reject })));
  return { answers, rooms, list: new RoomList({ rooms } as unknown as VideoApi) };
}

it('is loading until the first answer, then live', async () => {
  const { answers, list } = server();
  expect(list.view.get()).toEqual({ rooms: [], status: 'loading' });
  const refreshed = list.refresh();
  answers[0]?.resolve([ALPHA]);
  await refreshed;
  expect(list.view.get()).toEqual({ rooms: [ALPHA], status: 'live' });
});

it('changes told during a fetch cause one more, not one each', async () => {
  const { answers, rooms, list } = server();
  const refreshed = list.refresh();
  for (let told = 0; told < 5; told++) void list.refresh();
  answers[0]?.resolve([]);
  await vi.waitFor(() => expect(rooms).toHaveBeenCalledTimes(2));
  answers[1]?.resolve([ALPHA]);
  await refreshed;
  expect(rooms).toHaveBeenCalledTimes(2);
  expect(list.view.get().rooms).toEqual([ALPHA]);
});

it('keeps what it knew, as stale, while the server does not answer', async () => {
  const { answers, list } = server();
  const first = list.refresh();
  answers[0]?.resolve([ALPHA]);
  await first;
  const second = list.refresh();
  answers[1]?.reject(new Error('down'));
  await second;
  expect(list.view.get()).toEqual({ rooms: [ALPHA], status: 'stale' });
});
