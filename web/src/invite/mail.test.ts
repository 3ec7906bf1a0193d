import { expect, it } from 'vitest';
import { mailAddress } from './mail';

it('the words of a mail come through whatever is in them', () => {
  const address = mailAddress('Video call: A & B', 'Here:\nhttps://example.org/r/a%20b?c=1&d#e');
  const url = new URL(address);
  expect(url.protocol).toBe('mailto:');
  expect(address).not.toMatch(/[+ ]/);
  expect(url.searchParams.get('subject')).toBe('Video call: A & B');
  expect(url.searchParams.get('body')).toBe('Here:\r\nhttps://example.org/r/a%20b?c=1&d#e');
});
