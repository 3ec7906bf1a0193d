// What a track is called.
import type { t as say } from '../i18n/i18n';

const SOURCES = {
  camera: 'admin:source-camera',
  microphone: 'admin:source-microphone',
  screen_share: 'admin:source-screen',
  screen_share_audio: 'admin:source-screen-audio',
} as const;

/** In the language of the page; null: none that has a name. */
export function nameOfSource(source: string, t: typeof say): string | null {
  return Object.hasOwn(SOURCES, source) ? t(SOURCES[source as keyof typeof SOURCES]) : null;
}

/** VP8 of video/vp8. */
export function codecOf(mimeType: string): string {
  return mimeType.slice(mimeType.indexOf('/') + 1).toUpperCase();
}
