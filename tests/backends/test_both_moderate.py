"""Who may do what to a room, and what becomes of it: the same whatever backend the room lives in."""

import asyncio
import itertools
import json
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest
from caller import Caller
from livekit import api, rtc
from room_stage import Stage, publish

from media import MICROPHONE, SCREEN
from visavis.auth import Claims, Holder, KeyRing, VideoGrants

COMMANDS: dict[str, tuple[str, str, Any]] = {
    "mute one": ("POST", "/mute", {"identity": "guest"}),
    "mute all": ("POST", "/mute", {}),
    "ask to unmute": ("POST", "/ask-to-unmute", {"identity": "guest"}),
    "make a moderator": ("POST", "/moderators", {"identity": "guest"}),
    "remove": ("POST", "/remove", {"identity": "guest"}),
    "admit": ("POST", "/admit", {"all": True}),
    "refuse": ("POST", "/refuse", {"all": True}),
    "lock": ("PATCH", "", {"locked": True}),
    "hide": ("PATCH", "", {"listed": False, "showPeople": False}),
    "restrict": ("PATCH", "", {"mayUnmute": False, "mayShareScreen": False}),
    "end": ("DELETE", "", None),
}

REFUSED = {
    "guest": (403, "not_a_moderator"),
    "outsider": (403, "not_a_moderator"),
    "impostor": (403, "not_a_moderator"),  # says that it is the maker, by a token of its own
    "removed": (403, "not_a_moderator"),  # was a moderator
    "host's guest": (403, "not_a_moderator"),
    "roomless": (403, "wrong_room"),
    "expired": (401, "invalid_token"),
    "forged": (401, "invalid_token"),
    "nobody": (401, "no_token"),
}


async def fill(stage: Stage) -> None:
    """A maker, a guest, somebody who was removed and somebody who waits; and tokens of others."""
    for identity in ("maker", "guest", "removed"):
        await stage.enter(identity)
    for command in ("moderators", "remove"):
        answer = await stage.by("maker", "POST", f"/{command}", json={"identity": "removed"})
        assert answer.status_code == 200, answer.text
    stage.tokens["outsider"] = (await stage.token("outsider")).json()["token"]
    stage.tokens["roomless"] = (await stage.token("somebody", None)).json()["token"]
    keys, grants = stage.video.keys, VideoGrants(room_join=True, room=stage.room)
    maker = keys.verify(stage.tokens["maker"])
    moderates = Holder(id="user:mod", is_vouched=True, moderates=True)
    stage.tokens |= {
        "impostor": keys.mint(replace(maker, holder=Holder(id="visitor:other"))),
        "expired": keys.mint(replace(maker, expires_at=time.time() - 120)),
        "host's guest": keys.mint(Claims(identity="friend", video=grants)),
        "host's admin": keys.mint(Claims(identity="boss", video=VideoGrants(room_admin=True, room=stage.room))),
        "host's moderator": keys.mint(Claims(identity="mod", video=grants, holder=moderates)),
        "forged": KeyRing({"devkey": "guessed"}).mint(replace(maker, holder=moderates)),
    }
    await stage.by("maker", "PATCH", json={"waitingRoom": True})
    stage.knock((await stage.token("knocker", None)).json()["token"])
    await until_waiting(stage, ["Knocker"])


async def until_waiting(stage: Stage, names: list[str]) -> list[dict[str, Any]]:
    async def told() -> list[dict[str, Any]] | None:
        waiting = (await stage.state())["waiting"]
        return waiting if [each["name"] for each in waiting] == names else None

    if names:
        return await stage.until(told)
    async with asyncio.timeout(30):
        while (await stage.state())["waiting"]:  # noqa: ASYNC110 - of HTTP
            await asyncio.sleep(0.05)
    return []


def packets(caller: Caller) -> list[tuple[str, Any]]:
    """Topics and contents of what nobody in the room has sent."""
    return [
        (packet.topic, json.loads(packet.data))
        for (packet,) in caller.all("data_received")
        if packet.participant is None and packet.topic.startswith("visavis.")
    ]


