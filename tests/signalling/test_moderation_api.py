"""Who may do what to a room by the API: each command by each kind of caller, and who is let in."""

import asyncio
import base64
import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
import websockets
from livekit.protocol import models, rtc

from visavis.auth import Claims, Holder, KeyRing, VideoGrants
from visavis.media.fake import Command

ROOM = "the den"
TOKEN = "/api/video/token"
PATH = f"/api/video/rooms/{ROOM}"


@dataclass
class Stage:
    """A room with a maker, a guest who speaks, and somebody who waits; and tokens of others."""

    server: Any
    http: httpx.AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)
    clients: dict[str, Any] = field(default_factory=dict)
    waits: "asyncio.Task[httpx.Response] | None" = None

    async def call(self, method: str, path: str, token: str | None, **options: Any) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await self.http.request(method, path, headers=headers, **options)

    async def token(self, identity: str, *, room: str | None = ROOM) -> str:
        params = {"identity": identity, "name": identity.title()} | ({} if room is None else {"room": room})
        answer = await self.http.get(TOKEN, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]

    async def enter(self, identity: str, *, room: str = ROOM) -> Any:
        """Gets a token and joins; the client has read `join`."""
        self.tokens[identity] = await self.token(identity, room=room)
        client = self.clients[identity] = await self.server.open(self.tokens[identity])
        client.joined = (await client.next()).join
        return client

    async def state(self) -> dict[str, Any]:
        return (await self.call("GET", PATH, self.tokens["maker"])).json()

    async def knock(self) -> None:
        """Somebody waits, as long as it is not let in."""
        roomless = await self.token("knocker", room=None)
        assert (await self.call("POST", f"{PATH}/token", roomless)).status_code == 202
        self.waits = asyncio.create_task(self.call("POST", f"{PATH}/wait", roomless))
        await self.until_waiting(["Knocker"])

    async def until_waiting(self, names: list[str]) -> None:
        while [each["name"] for each in (await self.state())["waiting"]] != names:  # noqa: ASYNC110 - of HTTP
            await asyncio.sleep(0.01)

    @property
    def inside(self) -> list[str]:
        [live] = [live for live in self.server.backend._registry or () if live.room.name == ROOM] or [None]
        return [] if live is None else [each.identity for each in live.room.participants]

    def packets(self) -> list[tuple[str, list[str]]]:
        """Topic and receivers of each packet that the server has sent."""
        return [
            (_topic(command), command.options["destinations"]) for command in self.server.engine.called("send_data")
        ]


def _topic(command: Command) -> str:
    return models.DataPacket.FromString(command.arguments[1]).user.topic


@pytest.fixture
async def stage(serve: Any) -> AsyncIterator[Stage]:
    server = await serve()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as http:
        stage = Stage(server, http)
        yield stage
        if stage.waits is not None:
            stage.waits.cancel()


@pytest.fixture
async def full(stage: Stage) -> Stage:
    """The stage as its name says, with the tokens of all kinds of callers."""
    await stage.enter("earlier")
    assert (await stage.call("DELETE", PATH, stage.tokens["earlier"])).status_code == 200
    await stage.enter("elsewhere", room="another")
    await stage.enter("maker")
    guest = await stage.enter("guest")
    await guest.add_track("mic", "audio")
    await stage.enter("removed")
    for command in ("moderators", "remove"):
        answer = await stage.call("POST", f"{PATH}/{command}", stage.tokens["maker"], json={"identity": "removed"})
        assert answer.status_code == 200, answer.text
    stage.tokens["outsider"] = await stage.token("outsider")
    stage.tokens["roomless"] = await stage.token("somebody", room=None)
    keys, grants = stage.server.keys, VideoGrants(room_join=True, room=ROOM)
    maker = keys.verify(stage.tokens["maker"])
    stage.tokens["impostor"] = keys.mint(replace(maker, holder=Holder(id="visitor:other")))
    stage.tokens["expired"] = keys.mint(replace(maker, expires_at=time.time() - 120))
    stage.tokens["host's guest"] = keys.mint(Claims(identity="friend", video=grants))
    stage.tokens["host's admin"] = keys.mint(Claims(identity="boss", video=VideoGrants(room_admin=True, room=ROOM)))
    moderates = Holder(id="user:mod", is_vouched=True, moderates=True)
    stage.tokens["host's moderator"] = keys.mint(Claims(identity="mod", video=grants, holder=moderates))
    stage.tokens["forged"] = KeyRing({"devkey": "guessed"}).mint(replace(maker, holder=moderates))
    await stage.call("PATCH", PATH, stage.tokens["maker"], json={"waitingRoom": True})
    await stage.knock()
    return stage


