import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import { Store } from '../state/store';
import type { Action, Admin } from './admin';
import type { PersonLine, RoomDetail, RoomLine } from './api';
import { bitrate, bytes, duration, share } from './format';
import { HistoryTable } from './HistoryTable';
import { queryOf } from './HistoryView';
import { RoomsTable } from './RoomsTable';
import { sorted } from './sorting';
import { sparklinePath } from './Sparkline';

const room = (name: string, people: number, lossIn: number | null = null): RoomLine => ({
  sid: `RM_${name}`,
  name,
  startedAt: 0,
  maxParticipants: 50,
  people,
  participants: people,
  tracks: 0,
  bitrateIn: 1_000_000,
  bitrateOut: 0,
  lossIn,
  lossOut: null,
});

const person: PersonLine = {
  sid: 'PA_1',
  identity: 'alice',
  name: 'Alice',
  kind: 'standard',
  state: 'active',
  isHidden: false,
  joinedAt: 0,
  client: 'js 2.23',
  bitrateIn: 2_000_000,
  bitrateOut: 0,
  lossIn: 0.021,
  lossOut: null,
  rtt: 0.024,
  estimate: null,
  tracks: [
    {
      sid: 'TR_1',
      kind: 'video',
      source: 'camera',
      name: '',
      mimeType: 'video/vp8',
      isMuted: false,
      bitrateIn: 1_900_000,
      lossIn: 0,
      subscribers: 1,
      bitrateOut: 1_900_000,
      lossOut: null,
    },
  ],
};

function shown(rooms: RoomLine[], opened: [string, RoomDetail | null][] = [], hasFigures = true) {
  const overview = new Store({ hasFigures });
  const admin = { overview, rooms: new Store(rooms), opened: new Store(new Map(opened)), toggle: vi.fn() };
  const onAction = vi.fn<(action: Action) => void>();
  render(<RoomsTable admin={admin as unknown as Admin} onAction={onAction} />);
  return { admin, onAction };
}

const names = () => screen.getAllByTestId('room-row').map((row) => row.dataset['room']);

it('rooms are sorted by any column, from the keyboard, and say so', async () => {
  shown([room('b', 2, 0.5), room('a', 9), room('c', 1, 0.1)]);
  expect(names()).toEqual(['a', 'b', 'c']);
  screen.getByTestId('sort-people').focus();
  await userEvent.keyboard('{Enter}');
  expect(names()).toEqual(['c', 'b', 'a']);
  expect(screen.getByRole('columnheader', { name: 'People' }).getAttribute('aria-sort')).toBe('ascending');
  await userEvent.keyboard('{Enter}');
  expect(names()).toEqual(['a', 'b', 'c']);
  expect(screen.getByRole('columnheader', { name: 'People' }).getAttribute('aria-sort')).toBe('descending');
  await userEvent.click(screen.getByTestId('sort-lossIn'));
  expect(names()).toEqual(['c', 'b', 'a']);
});

it('an opened room shows people, their tracks, and what can be done', async () => {
  const { onAction } = shown([room('atrium', 1)], [['atrium', { ...room('atrium', 1), people: [person] }]]);
  const row = screen.getByTestId('person-row');
  expect(row.textContent).toContain('Alice');
  expect(row.textContent).toContain('2 Mbit/s');
  expect(row.textContent).toContain('2.1%');
  expect(row.textContent).toContain('24 ms');
  const track = screen.getByTestId('track-row');
  expect(track.textContent).toContain('Camera');
  expect(track.textContent).toContain('received by 1 person');
  await userEvent.click(within(track).getByRole('button', { name: 'Mute Camera of Alice' }));
  await userEvent.click(screen.getByRole('button', { name: 'Remove Alice' }));
  await userEvent.click(screen.getByRole('button', { name: 'End room atrium' }));
  expect(onAction.mock.calls.map(([action]) => action.kind)).toEqual(['mute', 'remove', 'end']);
  expect(onAction.mock.calls[0]?.[0]).toMatchObject({ identity: 'alice', track: 'TR_1', room: 'atrium' });
});

