// Starts the page.
import { setLogLevel } from 'livekit-client';
import { createRoot } from 'react-dom/client';
import './design/design.css';
import { App } from './shell/App';
import { startServices } from './shell/services';

setLogLevel('warn');
const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
const services = await startServices();
createRoot(root).render(<App services={services} />);
