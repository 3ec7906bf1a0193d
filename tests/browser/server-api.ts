/** Every method of npm `livekit-server-sdk`'s RoomServiceClient once; one JSON line for each. Run by tests/conformance/test_other_sdks.py. */
import { DataPacket_Kind, ParticipantInfo_State, RoomServiceClient, TwirpError } from 'livekit-server-sdk';

const [url = '', key, secret, room = '', identity = '', track = ''] = process.argv.slice(2);
const rooms = new RoomServiceClient(url, key, secret);
const made = `${room}-made`;

const calls: Record<string, () => Promise<unknown>> = {
  async CreateRoom() {
    const answer = await rooms.createRoom({ name: made, emptyTimeout: 61, maxParticipants: 3, metadata: 'm' });
    return [answer.name, answer.emptyTimeout, answer.maxParticipants, answer.metadata, answer.sid.slice(0, 3)];
  },
  async ListRooms() {
    return (await rooms.listRooms([made])).map(({ name, numParticipants }) => [name, numParticipants]);
  },
  async ListParticipants() {
    return (await rooms.listParticipants(room)).map((each) => each.identity);
  },
  async GetParticipant() {
    const { identity: who, state, tracks } = await rooms.getParticipant(room, identity);
    return [who, ParticipantInfo_State[state], tracks.length];
  },
  async UpdateRoomMetadata() {
    return (await rooms.updateRoomMetadata(room, 'agenda')).metadata;
  },
  async UpdateParticipant() {
    const changed = await rooms.updateParticipant(room, identity, { name: 'Alice', attributes: { hand: 'up' } });
    return [changed.name, changed.attributes];
  },
  async MutePublishedTrack() {
    return (await rooms.mutePublishedTrack(room, identity, track, true)).muted;
  },
  async Unmute() {
    return (await rooms.mutePublishedTrack(room, identity, track, false)).muted;
  },
  UpdateSubscriptions: () => rooms.updateSubscriptions(room, identity, [track], false),
  SendData: () => rooms.sendData(room, Buffer.from('hi'), DataPacket_Kind.RELIABLE, { topic: 't' }),
  ForwardParticipant: () => rooms.forwardParticipant(room, identity, made),
  MoveParticipant: () => rooms.moveParticipant(room, identity, made),
  Nobody: () => rooms.getParticipant(room, 'nobody'),
  RemoveParticipant: () => rooms.removeParticipant(room, identity),
  DeleteRoom: () => rooms.deleteRoom(made),
  DeleteAgain: () => rooms.deleteRoom(made),
};

for (const [name, call] of Object.entries(calls)) {
  const answer = await call().catch((error: unknown) => {
    if (error instanceof TwirpError) return error.code;
    throw error;
  });
  console.log(JSON.stringify([name, answer ?? null]));
}
