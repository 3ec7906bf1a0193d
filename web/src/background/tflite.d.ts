// The module that `@twilio/video-processors` (pinned) runs its models with: as much of it as is used here.

interface TfLite {
  readonly HEAPU8: Uint8Array;
  readonly HEAPF32: Float32Array;
  _getModelBufferMemoryOffset(): number;
  /** Zero if it was taken. */
  _loadModel(length: number): number;
  _getInputWidth(): number;
  _getInputHeight(): number;
  _getInputMemoryOffset(): number;
  _getOutputMemoryOffset(): number;
  _runInference(): number;
}

declare module '@twilio/video-processors/dist/build/tflite-simd-1-0-0.js' {
  export default function createModule(options: { wasmBinary: ArrayBuffer }): Promise<TfLite>;
}
