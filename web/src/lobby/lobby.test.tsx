import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallView } from '../call/call';
import type { RoomSummary } from '../rooms/api';
import type { RoomListView as View } from '../rooms/room-list';
import { Recents } from '../rooms/recents';
import { ServicesContext, type Services } from '../shell/services';
import { Store } from '../state/store';
import { CreateRoom } from './CreateRoom';
import { RecentRooms } from './RecentRooms';
import { RoomListView } from './RoomListView';

const join = vi.fn();
let rooms: Store<View>;
let call: Store<CallView>;
let recents: Recents;

const room = (name: string, changes: Partial<RoomSummary> = {}): RoomSummary => ({
  name,
  participantCount: 0,
  maxParticipants: 50,
  people: [],
  isLocked: false,
  hasWaitingRoom: false,
  ...changes,
});

function show(component: React.ReactNode): void {
  const services = { call: { view: call, join }, rooms: { view: rooms }, recents } as unknown as Services;
  render(<ServicesContext value={services}>{component}</ServicesContext>);
}

beforeEach(() => {
  join.mockReset();
  localStorage.clear();
  recents = new Recents(localStorage);
  rooms = new Store<View>({ rooms: [], status: 'live' });
  call = new Store<CallView>({ room: null });
});

const USUAL = { listed: true, showPeople: true, waitingRoom: false };

describe('creating a room', () => {
  const create = () => screen.getByRole<HTMLButtonElement>('button', { name: 'Create' });

  it('is off while the name is empty, and works by Enter and by the button', async () => {
    const user = userEvent.setup();
    show(<CreateRoom />);
    expect(create().disabled).toBe(true);
    await user.type(screen.getByLabelText('Room name'), 'alpha{Enter}');
    expect(create().disabled).toBe(true);
    await user.type(screen.getByLabelText('Room name'), 'beta');
    await user.click(create());
    expect(join.mock.calls).toEqual([
      ['alpha', USUAL],
      ['beta', USUAL],
    ]);
  });

  it('suggests a name, and takes what the room shall be like', async () => {
    const user = userEvent.setup();
    show(<CreateRoom />);
    await user.click(screen.getByRole('button', { name: 'Suggest a name' }));
    const suggested = screen.getByLabelText<HTMLInputElement>('Room name').value;
    await user.click(screen.getByText('Options'));
    await user.click(screen.getByLabelText('Show who is inside'));
    await user.click(screen.getByLabelText(/knock/));
    await user.click(create());
    expect(join).toHaveBeenCalledWith(suggested, { listed: true, showPeople: false, waitingRoom: true });
  });

  it('says why a name cannot be', async () => {
    const user = userEvent.setup();
    show(<CreateRoom />);
    await user.type(screen.getByLabelText('Room name'), 'a/b{Enter}');
    expect(create().disabled).toBe(true);
    expect(screen.getByRole('alert').textContent).toMatch(/“\/”/);
    expect(join).not.toHaveBeenCalled();
  });
});

describe('the list of rooms', () => {
  it('says what to do when it is empty, but not before it is known to be', () => {
    rooms.set({ rooms: [], status: 'loading' });
    show(<RoomListView />);
    expect(screen.queryByTestId('rooms-empty')).toBeNull();
    act(() => rooms.set({ rooms: [], status: 'live' }));
    expect(screen.getByTestId('rooms-empty').textContent).toMatch(/^Add a room to begin/);
  });

  it('shows counts, marks the joined room, and joins by click', async () => {
    rooms.set({
      rooms: [room('alpha', { participantCount: 2 }), room('beta', { participantCount: 1, maxParticipants: 4 })],
      status: 'live',
    });
    call.set({ room: 'beta', connection: 'joining', tiles: [], sounds: [], canPlaySound: true, isSharing: false });
    show(<RoomListView />);
    const rows = screen.getAllByTestId('room-row');
    expect(screen.getAllByTestId('room-count').map(({ textContent }) => textContent)).toEqual(['2 / 50', '1 / 4']);
    expect(rows.map((row) => row.getAttribute('aria-current'))).toEqual([null, 'true']);
    await userEvent.click(rows[0] as HTMLElement);
    expect(join).toHaveBeenCalledWith('alpha');
  });

  it('says that it may be old while the server is away', () => {
    rooms.set({ rooms: [], status: 'stale' });
    show(<RoomListView />);
    expect(screen.getByRole('status').textContent).toMatch(/cannot be reached/);
  });

  it('says who is inside, and of whom one gets no further', () => {
    rooms.set({
      rooms: [
        room('alpha', { people: ['Ada', 'Bob', 'Carol', 'Dave'], participantCount: 6 }),
        room('beta', { participantCount: 4, maxParticipants: 4 }),
        room('gamma', { isLocked: true, hasWaitingRoom: true }),
        room('delta', { hasWaitingRoom: true, people: ['Eve'], participantCount: 1 }),
      ],
      status: 'live',
    });
    show(<RoomListView />);
    expect(screen.getAllByTestId('room-row').map(({ textContent }) => textContent)).toEqual([
      'alphaAda, Bob, Carol and 3 others6 / 50',
      'betafull4 / 4',
      'gamma locked0 / 50',
      'delta by knockingEve1 / 50',
    ]);
  });

  it('is searched by names of rooms and people, from six rooms on', async () => {
    const many = ['one', 'two', 'three', 'four', 'five'].map((name) => room(name, { people: [`host of ${name}`] }));
    rooms.set({ rooms: many, status: 'live' });
    show(<RoomListView />);
    expect(screen.queryByTestId('room-search')).toBeNull();
    act(() => rooms.set({ rooms: [...many, room('six')], status: 'live' }));
    const user = userEvent.setup();
    await user.type(screen.getByTestId('room-search'), 'HOST three');
    expect(screen.getAllByTestId('room-row').map(({ dataset }) => dataset['room'])).toEqual(['three']);
    await user.clear(screen.getByTestId('room-search'));
    await user.type(screen.getByTestId('room-search'), 'seven');
    expect(screen.queryAllByTestId('room-row')).toEqual([]);
    expect(screen.getByTestId('rooms-none-found').textContent).toMatch(/“seven”/);
  });

  it('of very many draws some, and more when asked to', async () => {
    const many = Array.from({ length: 1000 }, (_, number) => room(`room ${number}`));
    rooms.set({ rooms: many, status: 'live' });
    show(<RoomListView />);
    expect(screen.getAllByTestId('room-row')).toHaveLength(50);
    await userEvent.click(screen.getByTestId('show-more'));
    expect(screen.getAllByTestId('room-row')).toHaveLength(150);
  });
});

describe('rooms the person was in', () => {
  it('are shown unless they are open now, joined by a press, and forgotten', async () => {
    for (const name of ['alpha', 'beta', 'gamma']) recents.add(name);
    rooms.set({ rooms: [room('beta')], status: 'live' });
    const user = userEvent.setup();
    show(<RecentRooms />);
    const names = () => screen.queryAllByTestId('recent').map(({ textContent }) => textContent);
    expect(names()).toEqual(['gamma', 'alpha']);
    await user.click(screen.getByText('alpha'));
    expect(join).toHaveBeenCalledWith('alpha');
    await user.click(screen.getByRole('button', { name: 'Forget gamma' }));
    expect(names()).toEqual(['alpha']);
    await user.click(screen.getByText('Forget all'));
    expect(names()).toEqual([]);
  });
});
