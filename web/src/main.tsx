// Starts the page.
import { createRoot } from 'react-dom/client';
import './design/design.css';
import { keepFocus } from './design/lost-focus';
import { parseOptions } from './embed/options';
import { startLanguage } from './i18n/i18n';
import { basePath, isCheckupPath } from './shell/address';
import { App } from './shell/App';
import { whenIdle } from './shell/idle';
import { followKeyboard } from './shell/keyboard';
import { startServices } from './shell/services';
import { storageOf } from './state/storage';
import { applyLook } from './theme/look';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
const options = parseOptions(location.search, location.origin);
for (const problem of options.problems) console.error(`Visavis: ${problem} It is left out.`);
if (options.isEmbedded) for (const warning of options.warnings) console.warn(`Visavis: ${warning}`);
applyLook(options.look);
followKeyboard(window);
keepFocus(document);
const { language } = options;
await startLanguage(language ? null : storageOf('localStorage'), language ? [language] : navigator.languages);
const page = createRoot(root);
if (isCheckupPath(location.pathname, basePath())) {
  await (await import('./checkup/start')).startCheckup(page);
} else {
  const services = await startServices(options);
  page.render(<App services={services} />);
  // Ahead of the click on a room, which so is as quick as if all of it had been there from the beginning.
  whenIdle(() => void services.callLoader.loadAhead());
}