async def test_commands_are_for_moderators(stage: Stage) -> None:
    await fill(stage)
    before = await stage.state()
    for (name, (method, path, body)), (caller, expected) in itertools.product(COMMANDS.items(), REFUSED.items()):
        answer = await stage.by(caller, method, path, json=body)
        assert (answer.status_code, answer.json()["error"]) == expected, f"{name} by {caller}"
        assert answer.json()["message"]
    after = await stage.state()
    assert [each.pop("secondsAgo") for each in (*before["waiting"], *after["waiting"])]
    assert after == before


@pytest.mark.parametrize("caller", ["maker", "host's admin", "host's moderator"])
async def test_moderators_may_all_of_it(stage: Stage, caller: str) -> None:
    await fill(stage)
    for name, (method, path, body) in COMMANDS.items():
        answer = await stage.by(caller, method, path, json=body)
        assert answer.status_code == 200, f"{name}: {answer.text}"


@pytest.mark.parametrize("command", ["mute", "ask-to-unmute", "remove", "moderators"])
async def test_who_is_not_inside_cannot_be_commanded(stage: Stage, command: str) -> None:
    await stage.enter("maker")
    for path, body in ((f"/{command}", {"identity": "nobody"}), ("/admit", {"id": "nobody"})):
        answer = await stage.by("maker", "POST", path, json=body)
        assert (answer.status_code, answer.json()["error"]) == (404, "no_such_person")


async def test_what_cannot_be_meant_is_refused_with_words(stage: Stage) -> None:
    await stage.enter("maker")
    for method, path, said, words in (
        ("PATCH", "", {"json": {"lock": True}}, "no setting 'lock'"),
        ("PATCH", "", {"json": {"locked": "yes"}}, "locked is 'yes'"),
        ("PATCH", "", {"json": []}, "not a JSON object"),
        ("POST", "/mute", {"json": {"source": "trumpet"}}, "source is 'trumpet'"),
        ("POST", "/mute", {"json": {"identity": 7}}, "identity is 7"),
        ("POST", "/remove", {"json": {}}, "identity is None"),
        ("POST", "/admit", {"json": {"id": ""}}, "id is ''"),
        ("PATCH", "", {"content": b"{"}, "not JSON"),
        ("PATCH", "", {"content": b"[" * 100_000}, "more than"),
    ):
        answer = await stage.by("maker", method, path, **said)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), words
        assert words in answer.json()["message"]


async def test_a_room_that_has_ended_is_gone_for_its_moderator_and_from_the_list(stage: Stage) -> None:
    await stage.enter("maker")
    guest = await stage.enter("guest")
    await stage.until_listed(participantCount=2)
    assert (await stage.by("maker", "DELETE")).status_code == 200
    [reason] = await guest.event("disconnected")
    assert reason == rtc.DisconnectReason.ROOM_DELETED
    answer = await stage.by("maker", "PATCH", json={"locked": True})
    assert (answer.status_code, answer.json()["error"]) == (404, "room_not_found")

    async def gone() -> bool:
        return await stage.listed() is None

    await stage.until(gone)
    # Who made it has no rights in the next one of this name.
    await stage.enter("next")
    answer = await stage.by("maker", "PATCH", json={"locked": True})
    assert (answer.status_code, answer.json()["error"]) == (403, "not_a_moderator")


# -- who makes a room --------------------------------------------------------------------------------------------------
async def test_of_two_who_make_a_room_at_once_one_is_its_maker(stage: Stage) -> None:
    answers = await asyncio.gather(*(stage.token(identity) for identity in ("alice", "bob", "carol", "dora")))
    assert sorted(answer.json()["moderator"] for answer in answers) == [False, False, False, True]
    entries = [answer.json() for answer in answers]
    for entry in sorted(entries, key=lambda entry: entry["moderator"]):
        await stage.connect(entry["identity"], entry["token"], entry["url"])
    roles = {caller.identity: caller.me.attributes.get("visavis.role") for caller in stage.callers.values()}
    assert roles == {entry["identity"]: "moderator" if entry["moderator"] else None for entry in entries}


