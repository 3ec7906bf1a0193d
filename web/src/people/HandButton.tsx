// Raises and lowers the own hand.
import { Hand } from 'lucide-react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useStore } from '../state/store';

/** In the bar of a call; narrow screens have it in the menu of reactions. */
export function HandButton() {
  const { hand, toggle } = useOwnHand();
  return (
    <IconButton
      label="Hand"
      tip={hand === null ? 'Raise your hand' : `Lower your hand (number ${hand})`}
      icon={Hand}
      testId="toggle-hand"
      aria-pressed={hand !== null}
      className="control control-hand"
      onClick={toggle}
    />
  );
}

export function useOwnHand(): { hand: number | null; toggle: () => void } {
  const { people } = useCallServices();
  const hand = useStore(people.list).find(({ isLocal }) => isLocal)?.hand ?? null;
  return { hand, toggle: () => void people.raiseHand(hand === null) };
}
