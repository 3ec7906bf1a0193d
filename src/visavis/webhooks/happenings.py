"""The events that LiveKit's webhooks tell, as its own messages."""

import time
from typing import Literal, TypeAlias, get_args

from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from visavis.rooms import Participant, Room
from visavis.rooms.ids import new_id

EventName: TypeAlias = Literal[
    "room_started",
    "room_finished",
    "participant_joined",
    "participant_left",
    "participant_connection_aborted",
    "track_published",
    "track_unpublished",
]
EVENT_NAMES: frozenset[str] = frozenset(get_args(EventName))


def of_room(name: Literal["room_started", "room_finished"], room: Room) -> WebhookEvent:
    """A room began or ended."""
    return _event(name, room.info())


def of_participant(
    name: Literal["participant_joined", "participant_left", "participant_connection_aborted"],
    room: Room,
    participant: Participant,
) -> WebhookEvent:
    """Somebody's media came up; or they left after that, or before."""
    event = _event(name, room.info())
    event.participant.CopyFrom(participant.info())
    event.participant.ClearField("tracks")
    return event


def of_track(
    name: Literal["track_published", "track_unpublished"], room: Room, participant: Participant, track: models.TrackInfo
) -> WebhookEvent:
    """A track came or went; of room and participant only what names them, as LiveKit does."""
    event = _event(name, models.Room(sid=room.sid, name=room.name))
    event.participant.CopyFrom(models.ParticipantInfo(sid=participant.sid, identity=participant.identity))
    event.track.CopyFrom(track)
    return event


def _event(name: EventName, room: models.Room) -> WebhookEvent:
    return WebhookEvent(event=name, id=new_id("EV_"), created_at=int(time.time()), room=room)
