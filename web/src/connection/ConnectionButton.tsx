// How good the own connection is, at a glance; opens the panel that says more.
import { Signal, SignalLow, SignalZero } from 'lucide-react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useStore } from '../state/store';

const WORDS = { excellent: 'excellent', good: 'good', poor: 'poor', lost: 'lost', unknown: 'not known yet' };
const ICONS = { excellent: Signal, good: Signal, poor: SignalLow, lost: SignalZero, unknown: Signal };

export function ConnectionButton() {
  const { call, connection } = useCallServices();
  const view = useStore(call.view);
  const own = view.room === null ? undefined : view.tiles.find(({ isLocal }) => isLocal);
  const quality = view.room !== null && view.connection === 'reconnecting' ? 'lost' : (own?.quality ?? 'unknown');
  return (
    <IconButton
      label="Connection"
      tip={`Connection: ${WORDS[quality]} (details)`}
      icon={ICONS[quality]}
      testId="open-connection"
      className="connection-button"
      data-quality={quality}
      aria-haspopup="dialog"
      aria-description={WORDS[quality]}
      onClick={() => connection.isOpen.set(true)}
    />
  );
}
