"""What a moderator does to a room and its people: the server API's side of what clients do for themselves."""

from livekit.protocol import models, rtc
from livekit.protocol import room as messages_of_rooms

from visavis.rooms import Track
from visavis.signalling import messages
from visavis.signalling.live_room import LiveRoom
from visavis.signalling.publishing import mute as mute_own
from visavis.signalling.session import Session


def mute(room: LiveRoom, session: Session, track: str) -> Track | None:
    """Mutes a participant's track for everybody and tells its client, which can unmute it; None if there is none."""
    found = session.participant.tracks.find(track)
    if found is None:
        return None
    if not found.info.muted:
        request = rtc.MuteTrackRequest(sid=track, muted=True)
        mute_own(room, session, request)
        session.send(messages.mute(request))
    return found


def send_data(room: LiveRoom, request: messages_of_rooms.SendDataRequest) -> None:
    """Sends a user packet of nobody to the named participants, or to all if none is named."""
    destinations = set(request.destination_sids)
    for identity in request.destination_identities:
        participant = room.room.by_identity(identity)
        # One who is not there must not turn "to nobody" into "to all".
        destinations.add(identity if participant is None else participant.sid)
    user = models.UserPacket(
        payload=request.data,
        topic=request.topic if request.HasField("topic") else None,
        destination_identities=request.destination_identities,
        nonce=request.nonce,
    )
    packet = models.DataPacket(kind=request.kind, destination_identities=request.destination_identities, user=user)
    is_reliable = request.kind == models.DataPacket.RELIABLE
    room.engine.send_data(
        room.room.sid, packet.SerializeToString(), reliable=is_reliable, destinations=sorted(destinations)
    )


def set_room_metadata(room: LiveRoom, metadata: str) -> None:
    """Changes the room's metadata and tells everybody at once."""
    room.room.metadata = metadata
    room.is_told = False
    room.tell_room()
