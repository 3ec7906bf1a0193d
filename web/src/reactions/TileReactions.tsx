// The signs that float over a tile. Screen readers are told by the announcer.
import { useCallServices } from '../call/services';
import { useAllOf } from '../state/by-identity';

export function TileReactions({ identity }: { identity: string }) {
  const shown = useAllOf(useCallServices().reactions.shown, identity);
  if (shown.length === 0) return null;
  return (
    <span className="tile-reactions" data-testid="tile-reactions" aria-hidden="true">
      {shown.map(({ key, sign }, index) => (
        <span key={key} style={{ '--place': index % 3 } as React.CSSProperties}>
          {sign}
        </span>
      ))}
    </span>
  );
}