it('what nobody counts has no columns', () => {
  const uncounted = { bitrateIn: null, bitrateOut: null, lossIn: null, lossOut: null };
  const [track] = person.tracks;
  const tracks = track ? [{ ...track, ...uncounted, subscribers: null }] : [];
  const people = [{ ...person, ...uncounted, rtt: null, tracks }];
  const line = { ...room('atrium', 1), ...uncounted, maxParticipants: 0 };
  shown([line], [['atrium', { ...line, people }]], false);
  const text = screen.getByTestId('rooms-table').textContent;
  expect(text).toContain('Alice');
  expect(text).toContain('Camera');
  for (const absent of ['–', 'Incoming', 'Round trip', '/ 0']) expect(text).not.toContain(absent);
});

it('the history has columns of figures where there are any', () => {
  const row = { sid: 'PA_1', name: 'Alice', startedAt: 0, endedAt: 61_000, endReason: 'participant_left' };
  const heads = () => screen.getAllByRole('columnheader').map((head) => head.textContent);
  const { rerender } = render(<HistoryTable kind="sessions" rows={[{ ...row, bytesIn: null }]} hasFigures={false} />);
  expect(heads()).toEqual(['Person', 'Room', 'Began', 'Lasted', 'Ended']);
  // From before the move to a cluster.
  rerender(<HistoryTable kind="sessions" rows={[row, { ...row, sid: 'PA_2', bytesIn: 5 }]} hasFigures={false} />);
  expect(heads()).toContain('Incoming');
  rerender(<HistoryTable kind="sessions" rows={[]} hasFigures />);
  expect(heads()).toContain('Outgoing');
});

it('the history says when and why, in words', () => {
  const ended = { sid: 'PA_1', name: 'Alice', startedAt: 0, endedAt: 61_000, endReason: 'participant_removed' };
  const open = {
    sid: 'PA_2',
    name: '',
    identity: 'bob',
    startedAt: 0,
    endedAt: null,
    endReason: null,
    bytesIn: 1_500_000,
  };
  render(
    <HistoryTable
      kind="sessions"
      rows={[ended, open, { ...ended, sid: 'PA_3', endReason: 'something_new' }]}
      hasFigures
    />,
  );
  const rows = screen.getAllByTestId('history-row').map((row) => row.textContent);
  expect(rows[0]).toContain('1:01');
  expect(rows[0]).toContain('removed');
  expect(rows[1]).toContain('bob');
  expect(rows[1]).toContain('1.5 MB');
  expect(rows[1]).toContain('goes on');
  expect(rows[2]).toContain('something_new');
});

it('a filter is what its form says, with nothing where nothing was said', () => {
  const form = new FormData();
  form.set('kind', 'tracks');
  form.set('room', ' atrium ');
  form.set('since', '2026-01-02T03:04');
  form.set('until', '');
  expect(queryOf(form)).toEqual({
    kind: 'tracks',
    room: 'atrium',
    person: '',
    since: new Date(2026, 0, 2, 3, 4).getTime(),
    until: null,
  });
});

it('what is not known comes last, either way', () => {
  const valueOf = (row: number | null) => row;
  expect(sorted([2, null, 1], { column: 'x', ascending: true }, valueOf)).toEqual([1, 2, null]);
  expect(sorted([2, null, 1], { column: 'x', ascending: false }, valueOf)).toEqual([2, 1, null]);
});

it('a chart ends with the latest value and reaches from zero to the highest', () => {
  expect(sparklinePath([], 30)).toBe('');
  expect(sparklinePath([0, 5, 10], 3)).toBe('M0.0 30.0L60.0 16.0L120.0 2.0');
  expect(sparklinePath([0, 0], 3)).toBe('M60.0 30.0L120.0 30.0');
});

it('figures are short', () => {
  expect([bitrate(999), bitrate(1_240_000), bitrate(2.5e9)]).toEqual(['1 kbit/s', '1.24 Mbit/s', '2.5 Gbit/s']);
  expect([bytes(null), bytes(512), bytes(1_500_000), bytes(22e9)]).toEqual(['–', '512 B', '1.5 MB', '22 GB']);
  expect([share(null), share(0), share(0.005), share(0.5)]).toEqual(['–', '0%', '0.5%', '50%']);
  expect([duration(5), duration(65), duration(3661)]).toEqual(['0:05', '1:05', '1:01:01']);
});
