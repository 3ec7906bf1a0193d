"""Who may enter a room and who moderates it, in all combinations; and what is reserved for who makes one."""

import json
from dataclasses import replace

import pytest

from visavis.auth import Claims, Holder, VideoGrants
from visavis.errors import ErrorKind, VisavisError
from visavis.rooms import Moderation, Reservations, RoomSettings
from visavis.rooms.moderation import ABSENCE_SECONDS
from visavis.rooms.reservations import MAX_RESERVED, RESERVED_SECONDS
from visavis.rooms.waiting_room import Verdict

ROOM = "den"


def visitor(identity: str, holder: str | None = None, **about: object) -> Claims:
    grants = VideoGrants(room_join=True, room=ROOM)
    return Claims(identity=identity, video=grants, holder=Holder(id=holder or identity, **about))


HOST_S = Claims(identity="friend", video=VideoGrants(room_join=True, room=ROOM))
ADMIN = replace(HOST_S, video=VideoGrants(room_join=True, room_admin=True, room=ROOM))
MAKER, GUEST = visitor("maker"), visitor("guest")


def refusal(moderation: Moderation, claims: Claims, *, present: Claims | None = None, now: float = 0, **more: bool):
    """The kind of error that keeps somebody out; None if nothing does."""
    try:
        moderation.check_entry(claims, ROOM, present=present, is_dependent=more.get("is_dependent", False), now=now)
    except VisavisError as error:
        return error.kind
    return None


LOCKED, KNOCK, NO = ErrorKind.ROOM_LOCKED, ErrorKind.MUST_KNOCK, None
TABLE = {
    "open": (RoomSettings(), {"guest": NO, "host's": NO, "admin": NO, "maker": NO}),
    "waiting room": (RoomSettings(has_waiting_room=True), {"guest": KNOCK, "host's": NO, "admin": NO, "maker": NO}),
    "locked": (RoomSettings(is_locked=True), {"guest": LOCKED, "host's": LOCKED, "admin": NO, "maker": NO}),
    "both": (
        RoomSettings(is_locked=True, has_waiting_room=True),
        {"guest": LOCKED, "host's": LOCKED, "admin": NO, "maker": NO},
    ),
}
WHO = {"guest": GUEST, "host's": HOST_S, "admin": ADMIN, "maker": MAKER}


@pytest.mark.parametrize("setting", TABLE)
def test_who_is_kept_out_by_what(setting: str):
    settings, expected = TABLE[setting]
    moderation = Moderation(now=0, settings=settings, maker="maker")
    assert {who: refusal(moderation, claims) for who, claims in WHO.items()} == expected
    for claims in WHO.values():
        assert refusal(moderation, claims, is_dependent=True) is None
        assert refusal(moderation, claims, present=claims) is None
        moderation.left("PA_", claims, now=100)
        assert refusal(moderation, claims, now=100 + ABSENCE_SECONDS - 1) is None
    assert {who: refusal(moderation, claims, now=100 + ABSENCE_SECONDS) for who, claims in WHO.items()} == expected


def test_who_left_comes_back_only_as_itself():
    moderation = Moderation(now=0, settings=RoomSettings(is_locked=True), maker="maker")
    moderation.left("PA_", GUEST, now=0)
    assert refusal(moderation, visitor("guest", "another")) is LOCKED
    assert refusal(moderation, visitor("guest", "user:guest", is_vouched=True)) is None


@pytest.mark.parametrize(
    ("claims", "present", "kind"),
    [
        (visitor("guest", "another"), GUEST, ErrorKind.IDENTITY_TAKEN),
        (visitor("friend"), HOST_S, ErrorKind.IDENTITY_TAKEN),
        (visitor("guest", "user:guest", is_vouched=True), GUEST, None),
        (replace(HOST_S, identity="guest"), GUEST, None),
        (GUEST, GUEST, None),
    ],
)
def test_who_takes_whose_place(claims: Claims, present: Claims, kind: ErrorKind | None):
    assert refusal(Moderation(now=0), claims, present=present) is kind


def test_who_is_removed_moderates_no_more_and_stays_out():
    moderation = Moderation(now=0, maker="maker")
    named = visitor("boss", "user:boss", is_vouched=True, moderates=True)
    for claims in (MAKER, named, HOST_S):
        moderation.remove(claims)
        assert refusal(moderation, claims) is ErrorKind.REMOVED
        assert not moderation.is_moderator(claims, ROOM)
    assert refusal(moderation, visitor("other name", "maker")) is ErrorKind.REMOVED
    assert refusal(moderation, visitor("maker", "other holder")) is ErrorKind.REMOVED
    assert refusal(moderation, replace(ADMIN, identity="maker")) is None


