// The live regions. The page has them, and each dialog has its own: what is behind a dialog, screen readers do not hear.
import { createContext, useContext, useEffect, useState } from 'react';
import { useStore } from '../state/store';
import type { Announcer, Urgency } from './announcer';

/** None: a page that has other ways to tell. */
export const AnnouncerContext = createContext<Announcer | null>(null);

const URGENCIES: readonly Urgency[] = ['polite', 'assertive'];

export function AnnouncerView() {
  const announcer = useContext(AnnouncerContext);
  return announcer ? <Region announcer={announcer} /> : null;
}

function Region({ announcer }: { announcer: Announcer }) {
  const [region] = useState(() => announcer.newRegion());
  const lines = useStore(announcer.lines).filter((line) => line.region === region);
  useEffect(() => announcer.enter(region), [announcer, region]);
  return (
    <div className="for-screen-readers" data-testid="announcer">
      {URGENCIES.map((urgency) => (
        <div key={urgency} aria-live={urgency} aria-relevant="additions">
          {lines.map((line) => (line.urgency === urgency ? <p key={line.key}>{line.text}</p> : null))}
        </div>
      ))}
    </div>
  );
}
