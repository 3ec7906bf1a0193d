// The call in the small window above all others: what leads, and the buttons one needs there.
import { Maximize2, Mic, MicOff, Phone, Video, VideoOff } from 'lucide-react';
import { createPortal } from 'react-dom';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import type { DeviceKind } from '../media/problems';
import { useStore } from '../state/store';
import { leadingTile } from './arrangement';
import { marksOf, TileFace } from './TileView';

export function SmallCall() {
  const { pictureInPicture } = useCallServices();
  const small = useStore(pictureInPicture.window);
  return small ? createPortal(<SmallWindow />, small.document.body) : null;
}

const ICONS = { camera: { on: Video, off: VideoOff }, microphone: { on: Mic, off: MicOff } };

function SmallWindow() {
  const t = useT();
  const { stage, call, pictureInPicture } = useCallServices();
  const tile = leadingTile(useStore(stage.view).arrangement);
  return (
    <main className="small-call" aria-label={t('room:call')}>
      {tile ? (
        <div className="tile" data-place="large" {...marksOf(tile)}>
          <TileFace key={tile.key} tile={tile} />
        </div>
      ) : null}
      <div className="small-call-buttons" role="toolbar" aria-label={t('room:call')}>
        <Toggle kind="microphone" />
        <Toggle kind="camera" />
        <IconButton
          label={t('stage:backToCall')}
          icon={Maximize2}
          className="control"
          onClick={() => void pictureInPicture.close()}
        />
        <IconButton
          label={t('room:leave')}
          icon={Phone}
          className="control control-leave"
          onClick={() => call.leave()}
        />
      </div>
    </main>
  );
}

function Toggle({ kind }: { kind: DeviceKind }) {
  const t = useT();
  const { media } = useCallServices();
  const wished = useStore(media.wishes)[kind];
  const isOn = useStore(media[kind].state).status !== 'failed' && wished;
  return (
    <IconButton
      label={t(`media:${kind}`)}
      icon={isOn ? ICONS[kind].on : ICONS[kind].off}
      aria-pressed={isOn}
      className="control control-device"
      onClick={() => media.wish(kind, !isOn)}
    />
  );
}
