// Something that can be shown in a `<video>`: a track of the client library (which then knows its size on screen, and asks for no more
// than that), or a track of this page's own devices.
import type { Track } from 'livekit-client';

export interface Picture {
  attach(element: HTMLVideoElement): void;
  detach(element: HTMLVideoElement): void;
}

const ofDevices = new WeakMap<MediaStreamTrack, Picture>();
const ofTracks = new WeakMap<Track, Picture>();

/** The same track always gives the same picture, so that a tile is not attached anew at each change. */
export function pictureOf(track: Track | undefined): Picture | null {
  if (!track) return null;
  let picture = ofTracks.get(track);
  if (!picture) {
    picture = {
      attach: (element) => void track.attach(element),
      detach: (element) => void track.detach(element),
    };
    ofTracks.set(track, picture);
  }
  return picture;
}

export function pictureOfDevice(track: MediaStreamTrack): Picture {
  let picture = ofDevices.get(track);
  if (!picture) {
    picture = {
      attach: (element) => {
        element.muted = true;
        element.srcObject = new MediaStream([track]);
      },
      detach: (element) => {
        element.srcObject = null;
      },
    };
    ofDevices.set(track, picture);
  }
  return picture;
}
