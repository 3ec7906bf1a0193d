import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallView } from '../call/call';
import type { RoomListView as View } from '../rooms/room-list';
import { ServicesContext, type Services } from '../shell/services';
import { Store } from '../state/store';
import { CreateRoom } from './CreateRoom';
import { RoomListView } from './RoomListView';

const join = vi.fn();
let rooms: Store<View>;
let call: Store<CallView>;

function show(component: React.ReactNode): void {
  const services = { call: { view: call, join }, rooms: { view: rooms } } as unknown as Services;
  render(<ServicesContext value={services}>{component}</ServicesContext>);
}

beforeEach(() => {
  join.mockReset();
  rooms = new Store<View>({ rooms: [], status: 'live' });
  call = new Store<CallView>({ room: null });
});

describe('creating a room', () => {
  const create = () => screen.getByRole<HTMLButtonElement>('button', { name: 'Create' });

  it('is off while the name is empty, and works by Enter and by the button', async () => {
    const user = userEvent.setup();
    show(<CreateRoom />);
    expect(create().disabled).toBe(true);
    await user.type(screen.getByLabelText('Room Name'), 'alpha{Enter}');
    expect(create().disabled).toBe(true);
    await user.type(screen.getByLabelText('Room Name'), 'beta');
    await user.click(create());
    expect(join.mock.calls).toEqual([['alpha'], ['beta']]);
  });

  it('says why a name cannot be', async () => {
    const user = userEvent.setup();
    show(<CreateRoom />);
    await user.type(screen.getByLabelText('Room Name'), 'a/b{Enter}');
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
      rooms: [
        { name: 'alpha', participantCount: 2, maxParticipants: 50 },
        { name: 'beta', participantCount: 1, maxParticipants: 4 },
      ],
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
});
