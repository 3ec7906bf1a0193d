// The web component `<visavis-room>`: a room in somebody's page. Built into one file, `/embed.js`, which must not need any other: so only
// types are imported. See docs/embedding.md.
import type { DeviceName, RoomCommand, RoomEvent } from './messages';

/** As in messages.ts. */
const VERSION = 1;

/** Changing one of these makes the frame anew. */
const ADDRESS = ['src', 'room', 'token', 'e2ee', 'controls', 'lang', 'join'] as const;
const LOOK = ['theme', 'accent', 'background', 'radius', 'font', 'logo'] as const;
/** Changing one of these is a command, and what changes in the room changes them. */
const LIVE = ['name', 'camera', 'microphone'] as const;

const IN_QUERY = ['name', 'camera', 'microphone', 'controls', 'lang', 'join', ...LOOK];

const PERMISSIONS = [
  'camera',
  'microphone',
  'display-capture',
  'autoplay',
  'fullscreen',
  'picture-in-picture',
  'speaker-selection',
  'clipboard-write',
];

const STYLE = `
:host { display: block; position: relative; min-block-size: 20rem; }
:host([hidden]) { display: none; }
iframe { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; border: 0; border-radius: inherit; }
`;

type Detail<T extends RoomEvent['type']> = Omit<Extract<RoomEvent, { type: T }>, 'type'>;

/** The events of the component, by name, for `addEventListener`. */
export type VisavisRoomEvents = { [T in RoomEvent['type'] as `visavis-${T}`]: CustomEvent<Detail<T>> };

export class VisavisRoom extends HTMLElement {
  static readonly observedAttributes = [...ADDRESS, ...LOOK, ...LIVE, 'label'];

  readonly #root = this.attachShadow({ mode: 'open' });
  #frame: HTMLIFrameElement | null = null;
  #origin = '';
  #isReady = false;
  #isStale = false;
  /** Set while an attribute follows what happened in the room. */
  #follows = false;

  constructor() {
    super();
    const style = document.createElement('style');
    style.textContent = STYLE;
    this.#root.append(style);
  }

  connectedCallback(): void {
    window.addEventListener('message', this.#take);
    this.#make();
  }

  disconnectedCallback(): void {
    window.removeEventListener('message', this.#take);
    this.#remove();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || this.#follows || !this.isConnected) return;
    if (name === 'label') this.#tellTitle();
    else if (!this.#isReady || !(LIVE as readonly string[]).includes(name)) this.#makeSoon();
    else if (name === 'name') this.setName(after ?? '');
    else this.#send({ type: after === 'off' ? 'mute' : 'unmute', device: name as DeviceName });
  }

  /** Joins again after leaving, or where `join="0"` had waited. */
  join(): void {
    this.#send({ type: 'join' });
  }

  leave(): void {
    this.#send({ type: 'leave' });
  }

  hangUp(): void {
    this.#send({ type: 'hang-up' });
  }

  mute(device: DeviceName): void {
    this.#send({ type: 'mute', device });
  }

  unmute(device: DeviceName): void {
    this.#send({ type: 'unmute', device });
  }

  setName(name: string): void {
    this.#send({ type: 'set-name', name });
  }

  /** Where the frame goes: what is in `src` may be the server's address, or that of a prefix it is mounted under. */
  #address(): URL | null {
    const room = this.getAttribute('room');
    if (!room) return null;
    const base = new URL(this.getAttribute('src') || new URL('.', import.meta.url), document.baseURI);
    const folder = base.href.replace(/[?#].*$/, '').replace(/\/?$/, '/');
    const url = new URL(`r/${encodeURIComponent(room)}`, folder);
    url.searchParams.set('embed', '1');
    url.searchParams.set('parent', location.origin);
    for (const name of IN_QUERY) {
      const value = this.getAttribute(name);
      if (value) url.searchParams.set(name, value);
    }
    const hidden = new URLSearchParams();
    for (const name of ['token', 'e2ee']) {
      const value = this.getAttribute(name);
      if (value) hidden.set(name, value);
    }
    url.hash = hidden.toString();
    return url;
  }

  #make(): void {
    this.#isStale = false;
    this.#remove();
    const url = this.#address();
    if (!url) return;
    this.#origin = url.origin;
    const frame = document.createElement('iframe');
    frame.allow = PERMISSIONS.map((permission) => `${permission} ${url.origin}`).join('; ');
    frame.allowFullscreen = true;
    frame.src = url.href;
    this.#frame = frame;
    this.#tellTitle();
    this.#root.append(frame);
  }

  /** Once for all attributes that are changed together. */
  #makeSoon(): void {
    if (this.#isStale) return;
    this.#isStale = true;
    queueMicrotask(() => {
      if (this.#isStale && this.isConnected) this.#make();
    });
  }

  #remove(): void {
    this.#frame?.remove();
    this.#frame = null;
    this.#isReady = false;
    this.removeAttribute('state');
  }

  #tellTitle(): void {
    if (this.#frame) this.#frame.title = this.getAttribute('label') || `Video call: ${this.getAttribute('room') ?? ''}`;
  }

  #send(command: RoomCommand): void {
    if (this.#isReady) this.#frame?.contentWindow?.postMessage({ visavis: VERSION, ...command }, this.#origin);
  }

  readonly #take = ({ source, origin, data }: MessageEvent): void => {
    if (!this.#frame || source !== this.#frame.contentWindow || origin !== this.#origin) return;
    if (typeof data !== 'object' || data === null || (data as { visavis?: unknown }).visavis !== VERSION) return;
    const { type, ...detail } = data as { visavis?: number } & RoomEvent;
    delete detail.visavis;
    this.#follow(data as RoomEvent);
    this.dispatchEvent(new CustomEvent(`visavis-${type}`, { detail, bubbles: true, composed: true }));
  };

  #follow(event: RoomEvent): void {
    this.#follows = true;
    switch (event.type) {
      case 'ready':
        this.#isReady = true;
        this.setAttribute('state', 'ready');
        break;
      case 'joined':
      case 'left':
        this.setAttribute('state', event.type);
        break;
      case 'muted':
        for (const device of ['camera', 'microphone'] as const) {
          // Nobody asked for it: then there is no attribute, as long as it is on.
          if (event[device] || this.hasAttribute(device)) this.setAttribute(device, event[device] ? 'off' : 'on');
        }
        break;
    }
    this.#follows = false;
  }
}

if (!customElements.get('visavis-room')) customElements.define('visavis-room', VisavisRoom);
