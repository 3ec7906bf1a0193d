// The browser's storages, or null where a browser forbids them (private windows, embedded frames): then nothing is kept.

export function storageOf(kind: 'localStorage' | 'sessionStorage'): Storage | null {
  try {
    return window[kind];
  } catch {
    return null;
  }
}
