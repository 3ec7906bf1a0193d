// When the upload does not hold a picture, the voice goes first: browsers send pictures however little gets through, and what is lost
// then is as often a word. So the camera's picture is paused, others see it off, and after a while it is tried again.
import { ConnectionState, Track, type LocalTrack, type Room } from 'livekit-client';
import type { Feature } from '../call/feature';
import { t } from '../i18n/i18n';
import type { Notices } from '../notices/notices';
import { Store } from '../state/store';
import { figuresOf, type Entry, type Figures, type Sample } from './figures';

/** Between two looks, ms; and so many in a row say that it is no passing thing. */
const EVERY = 1_000;
const LOOKS = 4;
/** Bit/s: browsers aim at no less than 30 000 for a picture, and one of less than this is a smear. */
const TOO_LITTLE = 50_000;
/** Of what is sent: for browsers that do not say at what rate they aim. */
const TOO_MUCH_LOST = 0.15;
/** Until it is tried again, ms: longer after each try that failed, anew after one that lasted. */
const [SHORTEST_WAIT, LONGEST_WAIT, LASTED] = [30_000, 300_000, 60_000];
/** What is sent again begins small, and finds only then what there is room for, ms. */
const GROWS = 10_000;
/** Bit/s of a voice beside which nothing else has room. */
const VOICE = 20_000;

export class WeakUpload implements Feature {
  /** The own picture is not sent. */
  readonly isPaused = new Store(false);
  readonly #notices: Notices;
  #room: Room | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #before: { sample: Sample; figures: Figures } | null = null;
  #weak = 0;
  #wait = SHORTEST_WAIT;
  /** When it is tried again, or was sent again. */
  #at = 0;
  #voice: number | undefined;

  constructor(notices: Notices) {
    this.#notices = notices;
  }

  attach(room: Room): () => void {
    this.#room = room;
    return () => {
      if (this.#room !== room) return;
      this.#room = null;
      clearTimeout(this.#timer);
      this.#forget();
    };
  }

  entered(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), EVERY);
  }

  reset(): void {
    this.#wait = SHORTEST_WAIT;
    this.#forget();
  }

  async #look(): Promise<void> {
    const room = this.#room;
    if (!room) return;
    // Of a connection that is being made anew, or a camera that is off, there is nothing to say.
    const camera = this.#camera();
    if (camera && room.state === ConnectionState.Connected) await this.#lookAt(camera).catch(() => undefined);
    else this.#before = null;
    if (this.#room !== room) return;
    this.#timer = setTimeout(() => void this.#look(), EVERY);
  }

  async #lookAt(camera: LocalTrack): Promise<void> {
    // Another camera, and a connection made anew, send again by themselves.
    if (this.isPaused.get() && (!camera.isUpstreamPaused || camera.isMuted)) await this.#resume();
    if (this.isPaused.get()) {
      if (Date.now() >= this.#at) await this.#resume();
      return;
    }
    if (camera.isMuted) {
      this.#before = null;
      return;
    }
    const report = await camera.getRTCStatsReport();
    const entries = report ? ([...report.values()] as Entry[]) : [];
    this.#weak = this.#isWeak(entries) && Date.now() - this.#at > GROWS ? this.#weak + 1 : 0;
    if (Date.now() - this.#at > LASTED) this.#wait = SHORTEST_WAIT;
    if (this.#weak >= LOOKS) await this.#pause(camera);
  }

  #isWeak(entries: readonly Entry[]): boolean {
    const streams = entries.filter(({ type }) => type === 'outbound-rtp').map(({ id }) => id);
    const sample: Sample = { publisher: entries, subscriber: [], sent: [{ source: 'camera', streams }], received: [] };
    const figures = figuresOf(sample, this.#before?.sample ?? null, this.#before?.figures ?? null);
    this.#before = { sample, figures };
    const [stream] = figures.sent;
    if (!stream) return false;
    return stream.target === null ? stream.loss > TOO_MUCH_LOST : stream.target < TOO_LITTLE;
  }

  async #pause(camera: LocalTrack): Promise<void> {
    await camera.pauseUpstream();
    await this.#setVoice(VOICE);
    this.isPaused.set(true);
    this.#at = Date.now() + this.#wait;
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    this.#weak = 0;
    this.#before = null;
    this.#notices.show({
      slot: 'upload',
      kind: 'upload-weak',
      tone: 'warning',
      text: t('connection:upload.paused'),
      lasts: null,
      action: { label: t('connection:upload.send'), run: () => void this.#resume() },
    });
  }

  async #resume(): Promise<void> {
    const camera = this.#camera();
    this.#forget();
    this.#at = Date.now();
    await this.#setVoice(this.#voice);
    await camera?.resumeUpstream();
  }

  #forget(): void {
    this.#weak = 0;
    this.#before = null;
    this.isPaused.set(false);
    this.#notices.dismiss('upload');
  }

  async #setVoice(bitrate: number | undefined): Promise<void> {
    const sender = this.#track(Track.Source.Microphone)?.sender;
    const parameters = sender?.getParameters();
    const [encoding] = parameters?.encodings ?? [];
    if (!sender || !parameters || !encoding) return;
    if (bitrate === VOICE) this.#voice = encoding.maxBitrate;
    if (bitrate === undefined) delete encoding.maxBitrate;
    else encoding.maxBitrate = bitrate;
    // Where it cannot be set, the voice stays as it is.
    await sender.setParameters(parameters).catch(() => undefined);
  }

  #camera(): LocalTrack | undefined {
    return this.#track(Track.Source.Camera);
  }

  #track(source: Track.Source): LocalTrack | undefined {
    return this.#room?.localParticipant.getTrackPublication(source)?.track;
  }
}
