// How good the own connection is, at a glance; opens the panel that says more.
import { Signal, SignalLow, SignalZero } from 'lucide-react';
import { useCallServices, useSession } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';

const ICONS = { excellent: Signal, good: Signal, poor: SignalLow, lost: SignalZero, unknown: Signal };

export function ConnectionButton() {
  const t = useT();
  const panel = useCallServices().connection;
  const quality = useSession(({ connection, tiles }) =>
    connection === 'reconnecting' ? 'lost' : (tiles.find(({ isLocal }) => isLocal)?.quality ?? 'unknown'),
  );
  const word = t(`connection:quality.${quality}`);
  return (
    <IconButton
      label={t('connection:connection')}
      tip={t('connection:tip', { quality: word })}
      icon={ICONS[quality]}
      testId="open-connection"
      className="connection-button"
      data-quality={quality}
      aria-haspopup="dialog"
      aria-description={word}
      onClick={() => panel.isOpen.set(true)}
    />
  );
}
