// What cannot work while a call is encrypted, because the server would have to read it. One list, which the page shows and whoever
// builds such a feature asks.

/** Things that the server does with what is said and shown. */
export type ServerFeature = 'chat-history' | 'captions' | 'recording';

const NEED_TO_READ: readonly ServerFeature[] = ['chat-history', 'captions', 'recording'];

/** What is off. */
export function unavailableWith(isEncrypted: boolean): readonly ServerFeature[] {
  return isEncrypted ? NEED_TO_READ : [];
}

export function isAvailable(feature: ServerFeature, isEncrypted: boolean): boolean {
  return !unavailableWith(isEncrypted).includes(feature);
}
