// Blurs frames, one after the other. In a worker so that the page stays smooth, and because the timers of workers go on in a hidden
// tab. What it gives back is blurred or nothing: it never passes a frame on as it came.
import { Composer } from './composer';
import type { FromWorker, ToWorker } from './messages';
import { Segmenter } from './segmenter';

/** Milliseconds between frames: what cameras give. */
const FRAME = 1000 / 30;
/** And between questions while there is no frame. */
const PAUSE = 50;

const say = (message: FromWorker, transfer: Transferable[] = []) => {
  // The compiler takes this file for a page's; in a worker the second argument is the list to transfer.
  postMessage(message, { transfer });
};
const fail = (error: unknown) =>
  say({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });

async function start(): Promise<void> {
  const segmenter = await Segmenter.load();
  const composer = new Composer();
  addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
    if (data.type === 'none') {
      setTimeout(() => say({ type: 'next' }), PAUSE);
      return;
    }
    const began = performance.now();
    try {
      const picture = composer.compose(data.frame, segmenter.personIn(data.frame));
      say({ type: 'picture', picture, turn: data.turn }, [picture]);
    } catch (error) {
      fail(error);
      return;
    } finally {
      data.frame.close();
    }
    setTimeout(() => say({ type: 'next' }), Math.max(0, FRAME - (performance.now() - began)));
  });
  say({ type: 'next' });
}

start().catch(fail);
