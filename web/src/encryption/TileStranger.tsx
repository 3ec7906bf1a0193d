// On the tile of somebody whom we cannot read: why, instead of a picture.
import { useCallServices } from '../call/services';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import { sentenceOf } from './encryption';
import './encryption.css';

export function TileStranger({ identity }: { identity: string }) {
  useT(); // What is said follows the language.
  const { strangers } = useStore(useCallServices().encryption.view);
  const stranger = strangers.find((each) => each.identity === identity);
  if (!stranger) return null;
  return (
    <p className="tile-stranger" data-testid="tile-stranger" data-why={stranger.why}>
      {sentenceOf(stranger)}
    </p>
  );
}
