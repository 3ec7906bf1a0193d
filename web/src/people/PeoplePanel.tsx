// Everyone in the room, raised hands first and numbered.
import { Bot, Hand, Mic, MicOff, Video, VideoOff } from 'lucide-react';
import { useCallServices } from '../call/services';
import { SidePanel } from '../design/SidePanel';
import { useStore } from '../state/store';
import type { PersonInRoom } from './people';
import './people.css';

export function PeoplePanel({ onClose }: { onClose: () => void }) {
  const list = useStore(useCallServices().people.list);
  const raised = list.filter(({ hand }) => hand !== null);
  const others = list.filter(({ hand }) => hand === null);
  return (
    <SidePanel title={`People (${list.length})`} testId="people" closeTestId="close-people" onClose={onClose}>
      <div className="people" tabIndex={0} role="group" aria-label="Everyone in this room">
        {raised.length > 0 ? <Section title="Raised hands" people={raised} /> : null}
        <Section title={raised.length > 0 ? 'Others' : null} people={others} />
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
  const { identity, name, isLocal, isAgent, isMuted, isCameraOff, isSpeaking, hand } = person;
  const microphone = isMuted ? 'Microphone off' : isSpeaking ? 'Speaking' : 'Microphone on';
  const camera = isCameraOff ? 'Camera off' : 'Camera on';
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
      {hand === null ? null : (
        <span className="person-hand">
          <Hand role="img" aria-label="Hand up, number" /> {hand}
        </span>
      )}
      <span className="person-name" title={name}>
        {name}
        {isLocal ? <span className="person-you"> (you)</span> : null}
      </span>
      {isAgent ? <Bot role="img" aria-label="An agent" /> : null}
      <MicIcon className={isSpeaking ? 'person-speaking' : undefined} role="img" aria-label={microphone} />
      <CameraIcon role="img" aria-label={camera} />
    </li>
  );
}