async def test_a_moderator_stays_one_with_a_token_got_by_an_earlier_one(stage: Stage) -> None:
    await stage.enter("maker")
    assert (await stage.token("maker", held=stage.tokens["maker"])).json()["moderator"] is True
    assert (await stage.by("maker", "POST", "/token")).json()["moderator"] is True
    taken = await stage.token("maker")
    assert (taken.status_code, taken.json()["error"]) == (403, "identity_taken")
    other = await stage.token("somebody", held=stage.tokens["maker"])
    assert other.json()["moderator"] is False


async def test_a_room_is_made_with_its_settings_once(stage: Stage) -> None:
    alice, bob = [(await stage.token(identity, None)).json()["token"] for identity in ("alice", "bob")]
    body = {"name": stage.room, "locked": True, "listed": False}
    made = await stage.call("POST", "/api/video/rooms", alice, json=body)
    assert (made.status_code, made.json()["moderator"], made.json()["identity"]) == (200, True, "alice")
    for is_inside in (False, True):
        again = await stage.call("POST", "/api/video/rooms", bob, json={"name": stage.room})
        assert (again.status_code, again.json()["error"]) == (409, "room_exists")
        if not is_inside:
            await stage.connect("alice", made.json()["token"], made.json()["url"])
    answer = await stage.call("POST", f"{stage.path}/token", bob)
    assert (answer.status_code, answer.json()["error"]) == (403, "room_locked")
    stage.tokens["alice"] = made.json()["token"]
    assert (await stage.state("alice"))["locked"] is True
    assert await stage.listed() is None
    await stage.by("alice", "PATCH", json={"listed": True})
    await stage.until_listed(participantCount=1, locked=True)


@pytest.mark.parametrize("name", ["a/b", " ", "x" * 300])
async def test_a_room_needs_a_name_that_can_be(stage: Stage, name: str) -> None:
    token = (await stage.token("a", None)).json()["token"]
    answer = await stage.call("POST", "/api/video/rooms", token, json={"name": name})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_room_name")


async def test_the_list_tells_who_is_inside_and_what_holds_up(stage: Stage) -> None:
    await stage.enter("maker")
    await stage.connect("friend", stage.video.livekit.token("friend", stage.room, name="of the host"))
    room = await stage.until_listed(participantCount=2)
    assert (room["people"], room["locked"], room["waitingRoom"]) == ([{"name": "Maker"}], False, False)
    assert room["maxParticipants"] == 50
    await stage.by("maker", "PATCH", json={"locked": True, "showPeople": False})
    assert (await stage.until_listed(locked=True, people=[]))["participantCount"] == 2
    await stage.leave("friend")
    await stage.until_listed(participantCount=1)


# -- who is let in -----------------------------------------------------------------------------------------------------
async def stays_out(stage: Stage, identity: str, token: str) -> None:
    """With this token, which is good in itself, somebody does not stay in the room."""
    caller = Caller(identity)
    try:
        await asyncio.wait_for(caller.room.connect(stage.video.livekit.url, token), 10)
    except rtc.ConnectError:
        return
    [reason] = await caller.event("disconnected")
    assert reason == rtc.DisconnectReason.PARTICIPANT_REMOVED


async def test_a_locked_room_lets_in_only_who_was_inside(stage: Stage) -> None:
    await stage.enter("maker")
    await stage.enter("guest")
    late = (await stage.token("late")).json()["token"]
    await stage.by("maker", "PATCH", json={"locked": True})
    answer = await stage.token("later")
    assert (answer.status_code, answer.json()["error"]) == (403, "room_locked")
    await stays_out(stage, "late", late)
    await stays_out(stage, "friend", stage.video.livekit.token("friend", stage.room))
    for identity in ("guest", "maker"):
        await stage.leave(identity)
        await stage.until_listed(participantCount=1)
        await stage.connect(identity, stage.tokens[identity])
        await stage.until_listed(participantCount=2)


