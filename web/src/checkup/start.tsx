// Starts the page of the test. It has an own start, because it takes part in no call: no identity is claimed and no device opened.
import type { Root } from 'react-dom/client';
import { CheckupPage } from './CheckupPage';
import { Checkup } from './run';
import { sayCheckup } from './texts';

export async function startCheckup(root: Root): Promise<void> {
  await sayCheckup();
  const { host, hostname } = location;
  const checkup = new Checkup({ host, hostname, isSecure: isSecureContext });
  window.addEventListener('pagehide', () => void checkup.close());
  root.render(<CheckupPage checkup={checkup} />);
}
