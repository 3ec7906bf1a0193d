import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Notices, type Notice } from './notices';

const notice = (changes: Partial<Notice> = {}): Notice => ({
  slot: 'a',
  kind: 'kind',
  tone: 'info',
  text: 'text',
  lasts: null,
  ...changes,
});

describe('notices', () => {
  let notices: Notices;
  const texts = () => notices.shown.get().map(({ text }) => text);

  beforeEach(() => {
    vi.useFakeTimers();
    notices = new Notices();
    return () => vi.useRealTimers();
  });

  it('stay until dismissed', () => {
    notices.show(notice());
    vi.advanceTimersByTime(3_600_000);
    expect(texts()).toEqual(['text']);
    notices.dismiss('a');
    expect(texts()).toEqual([]);
  });

  it('take the place of the one before in their slot, and of its time', () => {
    notices.show(notice({ text: 'first', lasts: 1_000 }));
    notices.show(notice({ slot: 'b', text: 'other' }));
    vi.advanceTimersByTime(900);
    notices.show(notice({ text: 'second', lasts: 1_000 }));
    expect(texts()).toEqual(['other', 'second']);
    vi.advanceTimersByTime(900);
    expect(texts()).toEqual(['other', 'second']);
    vi.advanceTimersByTime(100);
    expect(texts()).toEqual(['other']);
  });

  it('announced twice are two texts, or screen readers would tell but one', () => {
    const told: string[] = [];
    notices.announced.subscribe(() => told.push(notices.announced.get()));
    notices.announce('Bob has joined.');
    notices.announce('Bob has joined.');
    expect(told.map((text) => text.trim())).toEqual(['Bob has joined.', 'Bob has joined.']);
    expect(new Set(told).size).toBe(2);
  });
});