async def test_nobody_takes_the_place_of_somebody_else(stage: Stage) -> None:
    await stage.enter("maker")
    await stage.enter("guest")
    await stage.until_listed(participantCount=2)
    keys, grants = stage.video.keys, VideoGrants(room_join=True, room=stage.room)
    for identity in ("maker", "guest"):
        answer = await stage.token(identity)
        assert (answer.status_code, answer.json()["error"]) == (403, "identity_taken")
        forged = keys.mint(Claims(identity=identity, video=grants, holder=Holder(id="visitor:other")))
        said = await stage.call("GET", f"{stage.path}/chat", forged)
        assert (said.status_code, said.json()["error"]) == (403, "not_in_room")


async def test_the_hosts_word_for_an_identity_takes_its_place(stage: Stage) -> None:
    stranger = await stage.enter("ann")
    known = Claims(
        identity="ann",
        video=VideoGrants(room_join=True, room=stage.room),
        holder=Holder(id="user:ann", is_vouched=True),
    )
    await stage.connect("ann", stage.video.keys.mint(known))
    assert await stranger.event("disconnected") == (rtc.DisconnectReason.DUPLICATE_IDENTITY,)
    await stage.until_listed(participantCount=1)
    assert stage.callers["ann"].all("disconnected") == []


async def test_who_was_removed_stays_out(stage: Stage) -> None:
    await stage.enter("maker")
    guest = await stage.enter("guest")
    roomless = (await stage.token("guest", None, held=stage.tokens["guest"])).json()["token"]
    await stage.by("maker", "POST", "/remove", json={"identity": "guest"})
    [reason] = await guest.event("disconnected")
    assert reason == rtc.DisconnectReason.PARTICIPANT_REMOVED
    await stays_out(stage, "guest", stage.tokens["guest"])
    await stays_out(stage, "guest", stage.video.livekit.token("guest", stage.room))
    for path in ("/token", "/wait"):
        answer = await stage.call("POST", stage.path + path, roomless)
        assert (answer.status_code, answer.json()["error"]) == (403, "removed")
    assert (await stage.token("guest")).json()["error"] == "removed"
    await stage.by("maker", "DELETE")
    assert (await stage.call("POST", f"{stage.path}/token", roomless)).status_code == 200


# -- the waiting room --------------------------------------------------------------------------------------------------
async def begin_waiting(stage: Stage) -> tuple[Caller, "asyncio.Task[httpx.Response]", str]:
    """A room with a waiting room, and somebody who waits, by this token."""
    maker = await stage.enter("maker")
    await stage.until_listed(participantCount=1)
    await stage.by("maker", "PATCH", json={"waitingRoom": True})
    roomless = (await stage.token("knocker", None)).json()["token"]
    assert (await stage.call("POST", f"{stage.path}/token", roomless)).status_code == 202
    waits = stage.knock(roomless)
    await until_waiting(stage, ["Knocker"])
    return maker, waits, roomless


async def test_who_knocks_is_let_in_by_a_moderator(stage: Stage) -> None:
    maker, waits, _ = await begin_waiting(stage)
    await maker.until(lambda: ("visavis.waiting", {}) in packets(maker), "word of who waits")
    [waiting] = (await stage.state())["waiting"]
    answer = await stage.by("maker", "POST", "/admit", json={"id": waiting["id"]})
    assert answer.json() == {"admitted": 1}
    entry = (await waits).json()
    assert entry["moderator"] is False
    await stage.connect("knocker", entry["token"], entry["url"])
    assert (await stage.state())["waiting"] == []
    stage.tokens["knocker"] = entry["token"]
    assert "waiting" not in await stage.state("knocker")
    await stage.until_listed(participantCount=2)


