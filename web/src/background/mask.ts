// What the model reads and what its answer becomes. Pure: values in, values out.

/** Pixels as the model reads them: red, green and blue of each, from 0 to 1. Written into `into`, which is the model's own memory. */
export function readPixels(rgba: Uint8ClampedArray, into: Float32Array): void {
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    into[to] = (rgba[from] ?? 0) / 255;
    into[to + 1] = (rgba[from + 1] ?? 0) / 255;
    into[to + 2] = (rgba[from + 2] ?? 0) / 255;
  }
}

/** Below this the model is sure enough that it is background, above `PERSON` that it is a person. */
const BACKGROUND = 0.35;
const PERSON = 0.65;
/** How much of the mask before stays, so that edges do not flicker from frame to frame. */
const INERTIA = 0.4;

/** How much of a person is in each pixel, into the alpha of `rgba`; `before` is what the last frame gave, and is brought up to date. */
export function maskPerson(confidence: Float32Array, before: Float32Array, rgba: Uint8ClampedArray): void {
  for (let pixel = 0; pixel < confidence.length; pixel++) {
    const sure = Math.min(1, Math.max(0, ((confidence[pixel] ?? 0) - BACKGROUND) / (PERSON - BACKGROUND)));
    const now = sure + ((before[pixel] ?? 0) - sure) * INERTIA;
    before[pixel] = now;
    rgba[pixel * 4 + 3] = Math.round(now * 255);
  }
}
