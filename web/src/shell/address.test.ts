import { expect, it } from 'vitest';
import { isCheckupPath, pathOfRoom, roomOfPath } from './address';

it.each(['alpha', 'Morning coffee', 'Zürich', 'a?b#c', '100%', '会議', '..a'])(
  '%j has a path and is found in it',
  (room) => {
    for (const base of ['/', '/video/']) expect(roomOfPath(pathOfRoom(room, base), base)).toBe(room);
  },
);

it.each([
  ['/', '/', null],
  ['/r/', '/', null],
  ['/r/alpha', '/video/', null],
  ['/video/r/alpha', '/video/', 'alpha'],
  ['/r/100%', '/', '100%'],
])('%s under %s is room %j', (path, base, room) => {
  expect(roomOfPath(path, base)).toBe(room);
});

it.each([null, '.', '..'])('%j stays at home', (room) => {
  expect(pathOfRoom(room, '/video/')).toBe('/video/');
});

it.each([
  ['/test', '/', true],
  ['/video/test', '/video/', true],
  ['/test', '/video/', false],
  ['/r/test', '/', false],
])('%s under %s is the connection test: %s', (path, base, expected) => {
  expect(isCheckupPath(path, base)).toBe(expected);
});
