// The page in a room: who is there, and what one can do.
import { List, ShieldCheck, UserPlus, Volume2 } from 'lucide-react';
import { useCallback, useEffect, useId, useRef, useState } from 'react';
import { useCallServices, useSession } from '../call/services';
import { CaptionsView } from '../captions/CaptionsView';
import { ChatPanel } from '../chat/ChatPanel';
import { ConnectionButton } from '../connection/ConnectionButton';
import { ConnectionPanel } from '../connection/ConnectionPanel';
import { Dialog } from '../design/Dialog';
import { IconButton } from '../design/IconButton';
import { SkipLink } from '../design/SkipLink';
import { useT } from '../i18n/i18n';
import { InviteDialog } from '../invite/InviteDialog';
import { RoomListView } from '../lobby/RoomListView';
import { showing, useShows } from '../embed/shows';
import type { Control } from '../embed/options';
import { EncryptionButton } from '../encryption/EncryptionButton';
import { EncryptionDialog } from '../encryption/EncryptionDialog';
import { Questions } from '../moderation/Questions';
import { RoomDialog } from '../moderation/RoomDialog';
import { PeopleButton } from '../people/PeopleButton';
import { PeoplePanel } from '../people/PeoplePanel';
import { SettingsDialog } from '../settings/SettingsDialog';
import { JoiningWords } from '../shell/JoiningPage';
import { Logo } from '../shell/Logo';
import { useStore } from '../state/store';
import { Controls } from './Controls';
import { linkToRoom } from './copy-link';
import { useShortcuts, type Shortcut } from './shortcuts';
import { SoundView } from './SoundView';
import { SmallCall } from '../stage/SmallCall';
import { Stage } from '../stage/Stage';
import { viewCommands } from '../stage/view-commands';
import { ViewMenu } from '../stage/ViewMenu';
import './room.css';

/** What is beside the stage. */
export type Panel = 'chat' | 'people';

/** Whose button is not there has no shortcut either. */
const CONTROL_OF: Record<Shortcut, Control> = {
  microphone: 'microphone',
  camera: 'camera',
  screen: 'screen',
  layout: 'view',
  'full-screen': 'view',
  'picture-in-picture': 'view',
  connection: 'connection',
};

