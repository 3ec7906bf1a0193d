// What the page and the worker that blurs say to each other.

export type ToWorker =
  /** One frame of the camera, whose ownership passes. */
  | { type: 'frame'; frame: ImageBitmap; turn: number }
  /** There is no frame yet: ask again soon. */
  | { type: 'none' };

export type FromWorker =
  /** Ready for a frame. */
  { type: 'next' } | { type: 'picture'; picture: ImageBitmap; turn: number } | { type: 'failed'; reason: string };
