// The buttons of a call.
import { MicOff, MonitorUp, MonitorX, Phone, Settings2 } from 'lucide-react';
import { useCallServices } from '../call/services';
import { CaptionsButton } from '../captions/CaptionsButton';
import { ChatButton } from '../chat/ChatButton';
import { IconButton } from '../design/IconButton';
import { useShows } from '../embed/shows';
import { useT } from '../i18n/i18n';
import { DeviceMenu } from '../lobby/DeviceMenu';
import { DeviceToggle } from '../media/DeviceToggle';
import { ownDevices } from '../media/own-devices';
import { TurnCamera } from '../media/TurnCamera';
import { LeaveMenu } from '../moderation/LeaveMenu';
import { HandButton } from '../people/HandButton';
import { ReactionMenu } from '../reactions/ReactionMenu';
import { useStore } from '../state/store';

interface Props {
  room: string;
  isSharing: boolean;
  isChatOpen: boolean;
  onChat: () => void;
  onSettings: () => void;
}

/** Phones have no screen to share. */
const CAN_SHARE = ownDevices() !== undefined && 'getDisplayMedia' in MediaDevices.prototype;

export function Controls({ room, isSharing, isChatOpen, onChat, onSettings }: Props) {
  const t = useT();
  const { call, moderation } = useCallServices();
  const { may } = useStore(moderation.view);
  const shows = useShows();
  return (
    <div className="controls" role="toolbar" aria-label={t('room:call')}>
      {!shows('microphone') ? null : may.microphone ? (
        <div className="with-menu">
          <DeviceToggle kind="microphone" testId="toggle-microphone" shortcut="M" />
          <DeviceMenu kind="microphone" />
        </div>
      ) : (
        <IconButton
          label={t('media:microphone')}
          tip={t('moderation:denied.microphone')}
          icon={MicOff}
          testId="toggle-microphone"
          aria-pressed={false}
          aria-disabled
          className="control control-device"
          onClick={() => moderation.isAllowed('microphone')}
        />
      )}
      {shows('camera') ? (
        <div className="with-menu">
          <DeviceToggle kind="camera" testId="toggle-camera" shortcut="V" />
          <DeviceMenu kind="camera" />
        </div>
      ) : null}
      {shows('camera') ? <TurnCamera /> : null}
      {CAN_SHARE && shows('screen') ? (
        <IconButton
          label={t('room:shareScreen')}
          tip={
            may.screen
              ? t('media:withKey', { text: t(isSharing ? 'room:stopSharing' : 'room:shareScreen'), key: 'S' })
              : t('moderation:denied.screen')
          }
          icon={isSharing ? MonitorX : MonitorUp}
          testId="toggle-screen"
          aria-pressed={isSharing}
          className="control control-share"
          aria-disabled={!may.screen}
          onClick={() => {
            if (isSharing || moderation.isAllowed('screen')) void call.share(!isSharing);
          }}
        />
      ) : null}
      {shows('hand') ? <HandButton /> : null}
      {shows('reactions') ? <ReactionMenu /> : null}
      {shows('captions') ? <CaptionsButton /> : null}
      {shows('chat') ? <ChatButton isOpen={isChatOpen} onToggle={onChat} /> : null}
      {shows('settings') ? (
        <IconButton
          label={t('settings:settings')}
          icon={Settings2}
          testId="open-settings"
          className="control"
          onClick={onSettings}
        />
      ) : null}
      {shows('leave') ? <LeaveButton room={room} /> : null}
      {shows('leave') ? <LeaveMenu /> : null}
    </div>
  );
}

function LeaveButton({ room }: { room: string }) {
  const t = useT();
  const { call } = useCallServices();
  return (
    <button
      type="button"
      className="leave"
      data-testid="leave"
      aria-label={t('room:leaveRoom', { room })}
      title={t('room:leaveTip')}
      onClick={() => call.leave()}
    >
      <Phone aria-hidden="true" />
      <span>{t('room:leave')}</span>
    </button>
  );
}
