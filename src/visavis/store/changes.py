"""What each happening changes in the history: values, written by `visavis.store.recorder`.

Each change says all that its happening knows of a row, and is applied to the row if it is there, else makes it. So one
that comes twice, or before its forerunner, or after that was lost, leaves the same row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from sqlalchemy import Table

from visavis.media.events import ParticipantTotals, Totals, TrackTotals
from visavis.store.tables import SID_LENGTH, TEXT_LENGTH, rooms, sessions, tracks

UNPUBLISHED = "unpublished"
PARTICIPANT_LEFT = "participant_left"
SERVER_STOPPED = "server_stopped"
UNHEARD = "unheard"


@dataclass(frozen=True, slots=True)
class Change:
    """Values of one row.

    Attributes:
        table: where.
        sid: which row; with `of_session`, which session's rows that are open.
        values: what it has from now on.
        makes: whether a row that is not there is made.
        of_session: it is for all open rows of a session.
    """

    table: Table
    sid: str
    values: Mapping[str, Any]
    makes: bool = True
    of_session: bool = False


def changes_of(event: WebhookEvent, at: int, server_id: str, *, is_unheard: bool = False) -> list[Change]:
    """What `event` changes.

    Args:
        event: as webhooks tell it.
        at: when it happened, in milliseconds since the epoch.
        server_id: whose rows they are.
        is_unheard: it was found out later, so its reason is not known.
    """
    change = _CHANGES.get(event.event)
    changes = [] if change is None else change(event, at, server_id)
    if not is_unheard:
        return changes
    return [
        replace(each, values={**each.values, "end_reason": UNHEARD})
        if each.table is sessions and "end_reason" in each.values
        else each
        for each in changes
    ]


def changes_of_totals(totals: Totals) -> list[Change]:
    """What the core's last counts change."""
    match totals:
        case TrackTotals(track, packets, bytes_, lost):
            return [Change(tracks, track, {"packets": packets, "bytes": bytes_, "lost": lost}, makes=False)]
        case ParticipantTotals(participant, bytes_in, bytes_out):
            return [Change(sessions, participant, {"bytes_in": bytes_in, "bytes_out": bytes_out}, makes=False)]


def name_of_reason(reason: models.DisconnectReason) -> str:
    """LiveKit's name of a reason, in lower case."""
    return models.DisconnectReason.Name(reason).lower()


def _room(event: WebhookEvent, at: int, server_id: str) -> list[Change]:
    ends = {"ended_at": at} if event.event == "room_finished" else {}
    room = event.room
    values = {"name": _text(room.name), "server_id": server_id, "started_at": room.creation_time_ms or at}
    return [Change(rooms, room.sid, values | ends)]


def _participant(event: WebhookEvent, at: int, server_id: str) -> list[Change]:
    participant, room = event.participant, event.room
    values: dict[str, Any] = {
        "room_sid": room.sid,
        "room_name": _text(room.name),
        "identity": _text(participant.identity),
        "name": _text(participant.name),
        "kind": models.ParticipantInfo.Kind.Name(participant.kind).lower(),
        "server_id": server_id,
        "started_at": participant.joined_at_ms or at,
    }
    if event.event == "participant_joined":
        return [Change(sessions, participant.sid, values)]
    values |= {"ended_at": at, "end_reason": name_of_reason(participant.disconnect_reason)}
    ends = {"ended_at": at, "end_reason": PARTICIPANT_LEFT}
    return [
        Change(sessions, participant.sid, values),
        Change(tracks, participant.sid, ends, makes=False, of_session=True),
    ]


def _track(event: WebhookEvent, at: int, server_id: str) -> list[Change]:
    track = event.track
    values: dict[str, Any] = {
        "room_sid": event.room.sid,
        "session_sid": event.participant.sid,
        "kind": models.TrackType.Name(track.type).lower(),
        "source": models.TrackSource.Name(track.source).lower(),
        "mime_type": _text(track.mime_type.lower(), SID_LENGTH),
        "name": _text(track.name),
        "server_id": server_id,
        "started_at": track.version.unix_micro // 1000 or at,
    }
    if event.event == "track_unpublished":
        values |= {"ended_at": at, "end_reason": UNPUBLISHED}
    return [Change(tracks, track.sid, values)]


_CHANGES: dict[str, Callable[[WebhookEvent, int, str], list[Change]]] = {
    "room_started": _room,
    "room_finished": _room,
    "participant_joined": _participant,
    "participant_left": _participant,
    "participant_connection_aborted": _participant,
    "track_published": _track,
    "track_unpublished": _track,
}


def _text(text: str, length: int = TEXT_LENGTH) -> str:
    """As every database takes it: PostgreSQL has no NUL, and its columns have an end."""
    return text.replace("\0", "")[:length]
