import { act, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallView } from '../call/call';
import type { Picture } from '../media/picture';
import type { Tile } from '../call/tiles';
import { CallServicesContext, type CallServices } from '../call/services';
import type { Facing } from '../media/capture';
import { ServicesContext } from '../shell/services';
import { Store } from '../state/store';
import { Stage } from './Stage';
import { StageState } from './stage-state';
import { faceOf, screenOf } from './tiles-for-tests';

const ME = faceOf('me', { isLocal: true, name: 'Alice' });
const [BOB, CAROL] = [faceOf('bob', { name: 'Bob' }), faceOf('carol', { name: 'Carol' })];
const PICTURE: Picture = { attach: vi.fn(), detach: vi.fn() };

let call: Store<CallView>;
let stage: StageState;
let facing: Store<Facing | null>;
let isUploadWeak: Store<boolean>;
let fullScreen: { isPossible: boolean; toggle: ReturnType<typeof vi.fn>; view: Store<unknown> };

function show(...tiles: Tile[]): void {
  act(() =>
    call.set({ room: 'alpha', connection: 'connected', tiles, sounds: [], canPlaySound: true, isSharing: false }),
  );
}

const tile = (name: string) => {
  const found = screen.getAllByRole('listitem').find((item) => item.textContent.includes(name));
  if (!found) throw new Error(`no tile of ${name}`);
  return found;
};

beforeEach(() => {
  vi.stubGlobal(
    'ResizeObserver',
    class {
      constructor(private readonly tell: (entries: unknown[]) => void) {}
      observe = () => this.tell([{ contentRect: { width: 1000, height: 600 } }]);
      disconnect = () => undefined;
    },
  );
  call = new Store<CallView>({ room: null });
  stage = new StageState(call, null);
  fullScreen = { isPossible: true, toggle: vi.fn(), view: new Store({ isFull: false, tile: null }) };
  facing = new Store<Facing | null>(null);
  isUploadWeak = new Store(false);
  const services = {
    media: { facing },
    stage,
    fullScreen,
    pictureInPicture: { canShowVideo: false },
    people: { list: new Store([]) },
    moderation: { view: new Store({ isModerator: false }) },
    reactions: { shown: new Store([]) },
    weakUpload: { isPaused: isUploadWeak },
    encryption: { view: new Store({ isOn: false, strangers: [] }) },
  } as unknown as CallServices;
  render(
    <ServicesContext value={services}>
      <CallServicesContext value={services}>
        <Stage />
      </CallServicesContext>
    </ServicesContext>,
  );
});

describe('a tile', () => {
  it('has a name, and says that microphone and camera are off', () => {
    show(ME, { ...BOB, isMuted: true, isCameraOff: true }, CAROL);
    expect(within(tile('Bob')).getByRole('img', { name: 'Microphone off:' })).toBeTruthy();
    expect(within(tile('Bob')).getByRole('img', { name: 'Camera off:' })).toBeTruthy();
    expect(within(tile('Alice (you)')).queryByRole('img', { name: 'Microphone off:' })).toBeNull();
    expect(within(tile('Bob')).getByText('Bob').title).toBe('Bob');
  });

  it.each([
    ['poor', 'Connection: poor', ''],
    ['lost', 'Connection: lost', 'Connection lost'],
  ] as const)('of a connection that is %s says so', (quality, bars, hint) => {
    show(ME, { ...BOB, quality }, CAROL);
    expect(within(tile('Bob')).getByRole('img', { name: bars })).toBeTruthy();
    expect(tile('Bob').querySelector('.tile-hint')?.textContent ?? '').toBe(hint);
  });

  it('says that the server holds its picture back', () => {
    show(ME, { ...BOB, picture: PICTURE, isPaused: true }, CAROL);
    expect(tile('Bob').querySelector('.tile-hint')?.textContent).toMatch(/^Picture paused/);
  });

  it('says of oneself that the upload does not hold the picture', () => {
    isUploadWeak.set(true);
    show({ ...ME, picture: PICTURE, isCameraOff: false }, BOB, CAROL);
    expect(tile('Alice').querySelector('.tile-hint')?.textContent).toMatch(/^Picture paused/);
    expect(tile('Bob').querySelector('.tile-hint')).toBeNull();
  });

  it('shows initials and that it connects, until the first frame is there', () => {
    show(ME, { ...BOB, picture: PICTURE }, CAROL);
    expect(tile('Bob').querySelector('.tile-avatar')?.textContent).toBe('B');
    expect(tile('Bob').querySelector('.spinner')).toBeTruthy();
    act(() => void tile('Bob').querySelector('video')?.dispatchEvent(new Event('loadeddata')));
    expect(tile('Bob').querySelector('.tile-avatar')).toBeNull();
    expect(tile('Bob').querySelector('.spinner')).toBeNull();
  });

  it('is mirrored if it shows oneself, but not the own screen', () => {
    const mine = screenOf('me', { isLocal: true, name: 'Alice', picture: PICTURE });
    show(mine, { ...ME, picture: PICTURE }, { ...BOB, picture: PICTURE });
    const isMirrored = (name: string) => tile(name).querySelector('video')?.dataset['mirrored'];
    expect([isMirrored('Alice (you)'), isMirrored('Your screen'), isMirrored('Bob')]).toEqual([
      'true',
      'false',
      'false',
    ]);
  });

  it('is not mirrored while it shows what is before oneself', () => {
    show({ ...ME, picture: PICTURE }, BOB);
    const isMirrored = () => tile('Alice (you)').querySelector('video')?.dataset['mirrored'];
    act(() => facing.set('environment'));
    expect(isMirrored()).toBe('false');
    act(() => facing.set('user'));
    expect(isMirrored()).toBe('true');
  });

  it('stays the same element when it becomes large', () => {
    show(ME, { ...BOB, picture: PICTURE }, CAROL);
    const before = tile('Bob').querySelector('video');
    act(() => stage.togglePin(BOB.key));
    expect(tile('Bob').dataset).toMatchObject({ place: 'large', pinned: 'true' });
    expect(tile('Bob').querySelector('video')).toBe(before);
  });
});

