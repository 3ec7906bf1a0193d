// The button with the signs; on narrow screens the hand is there, too. The browser's own popover: it closes by Escape and by a click
// beside it, and gives the focus back.
import { Hand, SmilePlus } from 'lucide-react';
import { useId, useRef } from 'react';
import { useCallServices } from '../call/services';
import { IconButton } from '../design/IconButton';
import { useT } from '../i18n/i18n';
import { useOwnHand } from '../people/HandButton';
import { SIGNS } from './reactions';
import './reactions.css';

export function ReactionMenu() {
  const t = useT();
  const { reactions } = useCallServices();
  const { hand, toggle } = useOwnHand();
  const menu = useRef<HTMLDivElement>(null);
  const id = useId();
  return (
    <>
      <IconButton
        label={t('reactions:react')}
        icon={SmilePlus}
        testId="open-reactions"
        className="control"
        popoverTarget={id}
        aria-haspopup="true"
      />
      <div ref={menu} id={id} popover="auto" className="reaction-menu" role="group" aria-label={t('reactions:react')}>
        {[...SIGNS].map(([sign, name]) => (
          <button
            key={sign}
            type="button"
            className="reaction-button"
            data-testid="reaction"
            data-sign={sign}
            aria-label={t(`reactions:sign.${name}`)}
            title={t(`reactions:sign.${name}`)}
            onClick={() => reactions.send(sign)}
          >
            {sign}
          </button>
        ))}
        <button
          type="button"
          className="button reaction-hand"
          data-testid="toggle-hand-narrow"
          aria-pressed={hand !== null}
          onClick={() => {
            toggle();
            menu.current?.hidePopover();
          }}
        >
          <Hand aria-hidden="true" /> {t(hand === null ? 'people:raise' : 'people:lower')}
        </button>
      </div>
    </>
  );
}