async def test_who_is_refused_is_told_so_and_stays_refused(stage: Stage) -> None:
    _, waits, roomless = await begin_waiting(stage)
    assert (await stage.by("maker", "POST", "/refuse", json={"all": True})).json() == {"refused": 1}
    for answer in (await waits, await stage.call("POST", f"{stage.path}/wait", roomless)):
        assert (answer.status_code, answer.json()["error"]) == (403, "refused")


async def test_a_token_got_before_does_not_pass_the_waiting_room(stage: Stage) -> None:
    await stage.enter("maker")
    early = (await stage.token("early")).json()["token"]
    await stage.by("maker", "PATCH", json={"waitingRoom": True})
    await stays_out(stage, "early", early)
    answer = await stage.token("another")
    assert (answer.status_code, answer.json()["error"]) == (403, "must_knock")
    friend = await stage.connect("friend", stage.video.livekit.token("friend", stage.room))
    await stage.until_listed(participantCount=2)
    assert friend.all("disconnected") == []


async def test_without_a_waiting_room_who_waits_comes_in(stage: Stage) -> None:
    _, waits, _ = await begin_waiting(stage)
    await stage.by("maker", "PATCH", json={"waitingRoom": False})
    assert (await waits).status_code == 200


async def test_who_waits_before_a_room_that_is_locked_is_told_so(stage: Stage) -> None:
    _, waits, _ = await begin_waiting(stage)
    await stage.by("maker", "PATCH", json={"locked": True})
    assert (await waits).json()["error"] == "room_locked"


async def test_who_waits_makes_the_next_room_when_this_one_has_ended(stage: Stage) -> None:
    _, waits, _ = await begin_waiting(stage)
    await stage.by("maker", "DELETE")
    assert (await waits).json()["moderator"] is True


async def test_who_gives_up_is_forgotten(stage: Stage) -> None:
    _, waits, _ = await begin_waiting(stage)
    waits.cancel()
    await until_waiting(stage, [])


# -- what holds inside -------------------------------------------------------------------------------------------------
async def test_what_clients_say_of_their_role_gives_them_no_rights(stage: Stage) -> None:
    maker = await stage.enter("maker")
    guest = await stage.enter("guest")
    await maker.sees(guest)
    await guest.me.set_attributes({"visavis.role": "moderator", "visavis.hand": "up"})
    await maker.until(lambda: maker.remote(guest).attributes.get("visavis.hand") == "up", "the hand")
    # In a cluster the lie is seen (docs/scaling.md), and believed by nobody.
    seen = "moderator" if stage.video.name == "livekit" else None
    assert maker.remote(guest).attributes.get("visavis.role") == seen
    assert (await stage.state("guest"))["moderator"] is False
    answer = await stage.by("guest", "PATCH", json={"locked": True})
    assert (answer.status_code, answer.json()["error"]) == (403, "not_a_moderator")


async def test_a_guests_token_is_no_key_to_the_server_api(stage: Stage) -> None:
    for who in ("maker", "guest"):
        await stage.enter(who)
        client = api.LiveKitAPI(stage.video.livekit.http_url, token=stage.tokens[who])
        with pytest.raises(api.TwirpError) as refused:
            await client.room.remove_participant(api.RoomParticipantIdentity(room=stage.room, identity="maker"))
        await client.aclose()
        assert refused.value.status == 401


async def test_what_was_said_is_for_those_inside(stage: Stage) -> None:
    maker = await stage.enter("maker")
    stage.tokens["outside"] = (await stage.token("outside")).json()["token"]
    await maker.me.send_text("hello", topic="lk.chat")
    answer = await stage.by("outside", "GET", "/chat")
    assert (answer.status_code, answer.json()["error"]) == (403, "not_in_room")

    async def kept() -> bool:
        messages = (await stage.by("maker", "GET", "/chat")).json()["messages"]
        # No cluster keeps it (docs/scaling.md).
        return [each["text"] for each in messages] == ([] if stage.video.name == "livekit" else ["hello"])

    await stage.until(kept)


