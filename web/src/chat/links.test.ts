import { describe, expect, it } from 'vitest';
import { piecesOf } from './links';

const links = (text: string) => piecesOf(text).flatMap(({ href }) => href ?? []);

describe('links in messages', () => {
  it('are what looks like an address, with the text around untouched', () => {
    expect(piecesOf('see https://example.org/a?b=c#d, please')).toEqual([
      { text: 'see ' },
      { text: 'https://example.org/a?b=c#d', href: 'https://example.org/a?b=c#d' },
      { text: ', please' },
    ]);
    expect(piecesOf('no link')).toEqual([{ text: 'no link' }]);
    expect(piecesOf('')).toEqual([]);
  });

  it.each([
    ['(http://a.example/x)', 'http://a.example/x'],
    ['http://a.example/x_(y).', 'http://a.example/x_(y)'],
    ['HTTPS://A.example!', 'https://a.example/'],
    ['“https://a.example/ü”', 'https://a.example/%C3%BC'],
  ])('end where people would say: %s', (text, href) => {
    expect(links(text)).toEqual([href]);
  });

  it.each([
    'javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'https://bank.example@evil.example/',
    'http://',
    'vbscript:x',
    'file:///etc/passwd',
  ])('are never made of %s', (text) => {
    expect(links(text)).toEqual([]);
  });

  it('are all found', () => {
    expect(links('http://a.example http://b.example')).toHaveLength(2);
  });
});
