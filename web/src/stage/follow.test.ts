import { describe, expect, it } from 'vitest';
import { dueAt, followed, NOBODY, type Following } from './follow';

const ALL = ['a', 'b', 'c'];

/** What is shown after a story of "at this time this one led the talk". */
function told(story: [number, string | null][], from: Following = NOBODY): Following {
  return story.reduce((state, [now, dominant]) => followed(state, dominant, ALL, now), from);
}

describe('the large tile', () => {
  it('shows the first of those present while nobody spoke, and nobody if one is alone', () => {
    expect(told([[0, null]]).shown).toBe('a');
    expect(followed(NOBODY, null, [], 0)).toBe(NOBODY);
  });

  it('goes to who leads the talk for a while, not to who coughs', () => {
    expect(told([[0, null], [5_000, 'b'], [5_500, null]]).shown).toBe('a'); // prettier-ignore
    expect(told([[0, null], [5_000, 'b'], [6_199, 'b']]).shown).toBe('a'); // prettier-ignore
    expect(told([[0, null], [5_000, 'b'], [6_200, 'b']]).shown).toBe('b'); // prettier-ignore
  });

  it('stays for three seconds at least once it went to somebody', () => {
    const on = told([[0, null], [1_000, 'b'], [2_200, 'b']]); // prettier-ignore
    expect(told([[2_300, 'c'], [5_199, 'c']], on).shown).toBe('b'); // prettier-ignore
    expect(told([[2_300, 'c'], [5_200, 'c']], on).shown).toBe('c'); // prettier-ignore
  });

  it('stays with two who talk at once, and with who spoke last when all are silent', () => {
    const on = told([[0, null], [1_000, 'b'], [2_200, 'b']]); // prettier-ignore
    const both = told([[6_000, 'c'], [6_500, 'b'], [7_000, 'c'], [7_500, 'b'], [8_000, 'c']], on); // prettier-ignore
    expect(both.shown).toBe('b');
    expect(told([[60_000, null]], both).shown).toBe('b');
  });

  it('goes on at once when who was shown is gone', () => {
    const on = told([[0, null], [1_000, 'b'], [2_200, 'b']]); // prettier-ignore
    expect(followed(on, 'c', ['a', 'c'], 2_300).shown).toBe('c');
    expect(followed(on, null, ['a', 'c'], 2_300).shown).toBe('a');
  });

  it('says when to look again', () => {
    expect(dueAt(told([[0, null]]))).toBeNull();
    expect(dueAt(told([[0, null], [5_000, 'b']]))).toBe(6_200); // prettier-ignore
  });
});
