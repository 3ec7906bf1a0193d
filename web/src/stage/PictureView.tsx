// A `<video>` that shows a picture, and tells when the first frame is there.
import { useEffect, useRef } from 'react';
import type { Picture } from '../media/picture';

interface Props {
  picture: Picture;
  mirrored?: boolean;
  className?: string;
  testId?: string;
  label?: string;
  onFrame?: () => void;
}

export function PictureView({ picture, mirrored = false, className = '', testId, label, onFrame }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    picture.attach(element);
    return () => picture.detach(element);
  }, [picture]);
  return (
    <video
      // A stop of the Tab key in Firefox, though there is nothing to do with it.
      tabIndex={-1}
      ref={video}
      className={className}
      data-testid={testId}
      data-mirrored={mirrored}
      aria-label={label}
      autoPlay
      playsInline
      muted
      onLoadedData={onFrame}
    />
  );
}
