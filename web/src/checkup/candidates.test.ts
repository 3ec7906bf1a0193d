import { expect, it } from 'vitest';
import { isNearby, isPrivate, onlyOver, targetsOf, written } from './candidates';

const SDP = [
  'v=0',
  'a=candidate:1 1 udp 2130706175 192.0.2.7 7882 typ host',
  'a=candidate:2 1 tcp 1526725375 192.0.2.7 7881 typ host tcptype passive',
  'a=candidate:3 1 udp 2130706175 2001:db8::7 7882 typ host',
  'a=candidate:1 1 udp 2130706175 192.0.2.7 7882 typ host',
  'a=end-of-candidates',
  '',
].join('\r\n');

it('an answer’s addresses are told once each', () => {
  expect(targetsOf(SDP).map((target) => `${target.protocol} ${written(target)}`)).toEqual([
    'udp 192.0.2.7:7882',
    'tcp 192.0.2.7:7881',
    'udp [2001:db8::7]:7882',
  ]);
});

it.each(['udp', 'tcp'] as const)('only %s is left, and nothing else is touched', (protocol) => {
  const left = onlyOver(protocol, SDP);
  expect(new Set(targetsOf(left).map((target) => target.protocol))).toEqual(new Set([protocol]));
  expect(left).toContain('v=0\r\n');
  expect(left).toContain('a=end-of-candidates\r\n');
});

it.each([
  ['10.1.2.3', true],
  ['172.16.0.1', true],
  ['172.32.0.1', false],
  ['192.168.1.1', true],
  ['169.254.0.9', true],
  ['100.64.0.1', true],
  ['127.0.0.1', true],
  ['192.0.2.1', false],
  ['::1', true],
  ['fd12::1', true],
  ['fe80::1', true],
  ['2001:db8::1', false],
])('%s is private: %s', (address, expected) => {
  expect(isPrivate(address)).toBe(expected);
});

it.each([
  ['localhost', true],
  ['nas.local', true],
  ['intranet', true],
  ['192.168.1.4', true],
  ['[::1]', true],
  ['meet.example.org', false],
  ['203.0.113.4', false],
])('a page at %s reaches private addresses: %s', (hostname, expected) => {
  expect(isNearby(hostname)).toBe(expected);
});
