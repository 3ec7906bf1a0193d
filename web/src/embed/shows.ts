// Which buttons of a call are there: all, or those that the address names.
import { useServices } from '../shell/services';
import type { AddressOptions, Control } from './options';

/** Rooms are another place, to which a page that embeds one of them leads nobody. */
export function showing({ controls, isEmbedded }: Pick<AddressOptions, 'controls' | 'isEmbedded'>) {
  return (control: Control): boolean => {
    if (isEmbedded && control === 'rooms') return false;
    return controls === null || controls.has(control);
  };
}

export function useShows(): (control: Control) => boolean {
  return showing(useServices().options);
}
