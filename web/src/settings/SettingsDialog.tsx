// Which devices to use, seen and heard as they are chosen.
import { useEffect } from 'react';
import { Dialog } from '../design/Dialog';
import { CameraView } from '../lobby/CameraView';
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
    <Dialog title="Settings" testId="settings" closeTestId="close-settings" onClose={onClose}>
      <div className="settings">
        <div className="settings-picture">
          <CameraView testId="settings-preview" followsWish={false} />
        </div>
        <div className="settings-fields">
          {inRoom ? <NameField testId="settings-name" onDone={() => void call.rename(person.shownName())} /> : null}
          <DeviceSelect
            kind="camera"
            label="Camera"
            devices={cameras}
            active={camera.status === 'live' ? camera.deviceId : undefined}
          />
          <DeviceSelect
            kind="microphone"
            label="Microphone"
            devices={microphones}
            active={microphone.status === 'live' ? microphone.deviceId : undefined}
          />
          {microphone.status === 'live' ? <LevelMeter track={microphone.track} /> : null}
          <DeviceSelect kind="speaker" label="Speaker" devices={speakers} active={media.speaker()}>
            <SpeakerTest deviceId={media.speaker()} />
          </DeviceSelect>
          <label className="check">
            <input
              type="checkbox"
              checked={singleKeys}
              onChange={(event) => preferences.setSingleKeys(event.target.checked)}
            />
            <span>
              In a call, the keys <kbd>M</kbd>, <kbd>V</kbd> and <kbd>S</kbd> switch microphone, camera and screen,{' '}
              <kbd>L</kbd> and <kbd>F</kbd> layout and full screen, <kbd>P</kbd> opens a small window, <kbd>I</kbd> the
              connection
            </span>
          </label>
        </div>
      </div>
    </Dialog>
  );
}
