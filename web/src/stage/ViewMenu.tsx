// How one looks at the call: grid or speaker, full screen, the small window. In the header, and by keys.
import { LayoutGrid, LayoutPanelLeft, Maximize, Minimize, PictureInPicture2, Signal } from 'lucide-react';
import { useState } from 'react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { Menu, type MenuItem } from '../design/Menu';
import { useT } from '../i18n/i18n';
import { usePart, useStore } from '../state/store';
import { viewCommands } from './view-commands';

export function ViewMenu() {
  const t = useT();
  const services = useCallServices();
  const [at, setAt] = useState<DOMRect | null>(null);
  const choice = usePart(services.stage.view, (view) => view.choice);
  const singleKeys = useStore(services.preferences.singleKeys);
  const { isFull } = useStore(services.fullScreen.view);
  const isSmall = useStore(services.pictureInPicture.window) !== null;
  const run = viewCommands(services);
  const key = (letter: string) => (singleKeys ? letter : undefined);
  const items: MenuItem[] = [
    {
      label: t('stage:grid'),
      icon: LayoutGrid,
      testId: 'layout-grid',
      isChosen: choice === 'grid',
      shortcut: choice === 'grid' ? undefined : key('L'),
      run: () => services.stage.choose('grid'),
    },
    {
      label: t('stage:speaker'),
      icon: LayoutPanelLeft,
      testId: 'layout-speaker',
      isChosen: choice === 'speaker',
      shortcut: choice === 'speaker' ? undefined : key('L'),
      run: () => services.stage.choose('speaker'),
    },
  ];
  if (services.fullScreen.isPossible)
    items.push({
      label: t(isFull ? 'stage:leaveFullScreen' : 'stage:fullScreen'),
      icon: isFull ? Minimize : Maximize,
      testId: 'full-screen',
      shortcut: key('F'),
      run: run['full-screen'],
    });
  if (services.pictureInPicture.isPossible)
    items.push({
      label: t(isSmall ? 'stage:closeSmallWindow' : 'stage:smallWindow'),
      icon: PictureInPicture2,
      testId: 'picture-in-picture',
      shortcut: key('P'),
      run: run['picture-in-picture'],
    });
  items.push({
    label: t('stage:connection'),
    icon: Signal,
    testId: 'view-connection',
    shortcut: key('I'),
    run: run.connection,
  });
  return (
    <>
      <IconButton
        label={t('stage:view')}
        icon={choice === 'grid' ? LayoutGrid : LayoutPanelLeft}
        testId="view-menu-button"
        aria-haspopup="menu"
        aria-expanded={at !== null}
        onClick={(event) => setAt(event.currentTarget.getBoundingClientRect())}
      />
      {at ? (
        <Menu
          label={t('stage:view')}
          testId="view-menu"
          items={items}
          at={at}
          align="end"
          onClose={() => setAt(null)}
        />
      ) : null}
    </>
  );
}
