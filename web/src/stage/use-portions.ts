// What is much to draw, a portion each frame.
import { useEffect, useState } from 'react';

/** So many more are drawn at once. A tile takes a few milliseconds, with its video. */
const PORTION = 6;

/** The first of them: all that were there, and of those that are new a portion more with each frame. */
export function usePortions<T>(all: readonly T[]): readonly T[] {
  const [most, setMost] = useState(PORTION);
  const shown = Math.min(all.length, most);
  useEffect(() => {
    if (most === shown + PORTION) return;
    const frame = requestAnimationFrame(() => setMost(shown + PORTION));
    return () => cancelAnimationFrame(frame);
  }, [shown, most]);
  return shown === all.length ? all : all.slice(0, shown);
}
