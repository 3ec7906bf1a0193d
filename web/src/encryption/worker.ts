// Starts what encrypts: the client library's worker, in a file of its own that only encrypted calls fetch.
import { ExternalE2EEKeyProvider, isE2EESupported, type E2EEOptions } from 'livekit-client';
import EncryptionWorker from 'livekit-client/e2ee-worker?worker';
import { t } from '../i18n/i18n';
import { CannotEncrypt, isKey } from './key';

export interface StartedEncryption {
  options: Extract<E2EEOptions, { worker: Worker }>;
  end(): void;
}

export async function startEncryption(key: string): Promise<StartedEncryption> {
  if (!isKey(key)) throw new CannotEncrypt(t('encryption:damaged-key'));
  if (!isE2EESupported() || !('subtle' in crypto)) throw new CannotEncrypt(t('encryption:not-supported'));
  const keyProvider = new ExternalE2EEKeyProvider();
  // As a text, not as bytes: so that all SDKs make the same key of it (PBKDF2).
  await keyProvider.setKey(key);
  const worker = new EncryptionWorker();
  return { options: { keyProvider, worker }, end: () => worker.terminate() };
}
