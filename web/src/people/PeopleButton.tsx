// How many are here; opens the list of them. Tells of raised hands.
import { Hand, Users } from 'lucide-react';
import { useCallServices } from '../call/services';
import { number } from '../i18n/format';
import { useT } from '../i18n/i18n';
import { usePart } from '../state/store';
import '../moderation/moderation.css';
import './people.css';

interface Props {
  count: number;
  isOpen: boolean;
  onToggle: () => void;
}

export function PeopleButton({ count, isOpen, onToggle }: Props) {
  const t = useT();
  const { people, moderation } = useCallServices();
  const hands = usePart(people.list, (list) => list.filter(({ hand }) => hand !== null).length);
  const waiting = usePart(moderation.view, (view) => view.waiting.length);
  return (
    <button
      type="button"
      className="room-people"
      data-testid="toggle-people"
      title={t('people:whoIsHere')}
      aria-expanded={isOpen}
      onClick={onToggle}
    >
      {number(count)} <span className="room-people-word">{t('people:people', { count })}</span>
      <Users aria-hidden="true" />
      {waiting > 0 ? (
        <span className="room-waiting" data-testid="waiting-count">
          <span className="for-screen-readers">{t('moderation:waitingShort')} </span>
          {waiting}
        </span>
      ) : null}
      {hands > 0 ? (
        <span className="room-hands" data-testid="raised-hands">
          <Hand role="img" aria-label={t('people:raised')} /> {hands}
        </span>
      ) : null}
    </button>
  );
}
