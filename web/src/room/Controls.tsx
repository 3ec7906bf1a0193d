// The buttons of a call.
import { MonitorUp, MonitorX, Phone, Settings2 } from 'lucide-react';
import { useCallServices } from '../call/services';
import { CaptionsButton } from '../captions/CaptionsButton';
import { ChatButton } from '../chat/ChatButton';
import { IconButton } from '../design/IconButton';
import { DeviceToggle } from '../media/DeviceToggle';
import { ownDevices } from '../media/own-devices';
import { HandButton } from '../people/HandButton';
import { ReactionMenu } from '../reactions/ReactionMenu';

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
  const { call } = useCallServices();
  return (
    <div className="controls" role="toolbar" aria-label="Call">
      <DeviceToggle kind="microphone" testId="toggle-microphone" shortcut="M" />
      <DeviceToggle kind="camera" testId="toggle-camera" shortcut="V" />
      {CAN_SHARE ? (
        <IconButton
          label="Share screen"
          tip={isSharing ? 'Stop sharing (S)' : 'Share screen (S)'}
          icon={isSharing ? MonitorX : MonitorUp}
          testId="toggle-screen"
          aria-pressed={isSharing}
          className="control control-share"
          onClick={() => void call.share(!isSharing)}
        />
      ) : null}
      <HandButton />
      <ReactionMenu />
      <CaptionsButton />
      <ChatButton isOpen={isChatOpen} onToggle={onChat} />
      <IconButton label="Settings" icon={Settings2} testId="open-settings" className="control" onClick={onSettings} />
      <button
        type="button"
        className="leave"
        data-testid="leave"
        aria-label={`Leave room ${room}`}
        title="Click to leave this room."
        onClick={() => call.leave()}
      >
        <Phone aria-hidden="true" />
        <span>Leave</span>
      </button>
    </div>
  );
}
