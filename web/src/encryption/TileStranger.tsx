// On the tile of somebody whom we cannot read: why, instead of a picture.
import { useCallServices } from '../call/services';
import { useT } from '../i18n/i18n';
import { useFirstOf } from '../state/by-identity';
import { sentenceOf, type EncryptionView } from './encryption';
import './encryption.css';

const strangersOf = ({ strangers }: EncryptionView) => strangers;

export function TileStranger({ identity }: { identity: string }) {
  useT(); // What is said follows the language.
  const stranger = useFirstOf(useCallServices().encryption.view, identity, strangersOf);
  if (!stranger) return null;
  return (
    <p className="tile-stranger" data-testid="tile-stranger" data-why={stranger.why}>
      {sentenceOf(stranger)}
    </p>
  );
}
