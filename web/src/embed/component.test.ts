import { beforeEach, expect, it, vi } from 'vitest';
import { VisavisRoom } from './component';

const SERVER = 'https://meet.example';
let sent: unknown[];

/** Puts a component into the page; its frame goes nowhere, and what is posted to it is in `sent`. */
function place(attributes: Record<string, string>): VisavisRoom {
  const element = new VisavisRoom();
  for (const [name, value] of Object.entries({ src: SERVER, room: 'alpha', ...attributes })) {
    element.setAttribute(name, value);
  }
  document.body.append(element);
  return element;
}

function frameOf(element: Element): HTMLIFrameElement {
  const frame = element.shadowRoot?.querySelector('iframe');
  if (!frame) throw new Error('there is no frame');
  return frame;
}

function says(element: Element, data: object, origin = SERVER): void {
  // jsdom makes no window for a frame in a shadow tree.
  const contentWindow = { postMessage: (message: unknown) => sent.push(message) };
  Object.defineProperty(frameOf(element), 'contentWindow', { configurable: true, value: contentWindow });
  window.dispatchEvent(
    Object.assign(new Event('message'), { source: contentWindow, origin, data: { visavis: 1, ...data } }),
  );
}

beforeEach(() => {
  document.body.innerHTML = '';
  sent = [];
});

it('makes a frame with what the attributes say, secrets behind #, and no permission for anybody else', () => {
  const element = place({ name: 'Ann', token: 'a.b.c', e2ee: 'key', camera: 'off', theme: 'dark', room: 'a b' });
  const frame = frameOf(element);
  const url = new URL(frame.src);
  expect(url.origin + url.pathname).toBe(`${SERVER}/r/a%20b`);
  expect(Object.fromEntries(url.searchParams)).toEqual({
    embed: '1',
    parent: location.origin,
    name: 'Ann',
    camera: 'off',
    theme: 'dark',
  });
  expect(url.hash).toBe('#token=a.b.c&e2ee=key');
  expect(frame.title).toBe('Video call: a b');
  expect(frame.allow).toContain(`camera ${SERVER}; microphone ${SERVER}; display-capture ${SERVER}`);
});

it('is under the prefix that src names', () => {
  expect(frameOf(place({ src: `${SERVER}/video` })).src).toMatch(`${SERVER}/video/r/alpha?`);
});

it('dispatches what the room tells, of its frame and its origin alone', () => {
  const element = place({});
  const heard = vi.fn();
  document.body.addEventListener('visavis-joined', (event) => void heard((event as CustomEvent<unknown>).detail));
  says(element, { type: 'joined', room: 'alpha', identity: 'me', name: 'Me' }, 'https://evil.example');
  expect(heard).not.toHaveBeenCalled();
  says(element, { type: 'joined', room: 'alpha', identity: 'me', name: 'Me' });
  expect(heard.mock.calls).toEqual([[{ room: 'alpha', identity: 'me', name: 'Me' }]]);
  expect(element.getAttribute('state')).toBe('joined');
});

it('sends commands by methods and by attributes, and follows what is muted inside', () => {
  const element = place({});
  says(element, { type: 'ready', room: 'alpha' });
  element.mute('microphone');
  element.setAttribute('camera', 'off');
  element.setAttribute('name', 'Ben');
  element.hangUp();
  expect(sent).toEqual([
    { visavis: 1, type: 'mute', device: 'microphone' },
    { visavis: 1, type: 'mute', device: 'camera' },
    { visavis: 1, type: 'set-name', name: 'Ben' },
    { visavis: 1, type: 'hang-up' },
  ]);
  says(element, { type: 'muted', camera: false, microphone: true });
  expect([element.getAttribute('camera'), element.getAttribute('microphone')]).toEqual(['on', 'off']);
  expect(sent).toHaveLength(4);
});

it('makes one new frame for another room and server, and none once it is gone', async () => {
  const element = place({});
  const before = frameOf(element);
  element.setAttribute('room', 'beta');
  element.setAttribute('src', 'https://other.example');
  await Promise.resolve();
  expect(frameOf(element)).not.toBe(before);
  expect(frameOf(element).src).toMatch('https://other.example/r/beta');
  element.remove();
  expect(element.shadowRoot?.querySelector('iframe')).toBeNull();
});

it('without a room there is no frame', () => {
  const element = document.createElement('visavis-room');
  document.body.append(element);
  expect(element.shadowRoot?.querySelector('iframe')).toBeNull();
});
