/** Starts Chromium (over CDP) and Firefox (over WebDriver BiDi), the system's own, so that calls run on loopback with no device. */
import puppeteer, { type Browser } from 'puppeteer-core';

const CHROMIUM = process.env['TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const FIREFOX = process.env['TEST_FIREFOX'] ?? '/usr/bin/firefox-esr';

export type BrowserName = 'chromium' | 'firefox';

export function openBrowser(name: BrowserName, { isEased = false, flags = [] as string[] } = {}): Promise<Browser> {
  return name === 'chromium' ? openChromium(flags) : openFirefox(isEased);
}

function openChromium(flags: string[]): Promise<Browser> {
  return puppeteer.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      '--no-sandbox',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-device-for-media-stream',
      // Pages of several people share one browser: none may be slowed for being in the background.
      '--disable-background-timer-throttling',
      '--disable-backgrounding-occluded-windows',
      '--disable-renderer-backgrounding',
      '--disable-features=WebRtcHideLocalIpsWithMdns',
      ...flags,
    ],
  });
}

function openFirefox(isEased: boolean): Promise<Browser> {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    headless: true,
    extraPrefsFirefox: {
      // By default Firefox does not call over loopback, as livekit-server on loopback needs. Ours has to do without.
      ...(isEased && {
        'media.peerconnection.ice.loopback': true,
        'media.peerconnection.ice.obfuscate_host_addresses': false,
      }),
      // An AudioContext needs some sound device; this is one that nobody hears.
      'media.cubeb.force_mock_context': true,
      'media.autoplay.default': 0,
      'media.autoplay.blocking_policy': 0,
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
    },
  });
}
