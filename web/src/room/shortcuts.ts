// Which key does what in a call. Never while something is typed or a dialog is open.
import { useEffect } from 'react';
import type { ViewCommand } from '../stage/view-commands';

export type Shortcut = 'microphone' | 'camera' | 'screen' | ViewCommand;

interface Keys {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  repeat: boolean;
}

export function shortcutOf({ key, ctrlKey, metaKey, altKey, repeat }: Keys, singleKeys: boolean): Shortcut | null {
  if (altKey || repeat) return null;
  const letter = key.toLowerCase();
  if (ctrlKey || metaKey) return letter === 'd' ? 'microphone' : letter === 'e' ? 'camera' : null;
  if (!singleKeys) return null;
  switch (letter) {
    case 'm':
      return 'microphone';
    case 'v':
      return 'camera';
    case 's':
      return 'screen';
    case 'l':
      return 'layout';
    case 'f':
      return 'full-screen';
    case 'p':
      return 'picture-in-picture';
    case 'i':
      return 'connection';
    default:
      return null;
  }
}

export function useShortcuts(singleKeys: boolean, run: (shortcut: Shortcut) => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target instanceof Element ? event.target : null;
      if (target?.closest('input, select, textarea, [contenteditable], dialog, [role="menu"]')) return;
      const shortcut = shortcutOf(event, singleKeys);
      if (!shortcut) return;
      event.preventDefault();
      run(shortcut);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [singleKeys, run]);
}
