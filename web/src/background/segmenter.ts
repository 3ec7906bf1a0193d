// Tells people from background: Google's segmentation model for video calls, run by TensorFlow Lite as WebAssembly. Both come with this
// page; nothing is asked of anybody else. Runs in the worker.
import createModule from '@twilio/video-processors/dist/build/tflite-simd-1-0-0.js';
import wasmUrl from '@twilio/video-processors/dist/build/tflite-simd-1-0-0.wasm?url';
import modelUrl from '@twilio/video-processors/dist/build/selfie_segmentation_landscape.tflite?url';
import { maskPerson, readPixels } from './mask';

export class Segmenter {
  readonly #tflite: TfLite;
  readonly #input: OffscreenCanvasRenderingContext2D;
  readonly #mask: OffscreenCanvasRenderingContext2D;
  readonly #pixels: ImageData;
  readonly #before: Float32Array;

  private constructor(tflite: TfLite) {
    this.#tflite = tflite;
    const [width, height] = [tflite._getInputWidth(), tflite._getInputHeight()];
    this.#input = contextOf(new OffscreenCanvas(width, height));
    this.#mask = contextOf(new OffscreenCanvas(width, height));
    this.#pixels = new ImageData(width, height);
    this.#before = new Float32Array(width * height);
  }

  static async load(): Promise<Segmenter> {
    const [wasm, model] = await Promise.all([bytes(wasmUrl), bytes(modelUrl)]);
    const tflite = await createModule({ wasmBinary: wasm });
    tflite.HEAPU8.set(new Uint8Array(model), tflite._getModelBufferMemoryOffset());
    const status = tflite._loadModel(model.byteLength);
    if (status !== 0) throw new Error(`the model was not taken (${status})`);
    return new Segmenter(tflite);
  }

  /** A small picture that is opaque where there is a person. The same canvas each time. */
  personIn(frame: ImageBitmap): OffscreenCanvas {
    const tflite = this.#tflite;
    const { width, height } = this.#input.canvas;
    this.#input.drawImage(frame, 0, 0, width, height);
    const floats = (offset: number, count: number) => tflite.HEAPF32.subarray(offset / 4, offset / 4 + count);
    const read = this.#input.getImageData(0, 0, width, height).data;
    readPixels(read, floats(tflite._getInputMemoryOffset(), width * height * 3));
    const status = tflite._runInference();
    if (status !== 0) throw new Error(`the model failed (${status})`);
    maskPerson(floats(tflite._getOutputMemoryOffset(), width * height), this.#before, this.#pixels.data);
    this.#mask.putImageData(this.#pixels, 0, 0);
    return this.#mask.canvas;
  }
}

export function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext('2d', { willReadFrequently: canvas.width <= 256 });
  if (!context) throw new Error('this browser gives workers no 2d canvas');
  return context;
}

async function bytes(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.arrayBuffer();
}
