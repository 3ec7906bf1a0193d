// Starts the operator's page: a document of its own, of which home knows nothing.
import { createRoot } from 'react-dom/client';
import '../design/design.css';
import { alsoSay, startLanguage } from '../i18n/i18n';
import { storageOf } from '../state/storage';
import { Admin } from './admin';
import { AdminPage } from './AdminPage';
import { AdminApi } from './api';
import { takeToken } from './token';

const TEXTS = import.meta.glob<Record<string, string>>('../i18n/locales/*/admin.json', { import: 'default' });

const root = document.getElementById('root');
if (!root) throw new Error('admin.html has no #root');
await startLanguage(storageOf('localStorage'), navigator.languages);
await alsoSay('admin', async (language) => (await TEXTS[`../i18n/locales/${language}/admin.json`]?.()) ?? {});
const storage = storageOf('sessionStorage');
const admin = new Admin(
  new AdminApi(new URL('api/admin/', document.baseURI).href),
  takeToken(location, history, storage),
  storage,
);
admin.start(document);
createRoot(root).render(<AdminPage admin={admin} />);
