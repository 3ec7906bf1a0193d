// How many are here; opens the list of them. Tells of raised hands.
import { Hand, Users } from 'lucide-react';
import { useCallServices } from '../call/services';
import { useStore } from '../state/store';
import './people.css';

interface Props {
  count: number;
  isOpen: boolean;
  onToggle: () => void;
}

export function PeopleButton({ count, isOpen, onToggle }: Props) {
  const hands = useStore(useCallServices().people.list).filter(({ hand }) => hand !== null).length;
  return (
    <button
      type="button"
      className="room-people"
      data-testid="toggle-people"
      title="Who is here"
      aria-expanded={isOpen}
      onClick={onToggle}
    >
      {count} <span>{count === 1 ? 'person' : 'people'}</span>
      <Users aria-hidden="true" />
      {hands > 0 ? (
        <span className="room-hands" data-testid="raised-hands">
          <Hand role="img" aria-label="Raised hands:" /> {hands}
        </span>
      ) : null}
    </button>
  );
}
