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

  it('are told to screen readers as they come, urgently if bad, and once while they stay', () => {
    const said = vi.spyOn(notices.announcer, 'say');
    notices.show(notice({ text: 'first' }));
    notices.show(notice({ text: 'first' }));
    notices.show(notice({ text: 'second', tone: 'bad' }));
    expect(said.mock.calls).toEqual([
      ['first', 'polite'],
      ['second', 'assertive'],
    ]);
  });
});
