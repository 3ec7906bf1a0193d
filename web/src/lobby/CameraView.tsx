// The own camera as it is now: loading, showing, off, or why not.
import { VideoOff } from 'lucide-react';
import { useState } from 'react';
import { TurnOn } from '../access/TurnOn';
import { useTrouble } from '../access/trouble';
import { WayBackView } from '../access/WayBackView';
import { OwnPictureView } from '../stage/OwnPictureView';
import { useT } from '../i18n/i18n';
import { pictureOfDevice } from '../media/picture';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';

interface Props {
  testId: string;
  /** False where the camera shows although it is off in the call. */
  followsWish?: boolean;
}

export function CameraView({ testId, followsWish = true }: Props) {
  const t = useT();
  const { media } = useServices();
  const state = useStore(media.picture);
  const access = useStore(media.access).camera;
  const trouble = useTrouble(media);
  const isBlurred = useStore(media.background.isBlurred);
  const wished = useStore(media.wishes).camera;
  const [shown, setShown] = useState<MediaStreamTrack | null>(null);
  const isOff = followsWish && !wished;
  const track = state.status === 'live' && !isOff ? state.track : null;
  return (
    <div className="camera-view">
      {track ? (
        <OwnPictureView
          picture={pictureOfDevice(track)}
          className={shown === track ? 'camera-picture' : 'camera-picture camera-picture-waiting'}
          testId={testId}
          label={t('lobby:yourCamera')}
          onFrame={() => setShown(track)}
        />
      ) : null}
      {isOff ? (
        <p className="camera-message">
          <VideoOff aria-hidden="true" /> {t('lobby:cameraOff')}
        </p>
      ) : trouble && trouble.of !== 'microphone' ? (
        <WayBackView trouble={trouble} />
      ) : access === 'unasked' || access === 'asking' ? (
        <TurnOn />
      ) : track && shown === track ? null : (
        <p className="camera-message" data-testid={`${testId}-loading`}>
          <span className="spinner" aria-hidden="true" />
          {isBlurred ? t('background:loading') : t('lobby:loading')}
        </p>
      )}
    </div>
  );
}
