// What the room shows, read off the client library's objects as plain values: tiles, sounds, people. Components compare these values
// and draw; they never see a Room.
import { RemoteParticipant, Track, type Participant, type Room, type TrackPublication } from 'livekit-client';
import type { Picture } from '../media/picture';
import { isReadable } from '../encryption/encryption';
import { pictureOf, pictureOfRemote } from './picture';

export type Quality = 'excellent' | 'good' | 'poor' | 'lost' | 'unknown';

export interface Tile {
  key: string;
  identity: string;
  name: string;
  source: 'camera' | 'screen_share';
  isLocal: boolean;
  isSpeaking: boolean;
  isDominant: boolean;
  isMuted: boolean;
  isCameraOff: boolean;
  /** The server holds the picture back for want of bandwidth. */
  isPaused: boolean;
  quality: Quality;
  picture: Picture | null;
}

export interface Sound {
  key: string;
  identity: string;
  source: 'microphone' | 'screen_share_audio';
  track: Track;
}

export interface Scene {
  tiles: readonly Tile[];
  sounds: readonly Sound[];
}

type RoomParts = Pick<Room, 'localParticipant' | 'remoteParticipants' | 'activeSpeakers' | 'hasE2EESetup'>;

/** The scene now; parts that did not change are the same objects as in `before`, so that their components rest. */
export function sceneOf(room: RoomParts, before: Scene): Scene {
  const dominant = room.activeSpeakers.find((speaker) => !speaker.isLocal)?.identity;
  const everyone: Participant[] = [...room.remoteParticipants.values(), room.localParticipant];
  const tiles = everyone.flatMap((participant) => tilesOf(room, participant, participant.identity === dominant));
  const sounds = [...room.remoteParticipants.values()].flatMap((participant) => soundsOf(room, participant));
  return { tiles: keepSame(before.tiles, tiles), sounds: keepSame(before.sounds, sounds) };
}

function tilesOf(room: RoomParts, participant: Participant, isDominant: boolean): Tile[] {
  const microphone = participant.getTrackPublication(Track.Source.Microphone);
  const camera = participant.getTrackPublication(Track.Source.Camera);
  const screen = participant.getTrackPublication(Track.Source.ScreenShare);
  const person = {
    identity: participant.identity,
    name: participant.name || participant.identity,
    isLocal: participant.isLocal,
    isSpeaking: participant.isSpeaking,
    isDominant,
    isMuted: !microphone || microphone.isMuted,
    quality: participant.connectionQuality as Quality,
  };
  const face: Tile = {
    ...person,
    key: `${participant.identity} camera`,
    source: 'camera',
    isCameraOff: !camera || camera.isMuted,
    isPaused: isPaused(camera),
    picture: camera?.isMuted ? null : pictureFrom(room, participant, Track.Source.Camera),
  };
  if (!screen || screen.isMuted) return [face];
  const shared: Tile = {
    ...person,
    key: `${participant.identity} screen`,
    source: 'screen_share',
    isSpeaking: false,
    isDominant: false,
    isCameraOff: false,
    isPaused: isPaused(screen),
    picture: pictureFrom(room, participant, Track.Source.ScreenShare),
  };
  return [shared, face];
}

function soundsOf(room: RoomParts, participant: Participant): Sound[] {
  return ([Track.Source.Microphone, Track.Source.ScreenShareAudio] as const).flatMap((source) => {
    const publication = participant.getTrackPublication(source);
    const track = publication?.track;
    if (!track || !isReadable(publication, room)) return [];
    return [
      {
        key: `${participant.identity} ${source}`,
        identity: participant.identity,
        source: source === Track.Source.Microphone ? ('microphone' as const) : ('screen_share_audio' as const),
        track,
      },
    ];
  });
}

/** What others publish is a picture before it is fetched: putting it on the page fetches it. */
function pictureFrom(room: RoomParts, participant: Participant, source: Track.Source): Picture | null {
  if (!(participant instanceof RemoteParticipant)) return pictureOf(participant.getTrackPublication(source)?.track);
  const publication = participant.getTrackPublication(source);
  return publication && isReadable(publication, room) ? pictureOfRemote(publication, participant) : null;
}

function isPaused(publication: TrackPublication | undefined): boolean {
  return publication?.track?.streamState === Track.StreamState.Paused;
}

/** `after`, with every item that equals its predecessor replaced by it; the predecessor's list if all do. */
export function keepSame<T extends { key: string }>(before: readonly T[], after: readonly T[]): readonly T[] {
  const old = new Map(before.map((item) => [item.key, item]));
  const merged = after.map((item) => {
    const same = old.get(item.key);
    return same && isEqual(same, item) ? same : item;
  });
  return merged.length === before.length && merged.every((item, index) => item === before[index]) ? before : merged;
}

function isEqual<T extends object>(a: T, b: T): boolean {
  return (Object.keys(a) as (keyof T)[]).every((key) => Object.is(a[key], b[key]));
}
