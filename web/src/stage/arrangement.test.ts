import { describe, expect, it } from 'vitest';
import { arrange, leadingTile, tilesOf, type Wishes } from './arrangement';
import { faceOf, screenOf } from './tiles-for-tests';

const ME = faceOf('me', { isLocal: true });
const [A, B, C] = [faceOf('a'), faceOf('b'), faceOf('c')];
const WISHES: Wishes = { choice: 'grid', pinned: null, speaker: null, only: null };
const SPEAKER: Wishes = { ...WISHES, choice: 'speaker', speaker: 'b' };

const keys = (...args: Parameters<typeof arrange>) => {
  const arrangement = arrange(...args);
  return `${arrangement.kind}: ${tilesOf(arrangement)
    .map(({ key }) => key)
    .join(', ')}`;
};

describe('faces alone', () => {
  it('are a grid, whoever speaks', () => {
    expect(keys([ME, A, B, C], [], WISHES)).toBe('grid: me camera, a camera, b camera, c camera');
    expect(keys([ME], [], SPEAKER)).toBe('grid: me camera');
  });

  it('of two are the other, with oneself in the corner, in either layout', () => {
    expect(keys([ME, A], [], WISHES)).toBe('duo: a camera, me camera');
    expect(keys([ME, A], [], SPEAKER)).toBe('duo: a camera, me camera');
  });

  it('have the speaker large where that was chosen, and somebody else while nobody spoke', () => {
    expect(keys([ME, A, B], [], SPEAKER)).toBe('large: b camera, me camera, a camera');
    expect(keys([ME, A, B], [], { ...SPEAKER, speaker: null })).toBe('large: a camera, me camera, b camera');
  });

  it('have the pinned one large in either layout, oneself too', () => {
    expect(keys([ME, A, B], [], { ...WISHES, pinned: 'a camera' })).toBe('large: a camera, me camera, b camera');
    expect(keys([ME, A, B], [], { ...SPEAKER, pinned: 'a camera' })).toBe('large: a camera, me camera, b camera');
    expect(keys([ME, A], [], { ...WISHES, pinned: 'me camera' })).toBe('large: me camera, a camera');
    expect(keys([ME, A, B], [], { ...WISHES, pinned: 'gone camera' })).toMatch(/^grid/);
  });
});

describe('shared screens', () => {
  const own = screenOf('me', { isLocal: true });
  const [first, second] = [screenOf('a'), screenOf('b')];

  it('come first: the newest large, the others before the faces', () => {
    expect(keys([ME, A, B], [first, second], WISHES)).toBe('large: b screen, a screen, me camera, a camera, b camera');
  });

  it('of others come before the own', () => {
    expect(keys([ME, A], [first, own], WISHES)).toBe('large: a screen, me screen, me camera, a camera');
    expect(keys([ME, A], [own], WISHES)).toBe('large: me screen, me camera, a camera');
  });

  it('yield to what is pinned: another screen, or a face', () => {
    const large = (pinned: string) => leadingTile(arrange([ME, A], [first, second], { ...WISHES, pinned }))?.key;
    expect(large('a screen')).toBe('a screen');
    expect(large('a camera')).toBe('a camera');
  });
});

it('one tile fills the screen if it is there', () => {
  expect(keys([ME, A, B], [], { ...WISHES, only: 'a camera' })).toBe('only: a camera');
  expect(keys([ME, A, B], [], { ...WISHES, only: 'c camera' })).toMatch(/^grid/);
});

it('where there is room for one tile only, it is who speaks, else another, else oneself', () => {
  expect(leadingTile(arrange([ME, A, { ...B, isDominant: true }], [], WISHES))?.key).toBe('b camera');
  expect(leadingTile(arrange([ME, A, B], [], WISHES))?.key).toBe('a camera');
  expect(leadingTile(arrange([ME], [], WISHES))?.key).toBe('me camera');
});
