/** Starts Chromium (over CDP) and Firefox (over WebDriver BiDi), the system's own, so that calls run on loopback with no device. */
import puppeteer, { type Browser } from 'puppeteer-core';

const CHROMIUM = process.env['TEST_CHROMIUM'] ?? '/usr/bin/chromium';
const FIREFOX = process.env['TEST_FIREFOX'] ?? '/usr/bin/firefox-esr';

export type BrowserName = 'chromium' | 'firefox';

export function openBrowser(name: BrowserName): Promise<Browser> {
  return name === 'chromium' ? openChromium() : openFirefox();
}

function openChromium(): Promise<Browser> {
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
    ],
  });
}

function openFirefox(): Promise<Browser> {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: FIREFOX,
    headless: true,
    extraPrefsFirefox: {
      // Without this Firefox has no candidate that reaches loopback.
      'media.peerconnection.ice.loopback': true,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      // An AudioContext needs some sound device; this is one that nobody hears.
      'media.cubeb.force_mock_context': true,
      'media.autoplay.default': 0,
      'media.autoplay.blocking_policy': 0,
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
    },
  });
}
