// Whether this browser can blur.

/** Has what it needs of the browser. */
export function canBlur(): boolean {
  return (
    typeof Worker === 'function' &&
    typeof OffscreenCanvas === 'function' &&
    typeof createImageBitmap === 'function' &&
    typeof WebAssembly === 'object' &&
    'captureStream' in HTMLCanvasElement.prototype
  );
}