def test_who_moderates():
    moderation = Moderation(now=0, maker="maker")
    assert [moderation.is_moderator(claims, ROOM) for claims in (MAKER, ADMIN, GUEST, HOST_S)] == [1, 1, 0, 0]
    assert not moderation.is_moderator(ADMIN, "another")
    moderation.appoint("guest")
    assert moderation.is_moderator(GUEST, ROOM)
    assert not moderation.is_moderator(visitor("guest", "another"), ROOM)
    assert moderation.is_moderator(visitor("x", moderates=True), ROOM)
    assert not moderation.is_moderator(visitor("x", moderates=False), ROOM)


def test_a_led_room_wants_another_moderator_after_a_while():
    moderation = Moderation(now=0, maker="maker")
    assert not moderation.needs_moderator(ABSENCE_SECONDS - 1)
    assert moderation.needs_moderator(ABSENCE_SECONDS)
    moderation.moderator_came("PA_1")
    moderation.moderator_came("PA_2")
    assert not moderation.needs_moderator(1000)
    moderation.left("PA_1", MAKER, now=1000)
    moderation.left("PA_3", GUEST, now=1000)
    assert not moderation.needs_moderator(2000)
    moderation.left("PA_2", GUEST, now=2000)
    assert not moderation.needs_moderator(2000 + ABSENCE_SECONDS - 1)
    assert moderation.needs_moderator(2000 + ABSENCE_SECONDS)


def test_who_was_asked_to_unmute_may_until_nobody_may_again():
    moderation, guests = Moderation(now=0, maker="maker"), RoomSettings(may_unmute=False)
    moderation.allow_to_speak("guest")
    moderation.set(guests)
    assert moderation.denied_sources(GUEST, ROOM) == {"microphone", "unknown"}
    moderation.allow_to_speak("guest")
    moderation.set(replace(guests, is_locked=True))
    assert moderation.denied_sources(GUEST, ROOM) == frozenset()
    moderation.disallow_to_speak("guest")
    assert moderation.denied_sources(GUEST, ROOM)
    assert moderation.denied_sources(MAKER, ROOM) == frozenset()


def test_a_room_of_the_host_wants_none():
    assert not Moderation(now=0).needs_moderator(1000)


def test_a_reservation_lasts_a_minute_and_is_taken_once():
    reservations, moderation = Reservations(), Moderation(now=0, maker="maker")
    reservations.put("den", moderation, now=0)
    assert reservations.get("den", now=RESERVED_SECONDS - 1) is moderation
    assert reservations.get("den", now=RESERVED_SECONDS) is None
    assert reservations.get("attic", now=0) is None
    assert reservations.take("den", now=1) is moderation
    assert reservations.take("den", now=1) is None


def test_not_too_many_rooms_are_reserved():
    reservations = Reservations()
    for n in range(MAX_RESERVED + 1):
        reservations.put(f"room {n}", Moderation(now=0), now=0)
    assert reservations.get("room 0", now=0) is None
    assert reservations.get(f"room {MAX_RESERVED}", now=0) is not None
    reservations.put("late", Moderation(now=0), now=RESERVED_SECONDS)
    assert reservations.get("room 5", now=0) is None


def test_what_is_written_down_is_what_is_read() -> None:
    rules = Moderation(now=5.0, settings=RoomSettings(has_waiting_room=True, may_unmute=False), maker="maker")
    rules.moderator_came("PA_maker")
    rules.appoint("second")
    rules.remove(Claims(identity="rude", holder=Holder(id="rude one")))
    rules.allow_to_speak("speaker")
    rules.left("PA_gone", Claims(identity="gone", holder=Holder(id="gone one")), now=7.0)
    for holder in ("admitted", "refused", "waits"):
        rules.waiting.knock(holder, identity=holder, name=holder.title(), now=6.0, wake=lambda: None)
        rules.waiting.expect(holder, until=20.0)
    rules.waiting.decide("admitted", is_admitted=True)
    rules.waiting.decide("refused", is_admitted=False)
    read = Moderation.from_json(json.loads(json.dumps(rules.to_json())))
    assert read.to_json() == rules.to_json()
    for identity, holder in (("gone", "gone one"), ("new", "admitted")):
        read.check_entry(visitor(identity, holder), "den", present=None, is_dependent=False, now=8.0)
    for identity, holder in (("gone", "another"), ("rude", "another"), ("new", "rude one"), ("new", "waits")):
        with pytest.raises(VisavisError):
            read.check_entry(visitor(identity, holder), "den", present=None, is_dependent=False, now=8.0)
    assert read.is_moderator(visitor("any", "second"), ROOM)
    assert not read.needs_moderator(99.0)
    assert read.denied_sources(visitor("speaker", "any"), "den") == frozenset()
    assert [each.name for each in read.waiting.waiting(21.0)] == ["Waits"]
    assert read.waiting.verdict("refused") is Verdict.REFUSED
