// What is wrong with the own devices now, as far as the person wants them on.
import type { LocalMedia } from '../media/local-media';
import { useStore } from '../state/store';
import { troubleOf, type Trouble } from './way-back';

export function currentTrouble(media: LocalMedia): Trouble | null {
  const problem = (kind: 'camera' | 'microphone') => {
    const state = media[kind].state.get();
    return state.status === 'failed' && media.wishes.get()[kind] ? state.problem : null;
  };
  return troubleOf(problem('camera'), problem('microphone'));
}

export function useTrouble(media: LocalMedia): Trouble | null {
  useStore(media.camera.state);
  useStore(media.microphone.state);
  useStore(media.wishes);
  return currentTrouble(media);
}
