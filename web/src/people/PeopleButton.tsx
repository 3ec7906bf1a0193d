// How many are here; opens the list of them. Tells of raised hands.
import { Hand, Users } from 'lucide-react';
import { useCallServices } from '../call/services';
import { number } from '../i18n/format';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import './people.css';

interface Props {
  count: number;
  isOpen: boolean;
  onToggle: () => void;
}

export function PeopleButton({ count, isOpen, onToggle }: Props) {
  const t = useT();
  const hands = useStore(useCallServices().people.list).filter(({ hand }) => hand !== null).length;
  return (
    <button
      type="button"
      className="room-people"
      data-testid="toggle-people"
      title={t('people:whoIsHere')}
      aria-expanded={isOpen}
      onClick={onToggle}
    >
      {number(count)} <span>{t('people:people', { count })}</span>
      <Users aria-hidden="true" />
      {hands > 0 ? (
        <span className="room-hands" data-testid="raised-hands">
          <Hand role="img" aria-label={t('people:raised')} /> {hands}
        </span>
      ) : null}
    </button>
  );
}
