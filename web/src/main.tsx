// Starts the page.
import { setLogLevel } from 'livekit-client';
import { createRoot } from 'react-dom/client';
import './design/design.css';
import { startLanguage } from './i18n/i18n';
import { App } from './shell/App';
import { startServices } from './shell/services';
import { storageOf } from './state/storage';

setLogLevel('warn');
const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
await startLanguage(storageOf('localStorage'), navigator.languages);
const services = await startServices();
createRoot(root).render(<App services={services} />);
