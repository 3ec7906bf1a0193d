// Raises and lowers the own hand.
import { Hand } from 'lucide-react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { usePart } from '../state/store';

/** In the bar of a call; narrow screens have it in the menu of reactions. */
export function HandButton() {
  const t = useT();
  const { hand, toggle } = useOwnHand();
  return (
    <IconButton
      label={t('people:hand')}
      tip={hand === null ? t('people:raise') : t('people:lowerNumber', { number: hand })}
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
  const hand = usePart(people.list, (list) => list.find(({ isLocal }) => isLocal)?.hand ?? null);
  return { hand, toggle: () => void people.toggleHand() };
}
