import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Announcer, GAP, LASTS } from './announcer';

describe('the announcer', () => {
  let announcer: Announcer;
  const heard = () => announcer.lines.get().map(({ text, region }) => `${region}: ${text}`);

  beforeEach(() => {
    vi.useFakeTimers();
    announcer = new Announcer();
  });

  it('says what comes at once one by one, in order, and the same words as often as they are said', () => {
    announcer.enter(1);
    for (const text of ['Bob has joined.', 'Bob: Hello', 'Bob: Hello']) announcer.say(text);
    expect(heard()).toEqual([]);
    vi.advanceTimersByTime(GAP);
    expect(heard()).toEqual(['1: Bob has joined.']);
    vi.advanceTimersByTime(2 * GAP);
    expect(heard()).toEqual(['1: Bob has joined.', '1: Bob: Hello', '1: Bob: Hello']);
    expect(new Set(announcer.lines.get().map(({ key }) => key)).size).toBe(3);
  });

  it('takes away what was said, and says it no second time', () => {
    announcer.enter(1);
    announcer.say('Bob has joined.');
    vi.advanceTimersByTime(GAP + LASTS);
    expect(heard()).toEqual([]);
  });

  it('speaks in the dialog that is open, and in the page again after', () => {
    announcer.enter(1);
    const leave = announcer.enter(2);
    announcer.say('Copied.');
    vi.advanceTimersByTime(GAP);
    leave();
    announcer.say('Bob has left.');
    vi.advanceTimersByTime(GAP);
    expect(heard()).toEqual(['2: Copied.', '1: Bob has left.']);
  });

  it('keeps what is said before there is a region', () => {
    announcer.say('You are in alpha.');
    vi.advanceTimersByTime(10 * GAP);
    expect(heard()).toEqual([]);
    announcer.enter(1);
    vi.advanceTimersByTime(GAP);
    expect(heard()).toEqual(['1: You are in alpha.']);
  });
});