async def test_a_new_moderator_is_one_to_all(stage: Stage) -> None:
    maker = await stage.enter("maker")
    guest = await stage.enter("guest")
    await maker.sees(guest)
    await stage.by("maker", "POST", "/moderators", json={"identity": "guest"})
    await maker.until(lambda: maker.remote(guest).attributes.get("visavis.role") == "moderator", "the role")
    assert (await stage.state("guest"))["moderator"] is True


async def test_a_host_s_guest_cannot_be_made_a_moderator(stage: Stage) -> None:
    await stage.enter("maker")
    await stage.connect("friend", stage.video.livekit.token("friend", stage.room))
    answer = await stage.by("maker", "POST", "/moderators", json={"identity": "friend"})
    assert (answer.status_code, answer.json()["error"]) == (401, "not_permitted")


async def test_a_moderator_mutes_one_and_all_but_itself(stage: Stage) -> None:
    maker = await stage.enter("maker")
    guests = [await stage.enter(name) for name in ("guest", "other")]
    for caller in (maker, *guests):
        await publish(caller)
    for guest in guests:
        await maker.track_of(guest, MICROPHONE)
    answer = await stage.by("maker", "POST", "/mute", json={"identity": "guest"})
    assert answer.json() == {"muted": 1}
    await maker.event("track_muted", lambda who, _: who.identity == "guest")
    assert (await stage.by("maker", "POST", "/mute", json={})).json() == {"muted": 1}
    await maker.event("track_muted", lambda who, _: who.identity == "other")
    assert (await stage.by("maker", "POST", "/mute", json={})).json() == {"muted": 0}


async def test_restricted_people_lose_what_they_may_not_and_get_it_back(stage: Stage) -> None:
    maker = await stage.enter("maker")
    guest = await stage.enter("guest")
    await publish(guest)
    await maker.track_of(guest, MICROPHONE)
    await stage.by("maker", "PATCH", json={"mayUnmute": False, "mayShareScreen": False})
    await guest.until(lambda: ("visavis.settings", {}) in packets(guest), "word of the settings")
    await maker.event("track_unpublished")
    # At once: one server answers nothing, and the client gives up after 10 s.
    refused = await asyncio.gather(*(publish(guest, each) for each in (MICROPHONE, SCREEN)), return_exceptions=True)
    assert all(isinstance(each, rtc.participant.PublishTrackError | TimeoutError) for each in refused), refused
    await stage.by("maker", "PATCH", json={"mayUnmute": True})
    await guest.until(lambda: len(packets(guest)) > 1, "word of the settings")
    assert await publish(guest)


async def test_who_comes_into_a_restricted_room_is_restricted(stage: Stage) -> None:
    await stage.enter("maker")
    await stage.by("maker", "PATCH", json={"mayUnmute": False})
    guest = await stage.enter("guest")
    with pytest.raises((rtc.participant.PublishTrackError, TimeoutError)):
        await publish(guest)
    await stage.by("maker", "POST", "/ask-to-unmute", json={"identity": "guest"})
    await guest.until(
        lambda: ("visavis.ask-to-unmute", {"source": "microphone"}) in packets(guest), "that it is asked to unmute"
    )
    assert await publish(guest)


@pytest.mark.slow
async def test_a_room_whose_moderator_has_left_gets_who_was_there_longest(stage: Stage) -> None:
    await stage.enter("maker")
    guest = await stage.enter("guest")
    other = await stage.enter("other")
    await other.sees(guest)
    await stage.leave("maker")
    await other.until(lambda: other.remote(guest).attributes.get("visavis.role") == "moderator", "a successor", 45)
    assert (await stage.state("guest"))["moderator"] is True
    assert (await stage.state("other"))["moderator"] is False
