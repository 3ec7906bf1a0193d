// Which browser this is, as far as its way to give devices to a page differs. Only for words: what a browser can do is tried, not guessed.

/** Chrome stands for all that are built on it: Edge, Opera, Brave, Vivaldi. */
export type BrowserKind =
  'chrome' | 'chrome-android' | 'firefox' | 'firefox-android' | 'safari' | 'safari-ios' | 'other-ios' | 'other';

export type SystemKind = 'windows' | 'mac' | 'android' | 'ios' | 'other';

export interface Surroundings {
  browser: BrowserKind;
  system: SystemKind;
}

/** `touchPoints` tells iPads, which say they are Macs. */
export function surroundingsOf(userAgent: string, touchPoints: number): Surroundings {
  const system = systemOf(userAgent, touchPoints);
  return { system, browser: browserOf(userAgent, system) };
}

export function ownSurroundings(): Surroundings {
  return surroundingsOf(navigator.userAgent, navigator.maxTouchPoints);
}

function systemOf(userAgent: string, touchPoints: number): SystemKind {
  if (/iPhone|iPad|iPod/.test(userAgent)) return 'ios';
  if (userAgent.includes('Android')) return 'android';
  if (userAgent.includes('Windows')) return 'windows';
  if (userAgent.includes('Macintosh')) return touchPoints > 1 ? 'ios' : 'mac';
  return 'other';
}

function browserOf(userAgent: string, system: SystemKind): BrowserKind {
  if (system === 'ios') return /CriOS|FxiOS|EdgiOS|OPiOS|OPT\//.test(userAgent) ? 'other-ios' : 'safari-ios';
  const isAndroid = system === 'android';
  if (userAgent.includes('Firefox/')) return isAndroid ? 'firefox-android' : 'firefox';
  if (userAgent.includes('Chrome/')) return isAndroid ? 'chrome-android' : 'chrome';
  return userAgent.includes('Safari/') && system === 'mac' ? 'safari' : 'other';
}
