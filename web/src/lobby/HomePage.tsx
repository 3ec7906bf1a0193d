// The page outside a room: oneself, and the rooms.
import { Settings2 } from 'lucide-react';
import { useEffect, useId, useRef, useState } from 'react';
import { BlurButton } from '../background/BlurToggle';
import { IconButton } from '../design/IconButton';
import { SkipLink } from '../design/SkipLink';
import { useT } from '../i18n/i18n';
import { DeviceToggle } from '../media/DeviceToggle';
import { SettingsDialog } from '../settings/SettingsDialog';
import { CheckupLink } from '../shell/CheckupLink';
import { SpeakerButton } from '../settings/SpeakerTest';
import { LanguageSelect } from '../shell/LanguageSelect';
import { Logo } from '../shell/Logo';
import { NameField } from '../shell/NameField';
import { CameraView } from './CameraView';
import { CreateRoom } from './CreateRoom';
import { DeviceMenu } from './DeviceMenu';
import { HearingLine } from './HearingLine';
import { RecentRooms } from './RecentRooms';
import { RoomListView } from './RoomListView';
import './lobby.css';

/** `isBack`: from a room. What had the focus there is gone, so it goes on at the top; when the page opens, it stays with the browser. */
export function HomePage({ isBack = false }: { isBack?: boolean }) {
  const t = useT();
  const [settingsOpen, setSettingsOpen] = useState(false);
  const rooms = useId();
  const list = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (isBack) heading.current?.focus();
  }, [isBack]);
  return (
    <div className="home" data-testid="home">
      <header className="home-header">
        <SkipLink to={list}>{t('shell:skipToRooms')}</SkipLink>
        <Logo />
        <LanguageSelect />
      </header>
      <main className="home-main">
        <section className="home-self" aria-label={t('lobby:you')}>
          <h1 className="home-title" ref={heading} tabIndex={-1}>
            {t('lobby:title')}
          </h1>
          <div className="preview">
            <CameraView testId="preview" />
            <div className="preview-buttons" role="group" aria-label={t('lobby:onJoining')}>
              <div className="with-menu">
                <DeviceToggle kind="microphone" testId="preview-microphone" />
                <DeviceMenu kind="microphone" />
              </div>
              <div className="with-menu">
                <DeviceToggle kind="camera" testId="preview-camera" />
                <DeviceMenu kind="camera" />
              </div>
              <BlurButton />
              <IconButton
                label={t('settings:settings')}
                icon={Settings2}
                testId="open-settings"
                className="control"
                onClick={() => setSettingsOpen(true)}
              />
            </div>
          </div>
          <div className="home-checks">
            <HearingLine />
            <SpeakerButton />
          </div>
          <NameField testId="name-input" />
        </section>
        <section className="home-rooms" id={list} tabIndex={-1} aria-labelledby={rooms}>
          <h2 id={rooms}>{t('lobby:rooms')}</h2>
          <CreateRoom />
          <RoomListView heading={t('home:open_now')} />
          <RecentRooms />
        </section>
      </main>
      <footer className="home-footer">
        <CheckupLink />
      </footer>
      {settingsOpen ? <SettingsDialog onClose={() => setSettingsOpen(false)} /> : null}
    </div>
  );
}
