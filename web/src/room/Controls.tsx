// The buttons of a call.
import { Mic, MicOff, MonitorUp, MonitorX, Phone, Settings2, Video, VideoOff } from 'lucide-react';
import { CaptionsButton } from '../captions/CaptionsButton';
import { ChatButton } from '../chat/ChatButton';
import { IconButton } from '../design/IconButton';
import { ownDevices } from '../media/own-devices';
import { HandButton } from '../people/HandButton';
import { ReactionMenu } from '../reactions/ReactionMenu';
import { useServices } from '../shell/services';
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
  const { call } = useServices();
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

interface ToggleProps {
  kind: 'camera' | 'microphone';
  testId: string;
  shortcut?: string;
}

const ICONS = { camera: { on: Video, off: VideoOff }, microphone: { on: Mic, off: MicOff } };
const LABELS = { camera: 'Camera', microphone: 'Microphone' };

/** On or off, in a call and before it. */
export function DeviceToggle({ kind, testId, shortcut }: ToggleProps) {
  const { media } = useServices();
  const wished = useStore(media.wishes)[kind];
  const failed = useStore(media[kind].state).status === 'failed';
  const isOn = wished && !failed;
  const key = shortcut ? ` (${shortcut})` : '';
  return (
    <IconButton
      label={LABELS[kind]}
      tip={
        failed
          ? `${LABELS[kind]} not available: try again`
          : `Turn ${LABELS[kind].toLowerCase()} ${isOn ? 'off' : 'on'}${key}`
      }
      icon={isOn ? ICONS[kind].on : ICONS[kind].off}
      testId={testId}
      aria-pressed={isOn}
      className="control control-device"
      data-failed={failed}
      onClick={() => media.wish(kind, !isOn)}
    />
  );
}