export function RoomPage({ room }: { room: string }) {
  const t = useT();
  const services = useCallServices();
  const { call, media, moderation, preferences } = services;
  const { isModerator } = useStore(moderation.view);
  const shows = useShows();
  const [dialog, setDialog] = useState<'moderation' | 'settings' | 'rooms' | 'invite' | 'encryption' | null>(null);
  const [panel, setPanel] = useState<Panel | null>(null);
  const controls = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  const connection = useSession((session) => session.connection);
  const sounds = useSession((session) => session.sounds);
  const canPlaySound = useSession((session) => session.canPlaySound);
  const isSharing = useSession((session) => session.isSharing);
  const faces = useSession(({ tiles }) => tiles.filter(({ source }) => source === 'camera').length);
  const isAlone = connection !== 'joining' && faces === 1;

  // Whoever comes by keyboard or screen reader starts at the top of the room.
  useEffect(() => heading.current?.focus(), [room]);

  const run = useCallback(
    (shortcut: Shortcut) => {
      if (!showing(services.options)(CONTROL_OF[shortcut])) return;
      if (shortcut === 'screen') {
        if (isSharing || moderation.isAllowed('screen')) void call.share(!isSharing);
      } else if (shortcut === 'microphone' || shortcut === 'camera') {
        if (shortcut === 'camera' || moderation.isAllowed('microphone'))
          media.wish(shortcut, !media.wishes.get()[shortcut]);
      } else viewCommands(services)[shortcut]();
    },
    [call, media, moderation, isSharing, services],
  );
  const toggle = (wanted: Panel) => setPanel(panel === wanted ? null : wanted);
  useShortcuts(useStore(preferences.singleKeys), run);

  return (
    <div className="room" data-testid="room" data-room={room} data-state={connection}>
      <header className="room-header">
        <Logo small />
        <h1 ref={heading} className="name" dir="auto" tabIndex={-1} title={room}>
          {room}
        </h1>
        <SkipLink to={controls}>{t('shell:skipToControls')}</SkipLink>
        {connection === 'joining' || !shows('people') ? null : (
          <PeopleButton count={faces} isOpen={panel === 'people'} onToggle={() => toggle('people')} />
        )}
        <div className="room-header-buttons">
          {connection === 'joining' ? null : <EncryptionButton onOpen={() => setDialog('encryption')} />}
          {shows('connection') ? <ConnectionButton /> : null}
          {shows('view') ? <ViewMenu /> : null}
          {isModerator ? (
            <IconButton
              label={t('moderation:room')}
              tip={t('moderation:roomTip')}
              icon={ShieldCheck}
              testId="open-room-settings"
              onClick={() => setDialog('moderation')}
            />
          ) : null}
          {shows('invite') ? (
            <IconButton
              label={t('invite:invite')}
              tip={t('invite:tip')}
              icon={UserPlus}
              testId="invite"
              onClick={() => setDialog('invite')}
            />
          ) : null}
          {shows('rooms') ? (
            <IconButton
              label={t('room:rooms')}
              icon={List}
              testId="room-list-button"
              onClick={() => setDialog('rooms')}
            />
          ) : null}
        </div>
      </header>
      <main className="room-main" aria-label={t('room:call')}>
        {connection === 'joining' ? <JoiningWords room={room} /> : <Stage />}
        <CaptionsView />
        {isAlone ? (
          <div className="alone" data-testid="alone">
            <p className="alone-title">{t('room:alone')}</p>
            <p>{t('room:aloneMore')}</p>
            {shows('invite') ? (
              <button
                type="button"
                className="button"
                data-testid="invite-somebody"
                onClick={() => setDialog('invite')}
              >
                <UserPlus aria-hidden="true" /> {t('invite:tip')}
              </button>
            ) : null}
          </div>
        ) : null}
        {canPlaySound ? null : (
          <button
            type="button"
            className="button button-primary turn-on-sound"
            data-testid="turn-on-sound"
            onClick={() => void call.startSound()}
          >
            <Volume2 aria-hidden="true" /> {t('room:turnOnSound')}
          </button>
        )}
      </main>
      {panel === 'chat' ? <ChatPanel onClose={() => setPanel(null)} /> : null}
      {panel === 'people' ? <PeoplePanel onClose={() => setPanel(null)} /> : null}
      <footer className="room-footer" id={controls} tabIndex={-1}>
        <Controls
          room={room}
          isSharing={isSharing}
          isChatOpen={panel === 'chat'}
          onChat={() => toggle('chat')}
          onSettings={() => setDialog('settings')}
        />
      </footer>
      {sounds.map((sound) => (
        <SoundView key={sound.key} sound={sound} />
      ))}
      <SmallCall />
      <ConnectionPanel />
      {dialog === 'encryption' ? <EncryptionDialog room={room} onClose={() => setDialog(null)} /> : null}
      {dialog === 'moderation' && isModerator ? <RoomDialog onClose={() => setDialog(null)} /> : null}
      <Questions />
      {dialog === 'settings' ? <SettingsDialog inRoom onClose={() => setDialog(null)} /> : null}
      {dialog === 'invite' ? <InviteDialog room={room} link={linkToRoom()} onClose={() => setDialog(null)} /> : null}
      {dialog === 'rooms' ? (
        <Dialog title={t('room:rooms')} testId="rooms-dialog" closeTestId="close-rooms" onClose={() => setDialog(null)}>
          <RoomListView onJoin={() => setDialog(null)} />
        </Dialog>
      ) : null}
    </div>
  );
}
