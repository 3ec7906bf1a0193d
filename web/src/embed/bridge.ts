// Between a room and the page that embeds it: tells what happens, and does what it is told. Only the one origin is told, and only the
// one window above us, from that origin, is obeyed.
import type { CallView } from '../call/call';
import type { LocalMedia } from '../media/local-media';
import type { Notices } from '../notices/notices';
import { LONGEST_NAME, type OwnPerson } from '../shell/person';
import type { Readable } from '../state/store';
import { parseCommand, VERSION, type RoomCommand, type RoomEvent } from './messages';

export interface BridgeParts {
  /** The page's own window. */
  page: Window;
  /** Who is told and obeyed: see `trustedOrigin`. */
  origin: string;
  room: string;
  call: {
    view: Readable<CallView>;
    join(room: string): Promise<void>;
    leave(): void;
    rename(name: string): Promise<boolean>;
  };
  media: Pick<LocalMedia, 'wishes' | 'wish'>;
  notices: Pick<Notices, 'shown'>;
  person: Pick<OwnPerson, 'identity' | 'rename' | 'shownName'>;
}

/** The origin of the page around us: as our address names it, else as the browser tells who loaded us, else our own. */
export function trustedOrigin(named: string | null, referrer: string, own: string): string {
  if (named !== null) return named;
  try {
    return new URL(referrer).origin;
  } catch {
    return own;
  }
}

export class Bridge {
  readonly #parts: BridgeParts;
  readonly #undo: (() => void)[] = [];
  #isIn = false;
  #others = new Map<string, string>();
  #muted = '';
  #errors: readonly unknown[] = [];

  constructor(parts: BridgeParts) {
    this.#parts = parts;
    const { page, call, media, notices, room } = parts;
    const take = (event: MessageEvent) => this.#take(event);
    page.addEventListener('message', take);
    this.#undo.push(
      () => page.removeEventListener('message', take),
      call.view.subscribe(() => this.#follow()),
      media.wishes.subscribe(() => this.#tellMuted()),
      notices.shown.subscribe(() => this.#tellErrors()),
    );
    this.#tell({ type: 'ready', room });
    this.#tellMuted();
    this.#tellErrors();
    this.#follow();
  }

  /** Tells what is wrong in the address. */
  problem(message: string): void {
    this.#tell({ type: 'error', code: 'invalid-option', message });
  }

  close(): void {
    for (const undo of this.#undo) undo();
  }

  #tell(event: RoomEvent): void {
    this.#parts.page.parent.postMessage({ visavis: VERSION, ...event }, this.#parts.origin);
  }

  #take({ source, origin, data }: MessageEvent): void {
    if (source !== this.#parts.page.parent || origin !== this.#parts.origin) return;
    const command = parseCommand(data);
    if (command === null) return;
    if ('problem' in command) this.#tell({ type: 'error', code: 'invalid-command', message: command.problem });
    else this.#run(command);
  }

  #run(command: RoomCommand): void {
    const { call, media, person, room } = this.#parts;
    switch (command.type) {
      case 'join':
        void call.join(room);
        break;
      case 'leave':
      case 'hang-up':
        call.leave();
        break;
      case 'mute':
      case 'unmute':
        media.wish(command.device, command.type === 'unmute');
        break;
      case 'set-name':
        person.rename(Array.from(command.name.trim()).slice(0, LONGEST_NAME).join(''));
        void call.rename(person.shownName());
        break;
    }
  }

  #follow(): void {
    const view = this.#parts.call.view.get();
    const { person } = this.#parts;
    if (view.room === null || view.connection === 'joining') {
      if (!this.#isIn) return;
      this.#isIn = false;
      this.#others.clear();
      this.#tell({ type: 'left', room: this.#parts.room });
      return;
    }
    const faces = view.tiles.filter((tile) => tile.source === 'camera');
    if (!this.#isIn) {
      this.#isIn = true;
      const identity = faces.find((face) => face.isLocal)?.identity ?? person.identity;
      this.#tell({ type: 'joined', room: view.room, identity, name: person.shownName() });
    }
    // Who is missed while a connection is made anew has not left.
    if (view.connection !== 'connected') return;
    const others = new Map(faces.filter((face) => !face.isLocal).map(({ identity, name }) => [identity, name]));
    for (const [identity, name] of this.#others) {
      if (!others.has(identity)) this.#tell({ type: 'participant-left', identity, name });
    }
    for (const [identity, name] of others) {
      if (!this.#others.has(identity)) this.#tell({ type: 'participant-joined', identity, name });
    }
    this.#others = others;
  }

  #tellMuted(): void {
    const { camera, microphone } = this.#parts.media.wishes.get();
    const event = { type: 'muted', camera: !camera, microphone: !microphone } as const;
    if (JSON.stringify(event) === this.#muted) return;
    this.#muted = JSON.stringify(event);
    this.#tell(event);
  }

  /** What the page shows as going wrong, the page around it is told, too. */
  #tellErrors(): void {
    const errors = this.#parts.notices.shown.get().filter(({ tone }) => tone === 'bad');
    for (const error of errors) {
      if (!this.#errors.includes(error)) this.#tell({ type: 'error', code: error.kind, message: error.text });
    }
    this.#errors = errors;
  }
}
