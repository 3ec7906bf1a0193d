// Everyone in the room, raised hands first and numbered.
import { Bot, Hand, Mic, MicOff, ShieldCheck, Video, VideoOff } from 'lucide-react';
import { useCallServices } from '../call/services';
import { SidePanel } from '../design/SidePanel';
import { useT } from '../i18n/i18n';
import { PersonMenu } from '../moderation/PersonMenu';
import { WaitingList } from '../moderation/WaitingList';
import { colourOf, initialsOf } from '../shell/person';
import { useStore } from '../state/store';
import type { PersonInRoom } from './people';
import './people.css';

export function PeoplePanel({ onClose }: { onClose: () => void }) {
  const t = useT();
  const list = useStore(useCallServices().people.list);
  const raised = list.filter(({ hand }) => hand !== null);
  const others = list.filter(({ hand }) => hand === null);
  return (
    <SidePanel
      title={t('people:title', { number: list.length })}
      testId="people"
      closeTestId="close-people"
      onClose={onClose}
    >
      <WaitingList />
      <div className="people" tabIndex={0} role="group" aria-label={t('people:everyone')}>
        {raised.length > 0 ? <Section title={t('people:raisedHands')} people={raised} /> : null}
        <Section title={raised.length > 0 ? t('people:others') : null} people={others} />
      </div>
    </SidePanel>
  );
}

function Section({ title, people }: { title: string | null; people: readonly PersonInRoom[] }) {
  if (people.length === 0) return null;
  return (
    <>
      {title ? <h3>{title}</h3> : null}
      <ul>
        {people.map((person) => (
          <PersonRow key={person.key} person={person} />
        ))}
      </ul>
    </>
  );
}

function PersonRow({ person }: { person: PersonInRoom }) {
  const t = useT();
  const { identity, name, isLocal, isAgent, isModerator, isMuted, isCameraOff, isSpeaking, hand } = person;
  const microphone = t(isMuted ? 'people:microphoneOff' : isSpeaking ? 'people:speaking' : 'people:microphoneOn');
  const camera = t(isCameraOff ? 'people:cameraOff' : 'people:cameraOn');
  const MicIcon = isMuted ? MicOff : Mic;
  const CameraIcon = isCameraOff ? VideoOff : Video;
  return (
    <li
      className="person"
      data-testid="person"
      data-identity={identity}
      data-muted={isMuted}
      data-camera-off={isCameraOff}
      data-hand={hand ?? ''}
    >
      <span className="person-avatar" aria-hidden="true" style={colourOf(identity)}>
        {initialsOf(name)}
      </span>
      <span className="person-name name" dir="auto" title={name}>
        {name}
        {isLocal ? <span className="person-you">{t('people:you')}</span> : null}
      </span>
      {hand === null ? null : (
        <span className="person-hand">
          <Hand role="img" aria-label={t('people:handUp')} /> {hand}
        </span>
      )}
      {isModerator ? <ShieldCheck role="img" aria-label={t('moderation:moderator')} data-testid="moderator" /> : null}
      {isAgent ? <Bot role="img" aria-label={t('people:agent')} /> : null}
      <MicIcon className={isSpeaking ? 'person-speaking' : undefined} role="img" aria-label={microphone} />
      <CameraIcon role="img" aria-label={camera} />
      <PersonMenu person={person} />
    </li>
  );
}
