// Puts a picture together: the frame made soft, and over it the person as they are. Runs in the worker.
import { contextOf } from './segmenter';

/** The background is brought down to about so many pixels across: what is finer than one of them nobody can make out. */
const WIDTH = 40;

export class Composer {
  readonly #out = contextOf(new OffscreenCanvas(2, 2));
  readonly #person = contextOf(new OffscreenCanvas(2, 2));
  /** Each half as large as the one before. */
  #steps: OffscreenCanvasRenderingContext2D[] = [];

  compose(frame: ImageBitmap, person: OffscreenCanvas): ImageBitmap {
    const { width, height } = frame;
    if (this.#out.canvas.width !== width || this.#out.canvas.height !== height) this.#resize(width, height);
    this.#drawSoft(frame);
    const cut = this.#person;
    cut.globalCompositeOperation = 'copy';
    cut.drawImage(person, 0, 0, width, height);
    cut.globalCompositeOperation = 'source-in';
    cut.drawImage(frame, 0, 0);
    this.#out.drawImage(cut.canvas, 0, 0);
    return this.#out.canvas.transferToImageBitmap();
  }

  /** By halves down and by doubles up again. Not by `filter`, which Safari does not know. */
  #drawSoft(frame: ImageBitmap): void {
    let from: ImageBitmap | OffscreenCanvas = frame;
    for (const step of this.#steps) from = drawInto(step, from);
    for (const step of this.#steps.slice(0, -1).reverse()) from = drawInto(step, from);
    drawInto(this.#out, from);
  }

  #resize(width: number, height: number): void {
    for (const context of [this.#out, this.#person]) Object.assign(context.canvas, { width, height });
    this.#steps = [];
    for (let [w, h] = [width / 2, height / 2]; w >= WIDTH / 2; [w, h] = [w / 2, h / 2]) {
      this.#steps.push(contextOf(new OffscreenCanvas(Math.max(1, Math.round(w)), Math.max(1, Math.round(h)))));
      if (w <= WIDTH) break;
    }
  }
}

function drawInto(context: OffscreenCanvasRenderingContext2D, from: ImageBitmap | OffscreenCanvas): OffscreenCanvas {
  const { width, height } = context.canvas;
  context.imageSmoothingQuality = 'high';
  context.drawImage(from, 0, 0, width, height);
  return context.canvas;
}
