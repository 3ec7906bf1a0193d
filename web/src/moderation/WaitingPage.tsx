// Before a room with a waiting room: that one is seen, oneself as one will be seen, and the way back. Part of home.
import { useEffect, useRef } from 'react';
import { useT } from '../i18n/i18n';
import { CameraView } from '../lobby/CameraView';
import { DeviceToggle } from '../media/DeviceToggle';
import { Logo } from '../shell/Logo';
import { useServices } from '../shell/services';
import './waiting.css';

export function WaitingPage({ room }: { room: string }) {
  const t = useT();
  const { call, notices } = useServices();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const text = t('moderation:waitText', { room });
  useEffect(() => notices.announce(text), [notices, text]);
  return (
    <main className="waiting-page" data-testid="waiting" data-room={room}>
      <div className="waiting-card">
        <Logo />
        <h1 ref={heading} tabIndex={-1}>
          {t('moderation:waitTitle')}
        </h1>
        <p>
          <span className="spinner" aria-hidden="true" /> {text}
        </p>
        <div className="preview">
          <CameraView testId="waiting-preview" />
          <div className="preview-buttons" role="group" aria-label={t('lobby:onJoining')}>
            <DeviceToggle kind="microphone" testId="waiting-microphone" />
            <DeviceToggle kind="camera" testId="waiting-camera" />
          </div>
        </div>
        <button type="button" className="button" data-testid="stop-waiting" onClick={() => call.leave()}>
          {t('shell:cancel')}
        </button>
      </div>
    </main>
  );
}
