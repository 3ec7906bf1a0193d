import { expect, it } from 'vitest';
import type { RoomSummary } from '../rooms/api';
import { searchRooms } from './search';

const room = (name: string, ...people: string[]): RoomSummary => ({
  name,
  people,
  participantCount: people.length,
  maxParticipants: 50,
  isLocked: false,
  hasWaitingRoom: false,
});
const ROOMS = [room('Zürich', 'Ada Lovelace'), room('Morning coffee', 'Łukasz', 'Zoë'), room('会議')];

it.each([
  ['', ['Zürich', 'Morning coffee', '会議']],
  ['  ', ['Zürich', 'Morning coffee', '会議']],
  ['zurich', ['Zürich']],
  ['COFFEE morn', ['Morning coffee']],
  ['zoe', ['Morning coffee']],
  ['love', ['Zürich']],
  ['会', ['会議']],
  ['nobody', []],
])('%j finds %j', (query, names) => {
  expect(searchRooms(ROOMS, query).map(({ name }) => name)).toEqual(names);
});