COMMANDS: dict[str, tuple[str, str, Any]] = {
    "mute one": ("POST", "/mute", {"identity": "guest"}),
    "mute a source": ("POST", "/mute", {"identity": "guest", "source": "microphone"}),
    "mute all": ("POST", "/mute", {}),
    "ask to unmute": ("POST", "/ask-to-unmute", {"identity": "guest"}),
    "make a moderator": ("POST", "/moderators", {"identity": "guest"}),
    "remove": ("POST", "/remove", {"identity": "guest"}),
    "admit": ("POST", "/admit", {"all": True}),
    "refuse": ("POST", "/refuse", {"all": True}),
    "lock": ("PATCH", "", {"locked": True}),
    "waiting room off": ("PATCH", "", {"waitingRoom": False}),
    "hide": ("PATCH", "", {"listed": False, "showPeople": False}),
    "restrict": ("PATCH", "", {"mayUnmute": False, "mayShareScreen": False}),
    "end": ("DELETE", "", None),
}

REFUSED = {
    "guest": (403, "not_a_moderator"),
    "outsider": (403, "not_a_moderator"),
    "impostor": (403, "not_a_moderator"),  # says that it is the maker, by a token of its own
    "earlier": (403, "not_a_moderator"),  # made an earlier room of that name
    "removed": (403, "not_a_moderator"),  # was a moderator
    "host's guest": (403, "not_a_moderator"),
    "elsewhere": (403, "wrong_room"),
    "roomless": (403, "wrong_room"),
    "expired": (401, "invalid_token"),
    "forged": (401, "invalid_token"),
    "nobody": (401, "no_token"),
}


async def test_commands_are_for_moderators(full: Stage) -> None:
    before, inside, packets = await full.state(), full.inside, full.packets()
    for (name, (method, path, body)), (caller, expected) in itertools.product(COMMANDS.items(), REFUSED.items()):
        answer = await full.call(method, PATH + path, full.tokens.get(caller), json=body)
        assert (answer.status_code, answer.json()["error"]) == expected, f"{name} by {caller}"
        assert answer.json()["message"]
    after = await full.state()
    assert [each.pop("secondsAgo") for each in (*before["waiting"], *after["waiting"])]
    assert (after, full.inside, full.packets()) == (before, inside, packets)


@pytest.mark.parametrize("caller", ["maker", "host's admin", "host's moderator"])
async def test_moderators_may_all_of_it(full: Stage, caller: str) -> None:
    for name, (method, path, body) in COMMANDS.items():
        answer = await full.call(method, PATH + path, full.tokens[caller], json=body)
        assert answer.status_code == 200, f"{name}: {answer.text}"


