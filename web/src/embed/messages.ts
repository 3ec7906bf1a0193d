// What a page that embeds a room and the room say to each other, by postMessage. The word `visavis` holds the version: it changes when
// something that is there changes its meaning, not when something is added.

export const VERSION = 1;

export type DeviceName = 'camera' | 'microphone';

/** From the room to the page around it. */
export type RoomEvent =
  | { type: 'ready'; room: string }
  | { type: 'joined'; room: string; identity: string; name: string }
  | { type: 'left'; room: string }
  | { type: 'participant-joined'; identity: string; name: string }
  | { type: 'participant-left'; identity: string; name: string }
  | { type: 'muted'; camera: boolean; microphone: boolean }
  | { type: 'error'; code: string; message: string };

/** From the page around it to the room. */
export type RoomCommand =
  | { type: 'join' }
  | { type: 'leave' }
  | { type: 'hang-up' }
  | { type: 'mute'; device: DeviceName }
  | { type: 'unmute'; device: DeviceName }
  | { type: 'set-name'; name: string };

/** Reads a message of ours; null: it is none. What is ours and wrong is told in words. */
export function parseCommand(data: unknown): RoomCommand | { problem: string } | null {
  if (typeof data !== 'object' || data === null || !('visavis' in data)) return null;
  const { visavis, type, device, name } = data as Record<string, unknown>;
  if (visavis !== VERSION) {
    return { problem: `a message has version ${JSON.stringify(visavis)}: this server speaks ${VERSION}` };
  }
  switch (type) {
    case 'join':
    case 'leave':
    case 'hang-up':
      return { type };
    case 'mute':
    case 'unmute':
      if (device === 'camera' || device === 'microphone') return { type, device };
      return { problem: `${type} names the device ${JSON.stringify(device)}: it is "camera" or "microphone"` };
    case 'set-name':
      if (typeof name === 'string') return { type, name };
      return { problem: `set-name has the name ${JSON.stringify(name)}: it is a text` };
    default:
      return { problem: `there is no command ${JSON.stringify(type)}` };
  }
}
