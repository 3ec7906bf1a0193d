// The raised hand on a tile, with its number in line.
import { Hand } from 'lucide-react';
import { useCallServices } from '../call/services';
import { useT } from '../i18n/i18n';
import { allOf } from '../state/by-identity';
import { usePart } from '../state/store';

export function TileHand({ identity }: { identity: string }) {
  const t = useT();
  const hand = usePart(useCallServices().people.list, (list) => allOf(list, identity)[0]?.hand ?? null);
  if (hand === null) return null;
  return (
    <span className="tile-hand" data-testid="tile-hand">
      <Hand role="img" aria-label={t('people:handUp')} /> {hand}
    </span>
  );
}
