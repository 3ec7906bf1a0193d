import { describe, expect, it } from 'vitest';
import { fileProblem, LARGEST_FILE, parseOffer, safeName, safeType } from './offer';

describe('a file that is offered', () => {
  it.each([
    [undefined],
    ['nonsense'],
    ['null'],
    ['{"id":"1","name":"a"}'],
    ['{"id":"1","name":"a","size":-1}'],
    ['{"id":"1","name":"a","size":1e99}'],
    [`{"id":"1","name":"a","size":${LARGEST_FILE + 1}}`],
  ])('is none in %s', (text) => {
    expect(parseOffer(text)).toBeNull();
  });

  it('has a name, a size and a type', () => {
    const offer = { id: '1', name: 'a.png', size: 3, type: 'image/png' };
    expect(parseOffer(JSON.stringify(offer))).toEqual(offer);
  });

  it.each([
    ['../../etc/passwd', '_.._etc_passwd'],
    ['C:\\x.txt', 'C__x.txt'],
    ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
    ['a\nb', 'ab'],
    ['...', 'file'],
    ['', 'file'],
  ])('named %j is saved as %j', (name, saved) => {
    expect(safeName(name)).toBe(saved);
  });

  it('with a long name keeps its ending', () => {
    const name = safeName(`${'x'.repeat(500)}.tar.gz`);
    expect(name).toHaveLength(120);
    expect(name).toMatch(/\.tar\.gz$/);
  });

  it('that could run when opened is mere bytes', () => {
    for (const type of ['image/svg+xml', 'text/html', 'application/pdf', '']) {
      expect(safeType(type)).toBe('application/octet-stream');
    }
    expect(safeType('image/png')).toBe('image/png');
  });

  it('is refused with words when it is too large or empty', () => {
    expect(fileProblem({ name: 'film.mov', size: LARGEST_FILE })).toBeNull();
    expect(fileProblem({ name: 'film.mov', size: LARGEST_FILE + 1 })).toBe(
      '“film.mov” has 25.1 MB. Files up to 25 MB can be shared.',
    );
    expect(fileProblem({ name: 'nil', size: 0 })).toMatch(/is empty/);
  });
});