describe('the menu of a tile', () => {
  it('pins and unpins, and gives the focus back', async () => {
    const user = userEvent.setup();
    show(ME, BOB, CAROL);
    await user.click(screen.getByRole('button', { name: 'Options for Bob' }));
    await user.click(screen.getByRole('menuitem', { name: 'Pin' }));
    expect(stage.view.get().pinned).toBe(BOB.key);
    expect(screen.queryByRole('menu')).toBeNull();
    expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Options for Bob' }));
    await user.keyboard('{Enter}');
    await user.keyboard('{Enter}');
    expect(stage.view.get().pinned).toBeNull();
  });

  it('opens by the right button of a mouse, moves by arrow keys, and closes by Escape', async () => {
    const user = userEvent.setup();
    show(ME, BOB, CAROL);
    await user.pointer({ keys: '[MouseRight]', target: tile('Bob') });
    expect(document.activeElement).toBe(screen.getByRole('menuitem', { name: 'Pin' }));
    await user.keyboard('{ArrowDown}');
    expect(document.activeElement).toBe(screen.getByRole('menuitem', { name: 'Full screen' }));
    await user.keyboard('{ArrowDown}{ArrowUp}{Enter}');
    expect(fullScreen.toggle).toHaveBeenCalledWith(BOB.key);
    await user.pointer({ keys: '[MouseRight]', target: tile('Bob') });
    await user.keyboard('{Escape}');
    expect(screen.queryByRole('menu')).toBeNull();
  });

  it('offers no full screen where the browser has none', async () => {
    fullScreen.isPossible = false;
    const user = userEvent.setup();
    show(ME, BOB, CAROL);
    await user.click(screen.getByRole('button', { name: 'Options for Bob' }));
    expect(screen.getAllByRole('menuitem').map((item) => item.textContent)).toEqual(['Pin']);
  });
});

it('all tiles are one stop of the Tab key, and arrow keys go from one to the next', async () => {
  const user = userEvent.setup();
  show(ME, BOB, CAROL);
  await user.tab();
  expect(document.activeElement?.getAttribute('aria-label')).toBe('Options for Alice (you)');
  await user.keyboard('{ArrowRight}');
  expect(document.activeElement?.getAttribute('aria-label')).toBe('Options for Bob');
  await user.tab();
  expect(document.activeElement).toBe(document.body);
  await user.tab();
  expect(document.activeElement?.getAttribute('aria-label')).toBe('Options for Bob');
});

/** Waits until it is the same for some frames. */
async function settled(count: () => number): Promise<void> {
  for (let [before, same] = [-1, 0]; same < 4; before = count()) {
    await act(() => new Promise<void>((resolve) => requestAnimationFrame(() => resolve())));
    same = count() === before ? same + 1 : 0;
  }
}

it('more people than fit are on pages, and what is on another page is not drawn', async () => {
  const user = userEvent.setup();
  const crowd = Array.from({ length: 40 }, (_, index) => faceOf(`guest-${index}`));
  show(ME, ...crowd);
  const shown = () => screen.getAllByRole('listitem').length;
  const inAll = 41;
  // They come in portions, a frame each.
  await settled(shown);
  const first = shown();
  expect(first).toBeLessThan(inAll);
  await user.click(screen.getByRole('button', { name: 'More people' }));
  expect(screen.getByTestId('page').textContent).toBe('Page 2 / 2');
  await settled(shown);
  expect(shown()).toBe(inAll - first);
});
