// How good the own connection is, at a glance; opens the panel that says more.
import { Signal, SignalLow, SignalZero } from 'lucide-react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';

const ICONS = { excellent: Signal, good: Signal, poor: SignalLow, lost: SignalZero, unknown: Signal };

export function ConnectionButton() {
  const t = useT();
  const { call, connection } = useCallServices();
  const view = useStore(call.view);
  const own = view.room === null ? undefined : view.tiles.find(({ isLocal }) => isLocal);
  const quality = view.room !== null && view.connection === 'reconnecting' ? 'lost' : (own?.quality ?? 'unknown');
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
      onClick={() => connection.isOpen.set(true)}
    />
  );
}
