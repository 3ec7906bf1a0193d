// Pictures of a call: what another publishes (fetched only while it is on the page), or a local track of the client library.
import { TrackEvent, type RemoteParticipant, type RemoteTrackPublication, type Track } from 'livekit-client';
import type { Picture } from '../media/picture';

type Publication = Pick<RemoteTrackPublication, 'on' | 'track' | 'trackSid' | 'isDesired' | 'setSubscribed'>;
type Publisher = Pick<RemoteParticipant, 'trackPublications'>;

/**
 * How long a picture that is no longer on the page stays subscribed, ms. It is paused at once; turning back a page, or moving to
 * another place, then needs no negotiation.
 */
const KEPT = 5_000;

const ofTracks = new WeakMap<Track, Picture>();
const ofPublications = new WeakMap<Publication, RemotePicture>();

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

/** What somebody else publishes: subscribed to when it is first put on the page, and given up when it has not been there for a while. */
export function pictureOfRemote(publication: Publication, publisher: Publisher): Picture {
  return remotePicture(publication, publisher);
}

/** Subscribes to what will be on the page soon, most likely. If it never is, it is given up as what has left it. */
export function fetchAhead(publication: Publication, publisher: Publisher): void {
  remotePicture(publication, publisher).fetch();
}

function remotePicture(publication: Publication, publisher: Publisher): RemotePicture {
  let picture = ofPublications.get(publication);
  if (!picture) {
    picture = new RemotePicture(publication, publisher);
    ofPublications.set(publication, picture);
  }
  return picture;
}

class RemotePicture implements Picture {
  readonly #publication: Publication;
  readonly #publisher: Publisher;
  readonly #elements = new Set<HTMLVideoElement>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(publication: Publication, publisher: Publisher) {
    this.#publication = publication;
    this.#publisher = publisher;
    publication.on(TrackEvent.Subscribed, (track) => {
      for (const element of this.#elements) track.attach(element);
    });
  }

  fetch(): void {
    if (!this.#publication.isDesired) this.#publication.setSubscribed(true);
    if (this.#elements.size === 0) this.#giveUpLater();
  }

  attach(element: HTMLVideoElement): void {
    clearTimeout(this.#timer);
    this.#elements.add(element);
    this.fetch();
    this.#publication.track?.attach(element);
  }

  detach(element: HTMLVideoElement): void {
    this.#elements.delete(element);
    // The client library tells the server at once that nobody looks.
    this.#publication.track?.detach(element);
    element.srcObject = null;
    if (this.#elements.size === 0) this.#giveUpLater();
  }

  #giveUpLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // What is no longer published, or was in a call that is over, needs no word.
      const isPublished = this.#publisher.trackPublications.has(this.#publication.trackSid);
      if (isPublished) this.#publication.setSubscribed(false);
    }, KEPT);
  }
}
