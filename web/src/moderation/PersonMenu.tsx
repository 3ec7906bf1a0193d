// The button of a person in the list of people, for moderators.
import { EllipsisVertical } from 'lucide-react';
import { useState } from 'react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { Menu } from '../design/Menu';
import { useT } from '../i18n/i18n';
import { useStore } from '../state/store';
import { commandsFor, type Moderated } from './commands';

export function PersonMenu({ person }: { person: Moderated }) {
  const t = useT();
  const { moderation } = useCallServices();
  const { isModerator } = useStore(moderation.view);
  const [at, setAt] = useState<DOMRect | null>(null);
  if (!isModerator || person.isLocal) return null;
  const label = t('moderation:optionsFor', { name: person.name });
  return (
    <>
      <IconButton
        label={label}
        icon={EllipsisVertical}
        testId="person-options"
        className="person-options"
        aria-haspopup="menu"
        aria-expanded={at !== null}
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      />
      {at ? (
        <Menu
          label={label}
          testId="person-menu"
          items={commandsFor(moderation, person)}
          at={at}
          align="end"
          onClose={() => setAt(null)}
        />
      ) : null}
    </>
  );
}