async def test_a_room_is_gone_for_its_moderator_once_it_has_ended(full: Stage) -> None:
    assert (await full.call("DELETE", PATH, full.tokens["maker"])).status_code == 200
    [leave] = [each.leave for each in await full.clients["guest"].until_closed() if each.HasField("leave")]
    assert (leave.reason, leave.action) == (models.DisconnectReason.ROOM_DELETED, rtc.LeaveRequest.DISCONNECT)
    answer = await full.call("PATCH", PATH, full.tokens["maker"], json={"locked": True})
    assert (answer.status_code, answer.json()["error"]) == (404, "room_not_found")
    # Who waited asks anew, and makes the next one.
    assert full.waits is not None
    assert (await full.waits).json()["moderator"] is True


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("PATCH", "", {"lock": True}, "no setting 'lock'"),
        ("PATCH", "", {"locked": "yes"}, "locked is 'yes'"),
        ("PATCH", "", [], "not a JSON object"),
        ("POST", "/mute", {"source": "trumpet"}, "source is 'trumpet'"),
        ("POST", "/mute", {"source": ["camera"]}, "source is"),
        ("POST", "/mute", {"identity": 7}, "identity is 7"),
        ("POST", "/remove", {}, "identity is None"),
        ("POST", "/admit", {"id": ""}, "id is ''"),
    ],
)
async def test_what_cannot_be_meant_is_refused_with_words(
    stage: Stage, method: str, path: str, body: Any, words: str
) -> None:
    await stage.enter("maker")
    answer = await stage.call(method, PATH + path, stage.tokens["maker"], json=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert words in answer.json()["message"]


@pytest.mark.parametrize(
    ("content", "words"), [(b"{", "not JSON"), (b"[" * 100_000, "more than"), (b"[" * 9000, "not JSON")]
)
async def test_bodies_that_are_no_json_are_refused(stage: Stage, content: bytes, words: str) -> None:
    await stage.enter("maker")
    answer = await stage.call("PATCH", PATH, stage.tokens["maker"], content=content)
    assert (answer.status_code, words in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize("command", ["mute", "ask-to-unmute", "remove", "moderators"])
async def test_who_is_not_inside_cannot_be_commanded(stage: Stage, command: str) -> None:
    await stage.enter("maker")
    answer = await stage.call("POST", f"{PATH}/{command}", stage.tokens["maker"], json={"identity": "nobody"})
    assert (answer.status_code, answer.json()["error"]) == (404, "no_such_person")
    answer = await stage.call("POST", f"{PATH}/admit", stage.tokens["maker"], json={"id": "nobody"})
    assert (answer.status_code, answer.json()["error"]) == (404, "no_such_person")


# -- who makes a room --------------------------------------------------------------------------------------------------
async def test_of_two_who_make_a_room_at_once_one_is_its_maker(stage: Stage) -> None:
    params = [{"identity": identity, "room": ROOM} for identity in ("alice", "bob")]
    first, second = [(await stage.http.get(TOKEN, params=each)).json() for each in params]
    assert (first["moderator"], second["moderator"]) == (True, False)
    bob, alice = await stage.server.open(second["token"]), await stage.server.open(first["token"])
    assert "visavis.role" not in (await bob.next()).join.participant.attributes
    assert (await alice.next()).join.participant.attributes["visavis.role"] == "moderator"


async def test_a_moderator_stays_one_with_a_token_got_by_an_earlier_one(stage: Stage) -> None:
    await stage.enter("maker")
    answer = await stage.call("GET", TOKEN, stage.tokens["maker"], params={"identity": "maker", "room": ROOM})
    assert answer.json()["moderator"] is True
    exchanged = await stage.call("POST", f"{PATH}/token", stage.tokens["maker"])
    assert exchanged.json()["moderator"] is True
    for identity, held in (("maker", None), ("somebody", stage.tokens["maker"])):
        answer = await stage.call("GET", TOKEN, held, params={"identity": identity})
        roomless = answer.json()["token"]
        answer = await stage.call("POST", f"{PATH}/token", roomless)
        assert (answer.status_code, answer.json().get("moderator", False)) == (200 if held else 403, False)


async def test_a_room_is_made_with_its_settings_once(stage: Stage) -> None:
    alice, bob = [await stage.token(identity, room=None) for identity in ("alice", "bob")]
    body = {"name": ROOM, "locked": True, "listed": False}
    made = await stage.call("POST", "/api/video/rooms", alice, json=body)
    assert (made.status_code, made.json()["moderator"], made.json()["identity"]) == (200, True, "alice")
    for _ in range(2):
        again = await stage.call("POST", "/api/video/rooms", bob, json={"name": ROOM})
        assert (again.status_code, again.json()["error"]) == (409, "room_exists")
        client = await stage.server.open(made.json()["token"])
        assert (await client.next()).HasField("join")
    answer = await stage.call("POST", f"{PATH}/token", bob)
    assert (answer.status_code, answer.json()["error"]) == (403, "room_locked")
    assert (await stage.http.get("/api/video/rooms")).json() == []
    assert (await stage.call("GET", PATH, made.json()["token"])).json()["locked"] is True


@pytest.mark.parametrize("name", ["a/b", " ", "x" * 300])
async def test_a_room_needs_a_name_that_can_be(stage: Stage, name: str) -> None:
    answer = await stage.call("POST", "/api/video/rooms", await stage.token("a", room=None), json={"name": name})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_room_name")


async def test_the_list_tells_who_is_inside_and_what_holds_up(stage: Stage) -> None:
    await stage.enter("maker")
    await stage.server.join("of the host", ROOM)
    [room] = (await stage.http.get("/api/video/rooms")).json()
    assert (room["people"], room["locked"], room["waitingRoom"]) == ([{"name": "Maker"}], False, False)
    await stage.call("PATCH", PATH, stage.tokens["maker"], json={"locked": True, "showPeople": False})
    [room] = (await stage.http.get("/api/video/rooms")).json()
    assert (room["people"], room["locked"], room["participantCount"]) == ([], True, 2)


# -- who is let in -----------------------------------------------------------------------------------------------------
async def refusal(stage: Stage, token: str, **query: object) -> tuple[int, str]:
    """How `/rtc` refuses the token."""
    with pytest.raises(websockets.InvalidStatus) as refused:
        await stage.server.open(token, **query)
    return refused.value.response.status_code, refused.value.response.body.decode()


async def test_a_locked_room_lets_in_only_who_was_inside(stage: Stage) -> None:
    await stage.enter("maker")
    guest = await stage.enter("guest")
    stage.tokens["late"] = await stage.token("late")
    await stage.call("PATCH", PATH, stage.tokens["maker"], json={"locked": True})
    for token in (stage.tokens["late"], stage.server.token("of the host", ROOM)):
        status, words = await refusal(stage, token)
        assert (status, "locked" in words) == (403, True)
        async with httpx.AsyncClient() as http:
            answer = await http.get(stage.server.url("/rtc/validate", "http", access_token=token))
        assert (answer.status_code, answer.text) == (403, words)
    await guest.send(leave=rtc.LeaveRequest())
    await guest.until_closed()
    for token in (
        stage.tokens["guest"],
        stage.tokens["maker"],
        stage.server.token("admin", ROOM, room_admin=True),
        stage.server.token("agent", ROOM, kind="agent"),
    ):
        assert (await (await stage.server.open(token)).next()).HasField("join")


async def test_who_left_a_locked_room_long_ago_is_a_stranger(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.enter("maker")
    guest = await stage.enter("guest")
    await stage.call("PATCH", PATH, stage.tokens["maker"], json={"locked": True})
    await guest.send(leave=rtc.LeaveRequest())
    await guest.until_closed()
    monkeypatch.setattr("visavis.rooms.moderation.ABSENCE_SECONDS", 0.0)
    assert (await refusal(stage, stage.tokens["guest"]))[0] == 403


async def test_nobody_takes_the_place_of_somebody_else(stage: Stage) -> None:
    maker = await stage.enter("maker")
    guest = await stage.enter("guest")
    for identity, client in (("maker", maker), ("guest", guest)):
        answer = await stage.http.get(TOKEN, params={"identity": identity, "room": ROOM})
        assert (answer.status_code, answer.json()["error"]) == (403, "identity_taken")
        grants = VideoGrants(room_join=True, room=ROOM)
        forged = stage.server.keys.mint(Claims(identity=identity, video=grants, holder=Holder(id="visitor:other")))
        assert (await refusal(stage, forged))[0] == 403
        resumed = await stage.server.open(forged, reconnect=1, sid=client.sid)
        assert (await resumed.next()).leave.action == rtc.LeaveRequest.RECONNECT
        said = await stage.call("GET", f"{PATH}/chat", forged)
        assert (said.status_code, said.json()["error"]) == (403, "not_in_room")
        ended = await stage.call("DELETE", f"/whip/v1/{client.sid}", forged)
        assert ended.status_code == 404
    assert stage.inside == ["maker", "guest"]


async def test_the_hosts_word_for_an_identity_takes_its_place(stage: Stage) -> None:
    await stage.enter("ann")
    known = Claims(
        identity="ann", video=VideoGrants(room_join=True, room=ROOM), holder=Holder(id="user:ann", is_vouched=True)
    )
    assert (await (await stage.server.open(stage.server.keys.mint(known))).next()).HasField("join")


async def test_who_was_removed_stays_out(stage: Stage) -> None:
    await stage.enter("maker")
    guest = await stage.enter("guest")
    refreshed = (await guest.until("refresh_token")).refresh_token
    roomless = (await stage.call("GET", TOKEN, stage.tokens["guest"], params={"identity": "guest"})).json()["token"]
    await stage.call("POST", f"{PATH}/remove", stage.tokens["maker"], json={"identity": "guest"})
    [leave] = [each.leave for each in await guest.until_closed() if each.HasField("leave")]
    assert leave.reason == models.DisconnectReason.PARTICIPANT_REMOVED
    for token in (stage.tokens["guest"], refreshed, stage.server.token("guest", ROOM)):
        status, words = await refusal(stage, token)
        assert (status, "removed" in words) == (403, True)
    for method, path, params in (
        ("POST", f"{PATH}/token", {}),
        ("POST", f"{PATH}/wait", {}),
        ("GET", TOKEN, {"identity": "guest", "room": ROOM}),
        ("GET", TOKEN, {"identity": "guest", "room": ROOM}),
    ):
        answer = await stage.call(method, path, roomless, params=params)
        assert (answer.status_code, answer.json()["error"]) == (403, "removed")
    await stage.call("DELETE", PATH, stage.tokens["maker"])
    assert (await stage.call("POST", f"{PATH}/token", roomless)).status_code == 200


# -- the waiting room --------------------------------------------------------------------------------------------------
async def test_who_knocks_is_let_in_by_a_moderator(full: Stage) -> None:
    [waiting] = (await full.state())["waiting"]
    assert (waiting["name"], waiting["secondsAgo"] >= 0) == ("Knocker", True)
    moderator = full.clients["maker"].sid
    assert full.packets()[-1] == ("visavis.waiting", [moderator])
    assert "waiting" not in (await full.call("GET", PATH, full.tokens["guest"])).json()
    answer = await full.call("POST", f"{PATH}/admit", full.tokens["maker"], json={"id": waiting["id"]})
    assert answer.json() == {"admitted": 1}
    assert full.waits is not None
    entry = await full.waits
    assert (entry.status_code, entry.json()["moderator"]) == (200, False)
    assert (await (await full.server.open(entry.json()["token"])).next()).HasField("join")
    assert (await full.state())["waiting"] == []


async def test_who_is_refused_is_told_so_and_stays_refused(full: Stage) -> None:
    await full.call("POST", f"{PATH}/refuse", full.tokens["maker"], json={"all": True})
    assert full.waits is not None
    answer = await full.waits
    assert (answer.status_code, answer.json()["error"]) == (403, "refused")
    held = answer.request.headers["authorization"].removeprefix("Bearer ")
    again = await full.call("POST", f"{PATH}/wait", held)
    assert (again.status_code, again.json()["error"]) == (403, "refused")


async def test_a_token_got_before_does_not_pass_the_waiting_room(full: Stage) -> None:
    status, words = await refusal(full, full.tokens["outsider"])
    assert (status, "waiting room" in words) == (403, True)
    answer = await full.http.get(TOKEN, params={"identity": "another", "room": ROOM})
    assert (answer.status_code, answer.json()["error"]) == (403, "must_knock")
    host_s_friend = await full.server.open(full.tokens["host's guest"])
    assert (await host_s_friend.next()).HasField("join")


async def test_without_a_waiting_room_who_waits_comes_in(full: Stage) -> None:
    await full.call("PATCH", PATH, full.tokens["maker"], json={"waitingRoom": False})
    assert full.waits is not None
    assert (await full.waits).status_code == 200


async def test_who_waits_before_a_room_that_is_locked_is_told_so(full: Stage) -> None:
    await full.call("PATCH", PATH, full.tokens["maker"], json={"locked": True})
    assert full.waits is not None
    assert (await full.waits).json()["error"] == "room_locked"


async def test_a_wait_without_an_answer_is_asked_again(full: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.moderation_api.WAIT_SECONDS", 0.05)
    roomless = await full.token("second", room=None)
    for _ in range(2):
        answer = await full.call("POST", f"{PATH}/wait", roomless)
        assert (answer.status_code, answer.json()) == (202, {"waiting": True})
    assert [each["name"] for each in (await full.state())["waiting"]] == ["Knocker", "Second"]
    monkeypatch.setattr("visavis.rooms.waiting_room.PATIENCE_SECONDS", 0.0)
    assert [each["name"] for each in (await full.state())["waiting"]] == ["Knocker"]


async def test_who_gives_up_is_forgotten(full: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.rooms.waiting_room.PATIENCE_SECONDS", 0.0)
    assert full.waits is not None
    full.waits.cancel()
    await full.until_waiting([])


# -- what holds inside -------------------------------------------------------------------------------------------------
async def test_what_clients_say_of_their_role_is_not_heard(stage: Stage) -> None:
    maker = await stage.enter("maker")
    guest = await stage.enter("guest")
    lie = {"visavis.role": "moderator", "visavis.hand": "up"}
    await guest.send(update_metadata=rtc.UpdateParticipantMetadata(attributes=lie))
    await maker.send(update_metadata=rtc.UpdateParticipantMetadata(attributes={"visavis.role": ""}))
    told = await maker.until_participant(lambda info: info.identity == "guest" and "visavis.hand" in info.attributes)
    assert dict(told.attributes) == {"visavis.hand": "up"}
    attributes = base64.urlsafe_b64encode(json.dumps(lie).encode()).decode()
    liar = await stage.server.open(await stage.token("liar"), attributes=attributes)
    join = (await liar.next()).join
    assert dict(join.participant.attributes) == {"visavis.hand": "up"}
    others = {each.identity: dict(each.attributes) for each in join.other_participants}
    assert others == {"maker": {"visavis.role": "moderator"}, "guest": {"visavis.hand": "up"}}


async def test_a_new_moderator_is_one_to_all(full: Stage) -> None:
    await full.call("POST", f"{PATH}/moderators", full.tokens["maker"], json={"identity": "guest"})
    told = await full.clients["maker"].until_participant(lambda info: info.identity == "guest" and info.attributes)
    assert dict(told.attributes) == {"visavis.role": "moderator"}
    assert (await full.call("GET", PATH, full.tokens["guest"])).json()["moderator"] is True
    assert full.packets()[-1] == ("visavis.waiting", [full.clients["guest"].sid])


async def test_restricted_people_cannot_publish_and_get_their_permission_back(stage: Stage) -> None:
    await stage.enter("maker")
    guest = await stage.enter("guest")
    pending = await guest.add_track("mic", "audio")
    await stage.call("PATCH", PATH, stage.tokens["maker"], json={"mayUnmute": False, "mayShareScreen": False})
    assert (await guest.until("track_unpublished")).track_unpublished.track_sid == pending.sid
    told = await guest.until_participant(lambda info: info.identity == "guest")
    assert list(told.permission.can_publish_sources) == [models.TrackSource.CAMERA]
    audio, video = models.TrackType.AUDIO, models.TrackType.VIDEO
    for kind, source in (
        (audio, models.TrackSource.MICROPHONE),
        (audio, models.TrackSource.UNKNOWN),
        (audio, models.TrackSource.CAMERA),  # a microphone in disguise
        (video, models.TrackSource.SCREEN_SHARE),
        (video, models.TrackSource.MICROPHONE),
    ):
        await guest.send(add_track=rtc.AddTrackRequest(cid="x", type=kind, source=source))
        assert (await guest.until("request_response")).request_response.reason == rtc.RequestResponse.NOT_ALLOWED
    assert (await guest.add_track("camera")).sid
    again = await stage.server.open(stage.server.keys.mint(stage.server.keys.verify(stage.tokens["guest"])))
    assert list((await again.next()).join.participant.permission.can_publish_sources) == [models.TrackSource.CAMERA]
    await stage.call("PATCH", PATH, stage.tokens["maker"], json={"mayUnmute": True, "mayShareScreen": True})
    told = await again.until_participant(
        lambda info: info.identity == "guest" and not info.permission.can_publish_sources
    )
    assert told.permission.can_publish
    assert (await again.add_track("mic", "audio")).sid


async def test_who_is_asked_may_unmute_until_it_is_muted(stage: Stage) -> None:
    maker = await stage.enter("maker")
    guest = await stage.enter("guest")
    await stage.call("PATCH", PATH, stage.tokens["maker"], json={"mayUnmute": False})
    await stage.call("POST", f"{PATH}/ask-to-unmute", stage.tokens["maker"], json={"identity": "guest"})
    assert stage.packets()[-1] == ("visavis.ask-to-unmute", [guest.sid])
    assert (await guest.add_track("mic", "audio")).sid
    assert (await maker.add_track("mic", "audio")).sid
    answer = await stage.call("POST", f"{PATH}/mute", stage.tokens["maker"], json={})
    assert answer.json() == {"muted": 1}
    await guest.send(add_track=rtc.AddTrackRequest(cid="y", type=models.TrackType.AUDIO, source=2))
    assert (await guest.until("request_response")).request_response.reason == rtc.RequestResponse.NOT_ALLOWED


async def test_a_guests_token_is_no_key_to_the_server_api(full: Stage) -> None:
    for token in (full.tokens["guest"], full.tokens["maker"]):
        answer = await full.call("POST", "/twirp/livekit.RoomService/RemoveParticipant", token, json={"room": ROOM})
        assert answer.status_code == 401
