// A menu in the browser's top layer: arrow keys move, Escape, Tab and a click elsewhere close, and the focus returns to where it was.
import type { LucideIcon } from 'lucide-react';
import { Check } from 'lucide-react';
import { useEffect, useLayoutEffect, useRef, type KeyboardEvent } from 'react';
import { isRightToLeft } from '../i18n/i18n';

export interface MenuItem {
  label: string;
  icon: LucideIcon;
  testId: string;
  /** The key that does the same outside of the menu. */
  shortcut?: string | undefined;
  /** Set: one of several choices, and whether it is the one. */
  isChosen?: boolean;
  /** What it is a choice of, where the menu has several: those that follow one another have one caption. */
  group?: string;
  run: () => void;
}

interface Props {
  label: string;
  testId: string;
  items: readonly MenuItem[];
  /** What it opens at, in the coordinates of the window. */
  at: { left: number; right: number; top: number; bottom: number };
  /** With which of its sides it stands at the same side of that: away from what must not be covered. */
  align?: 'start' | 'end';
  onClose: () => void;
}

const MARGIN = 8;

/** Open for as long as it is rendered. */
export function Menu({ label, testId, items, at, align = 'start', onClose }: Props) {
  const menu = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  /** Of the item that has the focus. */
  const place = useRef(0);
  useEffect(() => {
    close.current = onClose;
  });
  useLayoutEffect(() => {
    const element = menu.current;
    if (!element) return;
    const before = document.activeElement;
    element.showPopover();
    const { width, height } = element.getBoundingClientRect();
    const below = at.bottom + 4;
    const top = below + height > innerHeight - MARGIN ? at.top - height - 4 : below;
    const isAtRight = isRightToLeft() !== (align === 'end' && at.left !== at.right);
    const left = isAtRight ? at.right - width : at.left;
    element.style.left = `${clamp(left, innerWidth - width)}px`;
    element.style.top = `${clamp(top, innerHeight - height)}px`;
    (element.querySelector<HTMLElement>('[aria-checked="true"]') ?? itemsIn(element)[0])?.focus();
    const onToggle = (event: Event) => {
      if ((event as ToggleEvent).newState === 'closed') close.current();
    };
    element.addEventListener('toggle', onToggle);
    return () => {
      element.removeEventListener('toggle', onToggle);
      const hadFocus = element.contains(document.activeElement) || document.activeElement === document.body;
      if (hadFocus && before instanceof HTMLElement) before.focus();
    };
  }, [at, align]);
  // Another item has taken the place of the one that had the focus, as of somebody who has been muted meanwhile.
  useLayoutEffect(() => {
    const element = menu.current;
    if (!element || document.activeElement !== document.body) return;
    const all = itemsIn(element);
    all[Math.min(place.current, all.length - 1)]?.focus();
  }, [items]);

  const onKeyDown = (event: KeyboardEvent) => {
    const all = itemsIn(event.currentTarget);
    const place = all.indexOf(document.activeElement as HTMLElement);
    const next = nextPlace(event.key, place, all.length);
    if (next !== null) all[next]?.focus();
    else if (event.key === 'Escape' || event.key === 'Tab') onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      ref={menu}
      popover="auto"
      className="menu"
      role="menu"
      aria-label={label}
      data-testid={testId}
      onKeyDown={onKeyDown}
      onFocus={(event) => {
        place.current = Math.max(0, itemsIn(event.currentTarget).indexOf(event.target));
      }}
    >
      {groupsOf(items).map(([group, all]) => {
        const rows = all.map((item) => <MenuRow key={item.testId} item={item} onClose={onClose} />);
        return group === undefined ? (
          rows
        ) : (
          <div key={group} role="group" aria-label={group} className="menu-group">
            <p aria-hidden="true">{group}</p>
            {rows}
          </div>
        );
      })}
    </div>
  );
}

function MenuRow({ item, onClose }: { item: MenuItem; onClose: () => void }) {
  const { label, icon: Icon, testId, shortcut, isChosen, run } = item;
  return (
    <button
      type="button"
      tabIndex={-1}
      role={isChosen === undefined ? 'menuitem' : 'menuitemradio'}
      aria-checked={isChosen}
      aria-keyshortcuts={shortcut}
      data-testid={testId}
      onClick={() => {
        onClose();
        run();
      }}
    >
      <Icon aria-hidden="true" />
      <span>{label}</span>
      {isChosen ? <Check aria-hidden="true" className="menu-check" /> : null}
      {shortcut ? <kbd aria-hidden="true">{shortcut}</kbd> : null}
    </button>
  );
}

/** Those that follow one another and are of one group, together. */
function groupsOf(items: readonly MenuItem[]): [group: string | undefined, items: MenuItem[]][] {
  const groups: [string | undefined, MenuItem[]][] = [];
  for (const item of items) {
    const last = groups.at(-1);
    if (last && last[0] === item.group) last[1].push(item);
    else groups.push([item.group, [item]]);
  }
  return groups;
}

function itemsIn(menu: Element): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>('[role^="menuitem"]')];
}

function nextPlace(key: string, place: number, count: number): number | null {
  switch (key) {
    case 'ArrowDown':
      return (place + 1) % count;
    case 'ArrowUp':
      return (place - 1 + count) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}

function clamp(wanted: number, most: number): number {
  return Math.max(MARGIN, Math.min(wanted, most - MARGIN));
}
