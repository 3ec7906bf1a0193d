"""What a moderator does to a room and its people: the server API's side of what clients do for themselves.

Who may, and what holds then, `rooms.moderation` decides. Pages are told what moderators set in data packets of nobody.
"""

import json
from collections.abc import Iterable

import structlog
from livekit.protocol import models, rtc
from livekit.protocol import room as messages_of_rooms

from visavis.rooms import Participant, RoomSettings, Track
from visavis.rooms.moderation import ROLE_ATTRIBUTE
from visavis.signalling import messages
from visavis.signalling.live_room import LiveRoom
from visavis.signalling.messages import Reason
from visavis.signalling.publishing import deny_sources
from visavis.signalling.publishing import mute as mute_own
from visavis.signalling.session import Session

_log = structlog.stdlib.get_logger(__name__)

ASKED_TO_UNMUTE = "visavis.ask-to-unmute"
"""Topic of the packet to who is asked; its payload is the source."""
SETTINGS_CHANGED = "visavis.settings"
"""Topic of the packet to all; ask the API what holds now."""
WAITING_CHANGED = "visavis.waiting"
"""Topic of the packet to moderators; ask the API who waits."""

# Tracks that tell no source are taken for what they mostly are.
_MATCHING: dict[str, frozenset[tuple[models.TrackSource, models.TrackType]]] = {
    "microphone": frozenset(
        ((models.TrackSource.MICROPHONE, models.TrackType.AUDIO), (models.TrackSource.UNKNOWN, models.TrackType.AUDIO))
    ),
    "camera": frozenset(
        ((models.TrackSource.CAMERA, models.TrackType.VIDEO), (models.TrackSource.UNKNOWN, models.TrackType.VIDEO))
    ),
    "screen_share": frozenset(
        (
            (models.TrackSource.SCREEN_SHARE, models.TrackType.VIDEO),
            (models.TrackSource.SCREEN_SHARE_AUDIO, models.TrackType.AUDIO),
        )
    ),
}
SOURCES = tuple(_MATCHING)
"""What can be muted, by name."""


def matches(track: models.TrackInfo, source: str) -> bool:
    """Whether a track is of a source that can be muted."""
    return (track.source, track.type) in _MATCHING[source]


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


def mute_source(room: LiveRoom, session: Session, source: str) -> int:
    """Mutes all that a participant publishes from a source; returns how many tracks that were."""
    tracks = session.participant.tracks
    found = [track for track in (*tracks.pending.values(), *tracks.published.values()) if not track.info.muted]
    wanted = [track.sid for track in found if matches(track.info, source)]
    for track in wanted:
        mute(room, session, track)
    if source == "microphone":
        room.room.moderation.disallow_to_speak(session.participant.identity)
        restrict(room, session)
    return len(wanted)


def mute_all(room: LiveRoom, source: str) -> int:
    """Mutes everybody but the moderators, agents, recorders and callers by phone; returns how many tracks that were."""
    moderators = set(room.room.moderation.moderators)
    people = [
        each for each in room.sessions.values() if each.sid not in moderators and each.participant.is_restrictable
    ]
    return sum(mute_source(room, session, source) for session in people)


def ask_to_unmute(room: LiveRoom, session: Session, source: str) -> None:
    """Asks a participant to unmute, which it may then, also where the others may not."""
    if source == "microphone":
        room.room.moderation.allow_to_speak(session.participant.identity)
        restrict(room, session)
    tell(room, ASKED_TO_UNMUTE, {"source": source}, to=[session.sid])


def expel(room: LiveRoom, session: Session) -> None:
    """Removes a participant, which cannot come back while the room lives."""
    room.room.moderation.remove(session.participant.claims)
    room.remove(session, Reason.PARTICIPANT_REMOVED)


def appoint(room: LiveRoom, session: Session) -> None:
    """Makes a participant that came with a token of the API a moderator."""
    participant = session.participant
    holder = participant.claims.holder
    if holder is None:
        raise ValueError(f"{participant.identity!r} came with a token that the host signed")
    moderation = room.room.moderation
    moderation.appoint(holder.id)
    moderation.moderator_came(participant.sid)
    participant.attributes[ROLE_ATTRIBUTE] = "moderator"
    participant.touch()
    room.announce(participant, to_self=True)
    restrict(room, session)
    if len(moderation.waiting):
        tell(room, WAITING_CHANGED, {}, to=[participant.sid])
    _log.info("moderator_appointed", room=room.room.sid, participant=participant.sid)


def change_settings(room: LiveRoom, settings: RoomSettings) -> None:
    """Changes what the moderators of a room have set, and tells everybody."""
    moderation = room.room.moderation
    before = moderation.settings
    if before == settings:
        return
    moderation.set(settings)
    if (before.is_locked, before.has_waiting_room) != (settings.is_locked, settings.has_waiting_room):
        moderation.waiting.disperse()
    for session in list(room.sessions.values()):
        restrict(room, session)
    tell(room, SETTINGS_CHANGED, {})
    room.around.changed()


def restrict(room: LiveRoom, session: Session) -> None:
    """Has what moderators have set hold for a participant, now."""
    participant = session.participant
    if participant.is_restrictable:
        deny_sources(room, session, room.room.moderation.denied_sources(participant.claims, room.room.name))


def tell_waiting(room: LiveRoom) -> None:
    """Tells the moderators that others wait than before."""
    moderators = sorted(room.room.moderation.moderators)
    if moderators:
        tell(room, WAITING_CHANGED, {}, to=moderators)


def tick(room: LiveRoom) -> None:
    """Does what is due by now: who waits no more is forgotten, and a room without a moderator gets one."""
    moderation, now = room.room.moderation, room.around.now()
    if moderation.waiting.forget_absent(now):
        tell_waiting(room)
    if moderation.needs_moderator(now):
        successor = next(filter(_may_succeed, room.room.participants), None)
        if successor is not None:
            appoint(room, room.sessions[successor.sid])


def tell(room: LiveRoom, topic: str, content: object, *, to: Iterable[str] = ()) -> None:
    """Sends pages a packet of nobody: to these participant ids, or to all."""
    user = models.UserPacket(payload=json.dumps(content).encode(), topic=topic)
    packet = models.DataPacket(kind=models.DataPacket.RELIABLE, user=user)
    room.engine.send_data(room.room.sid, packet.SerializeToString(), reliable=True, destinations=sorted(to))


def _may_succeed(participant: Participant) -> bool:
    holder = participant.claims.holder
    return (
        holder is not None
        and holder.moderates is not False
        and participant.is_restrictable
        and not participant.is_hidden
    )
