// The own camera, as in a mirror; but not one that looks away from the person: what it shows has left and right, and may be written.
import type { ComponentProps } from 'react';
import { useServices } from '../shell/services';
import { useStore } from '../state/store';
import { PictureView } from './PictureView';

export function OwnPictureView(props: Omit<ComponentProps<typeof PictureView>, 'mirrored'>) {
  const { media } = useServices();
  return <PictureView {...props} mirrored={useStore(media.facing) !== 'environment'} />;
}
