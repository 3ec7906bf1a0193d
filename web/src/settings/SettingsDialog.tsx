// Which devices to use, seen and heard as they are chosen.
import { useEffect } from 'react';
import { BlurField } from '../background/BlurToggle';
import { Dialog } from '../design/Dialog';
import { useT } from '../i18n/i18n';
import { CameraView } from '../lobby/CameraView';
import { LanguageSelect } from '../shell/LanguageSelect';
import { NameField } from '../shell/NameField';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';
import { DeviceSelect } from './DeviceSelect';
import { LevelMeter } from './LevelMeter';
import { SpeakerTest } from './SpeakerTest';
import './settings.css';

interface Props {
  inRoom?: boolean;
  onClose: () => void;
}

export function SettingsDialog({ inRoom = false, onClose }: Props) {
  const t = useT();
  const { media, call, person, preferences } = useServices();
  const { cameras, microphones, speakers } = useStore(media.devices);
  const camera = useStore(media.camera.state);
  const microphone = useStore(media.microphone.state);
  const singleKeys = useStore(preferences.singleKeys);
  useStore(media.choices);

  useEffect(() => {
    media.openSettings(true);
    return () => media.openSettings(false);
  }, [media]);

  return (
    <Dialog title={t('settings:settings')} testId="settings" closeTestId="close-settings" onClose={onClose} isWide>
      <div className="settings">
        <div className="settings-fields">
          <div className="settings-picture">
            <CameraView testId="settings-preview" followsWish={false} />
          </div>
          <BlurField />
          {inRoom ? <NameField testId="settings-name" onDone={() => void call.rename(person.shownName())} /> : null}
        </div>
        <div className="settings-fields">
          <DeviceSelect
            kind="camera"
            devices={cameras}
            active={camera.status === 'live' ? camera.deviceId : undefined}
          />
          <DeviceSelect
            kind="microphone"
            devices={microphones}
            active={microphone.status === 'live' ? microphone.deviceId : undefined}
          />
          {microphone.status === 'live' ? <LevelMeter track={microphone.track} /> : null}
          <DeviceSelect kind="speaker" devices={speakers} active={media.speaker()}>
            <SpeakerTest deviceId={media.speaker()} />
          </DeviceSelect>
          <LanguageSelect isField />
        </div>
        <label className="check settings-keys">
          <input
            type="checkbox"
            checked={singleKeys}
            onChange={(event) => preferences.setSingleKeys(event.target.checked)}
          />
          <span>{t('settings:singleKeys')}</span>
        </label>
      </div>
    </Dialog>
  );
}
