"""What a process knows of the rooms: who vanishes without a word is told of once, and who was told of is not."""

import pytest
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from visavis.backend.livekit.mirror import Mirror
from visavis.rooms import RoomSettings

ROOM = models.Room(sid="RM_1", name="atrium", creation_time_ms=1_000)


def event(name: str, sid: str = "", identity: str = "alice", room: models.Room = ROOM) -> WebhookEvent:
    info = models.ParticipantInfo(sid=sid, identity=identity, joined_at_ms=2_000)
    return WebhookEvent(event=name, room=room, participant=info if sid else None)


@pytest.fixture
def mirror() -> Mirror:
    mirror = Mirror()
    mirror.apply(event("participant_joined", "PA_1"), now=10)
    return mirror


def vanished(mirror: Mirror) -> list[str]:
    return [each.room_sid if each.person is None else each.person.sid for each in mirror.take_vanished(before=100)]


def test_whose_place_another_session_took_has_vanished_once(mirror: Mirror) -> None:
    mirror.apply(event("participant_joined", "PA_2"), now=20)
    assert mirror.take_vanished(before=20) == []
    [found] = mirror.take_vanished(before=21)
    assert found.person is not None
    assert (found.room_sid, found.person.sid, found.person.joined_at, found.at) == ("RM_1", "PA_1", 2_000, 20)
    assert vanished(mirror) == []


@pytest.mark.parametrize("is_told_first", [True, False])
def test_who_was_told_of_has_not_vanished(mirror: Mirror, is_told_first: bool) -> None:
    story = [event("participant_left", "PA_1"), event("participant_joined", "PA_2")]
    for each in story if is_told_first else reversed(story):
        mirror.apply(each, now=20)
    assert vanished(mirror) == []


def test_who_is_in_a_room_that_ends_has_vanished(mirror: Mirror) -> None:
    mirror.apply(event("room_finished"), now=20)
    assert vanished(mirror) == ["PA_1"]


def test_a_room_whose_name_another_has_taken_has_vanished_with_its_people(mirror: Mirror) -> None:
    later = models.Room(sid="RM_2", name="atrium", creation_time_ms=3_000)
    mirror.apply(event("participant_joined", "PA_2", "bob", later), now=20)
    assert sorted(vanished(mirror)) == ["PA_1", "RM_1"]


def test_a_room_that_the_cluster_lists_no_more_ends_with_its_people(mirror: Mirror) -> None:
    [ended], changed = mirror.read_rooms([], asked_at=20)
    assert (ended.sid, changed) == ("RM_1", True)
    assert vanished(mirror) == ["PA_1"]


def test_the_line_of_a_room_is_worked_out_anew_after_any_change_and_not_else(mirror: Mirror) -> None:
    room = mirror.get("atrium")
    assert room is not None
    before = room.summary
    assert room.summary is before
    mirror.know("atrium", "RM_1", RoomSettings(is_locked=True))
    assert room.summary.settings.is_locked
    mirror.apply(event("participant_joined", "PA_2", "bob"), now=20)
    assert (room.summary.participant_count, room.counted) == (2, 2)
    mirror.apply(event("participant_left", "PA_2", "bob"), now=21)
    assert (room.summary.participant_count, room.counted) == (1, 1)
    told = models.Room(sid="RM_1", name="atrium", creation_time_ms=1_000, max_participants=7, num_participants=1)
    mirror.read_rooms([told], asked_at=30)
    assert room.summary.max_participants == 7
    people = [models.ParticipantInfo(sid=sid, identity=sid, state=models.ParticipantInfo.ACTIVE) for sid in "abc"]
    mirror.read_people("atrium", "RM_1", people, asked_at=31)
    assert (room.summary.participant_count, room.counted) == (4, 4)
