// Something that can be shown in a `<video>`. Of this page's own devices here; of a call in `call/picture`.

export interface Picture {
  attach(element: HTMLVideoElement): void;
  detach(element: HTMLVideoElement): void;
}

const ofDevices = new WeakMap<MediaStreamTrack, Picture>();

/** The same track always gives the same picture. */
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
