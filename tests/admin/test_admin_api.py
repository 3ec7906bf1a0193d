"""The operator's API over a backend whose media core is a fake: who may, what is told, what is done."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from livekit.protocol import models, rtc
from starlette.applications import Starlette
from starlette.routing import Mount

from visavis import EmbeddedBackend, EmbeddedOptions, Visavis
from visavis.admin.guard import WRONG_TRIES
from visavis.auth import Claims, VideoGrants
from visavis.media import events
from visavis.media.events import ParticipantFigures, PublishedFigures
from visavis.media.fake import FakeEngine
from visavis.rooms import ClientAbout
from visavis.signalling import LiveRoom
from visavis.signalling.connect import ConnectRequest
from visavis.signalling.outlet import Outlet
from visavis.signalling.requests import handle
from visavis.signalling.session import Session

KEYS = {"devkey": "a secret of the tests, 32 bytes or more"}
TOKEN = "the operator's own"
READS = ["/overview", "/rooms", "/rooms/atrium", "/history/rooms", "/history/sessions.csv", "/nothing"]
ACTIONS = ["/rooms/atrium/end", "/rooms/atrium/remove", "/rooms/atrium/mute"]

Client = Callable[..., httpx.AsyncClient]


class Person:
    """One who has joined, and what it was sent."""

    def __init__(self, room: LiveRoom, session: Session, outlet: Outlet) -> None:
        self.room, self.session, self.outlet = room, session, outlet

    @property
    def sid(self) -> str:
        return self.session.sid

    def frames(self) -> list[rtc.SignalResponse]:
        return [rtc.SignalResponse.FromString(frame) for frame in self.outlet.take()]


class Stage:
    """A served app and its parts."""

    def __init__(self, token: str | None = TOKEN, database_url: str = "sqlite://", prefix: str = "") -> None:
        self.engine = FakeEngine()
        backend = EmbeddedBackend(EmbeddedOptions(keys=KEYS), engine=lambda _: self.engine)
        self.video = Visavis(backend, admin_token=token, database_url=database_url)
        app: Any = Starlette(routes=[Mount(prefix, self.video)]) if prefix else self.video
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url=f"http://video.example{prefix}/api/admin",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )

    async def join(self, identity: str) -> Person:
        """Somebody joins the atrium and connects."""
        grants = VideoGrants(room_join=True, room="atrium")
        claims = Claims(identity=identity, video=grants, expires_at=2e9)
        outlet = Outlet()
        outlet.finish()  # There is no socket that its last words would have to be waited for.
        request = ConnectRequest(claims=claims, grants=grants, room="atrium", about=ClientAbout(protocol=17))
        registry = await self.video.backend.registry()
        person = Person(*registry.join(request, outlet), outlet)
        registry.handle(events.ConnectionChanged(person.sid, person.session.primary, "connected"))
        return person

    async def publish(self, person: Person) -> str:
        """Publishes a camera; returns its track id."""
        announced = rtc.AddTrackRequest(cid="cam", type=models.TrackType.VIDEO, source=models.TrackSource.CAMERA)
        handle(person.room, person.session, rtc.SignalRequest(add_track=announced))
        media = events.MediaAdded(person.sid, "0", "video", "cam", "video/VP8")
        (await self.video.backend.registry()).handle(media)
        [track] = person.session.participant.tracks.published
        return track

    def flow(self, participant: str, track: str, *, seconds: int) -> None:
        """So much has come from a participant by now, with every fifth packet missing."""
        packets, lost = 40 * seconds, 10 * seconds
        published = PublishedFigures(track, packets, 100 * packets, lost)
        self.engine.figures[participant] = ParticipantFigures(
            participant, packets_in=packets, bytes_in=140 * packets, rtt=0.05, published=(published,)
        )


@pytest.fixture
async def make_stage() -> AsyncIterator[Callable[..., Stage]]:
    stages: list[Stage] = []

    def make(**options: Any) -> Stage:
        stages.append(Stage(**options))
        return stages[-1]

    yield make
    for stage in stages:
        await stage.http.aclose()
        await stage.video.stop()


MakeStage = Callable[..., Stage]


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    ("token", "header", "status", "error"),
    [
        (TOKEN, None, 401, "no_token"),
        (TOKEN, "Bearer ", 401, "no_token"),
        (TOKEN, f"Basic {TOKEN}", 401, "no_token"),
        (TOKEN, "Bearer wrong", 401, "invalid_token"),
        (TOKEN, f"Bearer {TOKEN}x", 401, "invalid_token"),
        (TOKEN, f"Bearer {TOKEN[:-1]}", 401, "invalid_token"),
        (None, f"Bearer {TOKEN}", 404, "admin_off"),
        (None, None, 404, "admin_off"),
    ],
)
async def test_who_may_not_is_told_why(
    make_stage: MakeStage, path: str, token: str | None, header: str | None, status: int, error: str
) -> None:
    stage = make_stage(token=token)
    request = stage.http.build_request("GET", path)
    del request.headers["Authorization"]
    if header is not None:
        request.headers["Authorization"] = header
    answer = await stage.http.send(request)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "admin_token" in answer.json()["message"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ACTIONS)
async def test_nobody_acts_without_the_token(make_stage: MakeStage, path: str) -> None:
    stage = make_stage()
    answer = await stage.http.post(path, json={}, headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


async def test_who_guesses_on_and_on_is_not_listened_to(make_stage: MakeStage) -> None:
    stage = make_stage()
    for number in range(WRONG_TRIES):
        answer = await stage.http.get("/overview", headers={"Authorization": f"Bearer guess{number}"})
        assert answer.status_code == 401
    for header in ("Bearer another", f"Bearer {TOKEN}"):
        answer = await stage.http.get("/overview", headers={"Authorization": header})
        assert (answer.status_code, answer.json()["error"]) == (429, "too_many_requests")
        assert int(answer.headers["retry-after"]) > 0


async def test_the_overview_tells_of_the_process(make_stage: MakeStage) -> None:
    stage = make_stage()
    await stage.join("alice")
    told = (await stage.http.get("/overview")).json()
    assert (told["rooms"], told["people"]) == (1, 1)
    assert told["memory"] > 1_000_000
    assert told["cores"] >= 1
    assert told["uptime"] >= 0
    assert told["hasHistory"] is True
    assert len(told["workers"]) == 1


async def test_rooms_are_told_with_people_tracks_and_figures(make_stage: MakeStage) -> None:
    stage = make_stage(prefix="/video")
    alice = await stage.join("alice")
    bob = await stage.join("bob")
    track = await stage.publish(alice)
    stage.flow(alice.sid, track, seconds=1)
    await stage.http.get("/overview")
    stage.flow(alice.sid, track, seconds=100)
    async with asyncio.timeout(10):
        while not (room := (await stage.http.get("/rooms/atrium")).json())["bitrateIn"]:  # noqa: ASYNC110 - it is sampled
            await asyncio.sleep(0.05)
    [listed] = (await stage.http.get("/rooms")).json()
    assert (listed["name"], listed["people"], listed["tracks"], listed["maxParticipants"]) == ("atrium", 2, 1, 50)
    people = {each["identity"]: each for each in room["people"]}
    assert people.keys() == {"alice", "bob"}
    assert people["alice"]["sid"] == alice.sid
    assert (people["alice"]["lossIn"], people["alice"]["rtt"]) == (pytest.approx(0.2), 0.05)
    [told] = people["alice"]["tracks"]
    assert (told["sid"], told["kind"], told["source"], told["mimeType"], told["isMuted"]) == (
        track,
        "video",
        "camera",
        "video/vp8",
        False,
    )
    assert told["bitrateIn"] > 0
    assert people["bob"]["tracks"] == []
    assert bob.sid != alice.sid


async def test_a_track_is_muted_for_everybody_and_its_client_told(make_stage: MakeStage) -> None:
    stage = make_stage()
    alice = await stage.join("alice")
    track = await stage.publish(alice)
    answer = await stage.http.post("/rooms/atrium/mute", json={"identity": "alice", "track": track})
    assert answer.status_code == 200
    assert [command.arguments for command in stage.engine.called("set_muted")] == [(track, True)]
    assert any(frame.WhichOneof("message") == "mute" for frame in alice.frames())


async def test_one_who_is_removed_is_told_and_gone(make_stage: MakeStage) -> None:
    stage = make_stage()
    alice = await stage.join("alice")
    assert (await stage.http.post("/rooms/atrium/remove", json={"identity": "alice"})).status_code == 200
    [leave] = [frame.leave for frame in alice.frames() if frame.WhichOneof("message") == "leave"]
    assert leave.reason == models.DisconnectReason.PARTICIPANT_REMOVED
    assert (await stage.http.get("/rooms/atrium")).json()["people"] == []


async def test_a_room_is_ended_for_all(make_stage: MakeStage) -> None:
    stage = make_stage()
    people = [await stage.join(name) for name in ("alice", "bob")]
    assert (await stage.http.post("/rooms/atrium/end")).status_code == 200
    for person in people:
        [leave] = [frame.leave for frame in person.frames() if frame.WhichOneof("message") == "leave"]
        assert leave.reason == models.DisconnectReason.ROOM_DELETED
    assert (await stage.http.get("/rooms")).json() == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("GET", "/rooms/nowhere", None, 404, "room_not_found"),
        ("POST", "/rooms/nowhere/end", {}, 404, "room_not_found"),
        ("POST", "/rooms/atrium/remove", {"identity": "nobody"}, 403, "not_in_room"),
        ("POST", "/rooms/atrium/remove", {"identity": 7}, 400, "invalid_request"),
        ("POST", "/rooms/atrium/remove", ["alice"], 400, "invalid_request"),
        ("POST", "/rooms/atrium/remove", None, 400, "invalid_request"),
        ("POST", "/rooms/atrium/mute", {"identity": "alice"}, 400, "invalid_request"),
        ("POST", "/rooms/atrium/mute", {"identity": "alice", "track": "TR_none"}, 404, "track_not_found"),
        ("GET", "/history/rooms?limit=0", None, 400, "invalid_request"),
        ("GET", "/history/rooms?limit=501", None, 400, "invalid_request"),
        ("GET", "/history/rooms?offset=-1", None, 400, "invalid_request"),
        ("GET", "/history/sessions?since=yesterday", None, 400, "invalid_request"),
        ("GET", "/history/everything", None, 400, "invalid_request"),
        ("GET", "/", None, 400, "invalid_request"),
    ],
)
async def test_what_cannot_be_is_refused_with_words(
    make_stage: MakeStage, method: str, path: str, body: Any, status: int, error: str
) -> None:
    stage = make_stage()
    await stage.join("alice")
    answer = await stage.http.request(method, path, **({} if body is None else {"json": body}))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["message"]


async def test_the_history_shows_the_call_and_its_end(make_stage: MakeStage) -> None:
    stage = make_stage()
    alice = await stage.join("=alice()")
    await stage.publish(alice)
    await stage.http.post("/rooms/atrium/end")
    recorder = stage.video.backend.recorder
    assert recorder is not None
    await asyncio.sleep(0.05)
    await recorder.flushed()
    told = (await stage.http.get("/history/rooms", params={"room": "ATR"})).json()
    assert told["total"] == 1
    assert (told["rows"][0]["name"], told["rows"][0]["endReason"], told["rows"][0]["people"]) == (
        "atrium",
        "room_deleted",
        1,
    )
    [session] = (await stage.http.get("/history/sessions", params={"person": "alice"})).json()["rows"]
    assert (session["endReason"], session["bytesIn"]) == ("room_deleted", 0)
    assert (await stage.http.get("/history/sessions", params={"person": "bob"})).json() == {"rows": [], "total": 0}
    exported = await stage.http.get("/history/sessions.csv")
    assert exported.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in exported.headers["content-disposition"]
    [row] = csv.DictReader(io.StringIO(exported.text))
    assert (row["room_name"], row["identity"], row["end_reason"]) == ("atrium", "'=alice()", "room_deleted")
    assert row["started_at"].endswith("+00:00")
    [track] = csv.DictReader(io.StringIO((await stage.http.get("/history/tracks.csv")).text))
    assert (track["kind"], track["end_reason"]) == ("video", "participant_left")


async def test_without_a_database_the_history_says_so(make_stage: MakeStage) -> None:
    stage = make_stage(database_url="")
    assert (await stage.http.get("/overview")).json()["hasHistory"] is False
    for path in ("/history/rooms", "/history/tracks.csv"):
        answer = await stage.http.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "history_off")
        assert "database_url" in answer.json()["message"]


async def test_a_history_that_cannot_be_read_says_so_and_calls_go_on(make_stage: MakeStage, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    stage = make_stage(database_url=f"sqlite:///{tmp_path}/file/history.sqlite3")
    await stage.join("alice")
    for path in ("/history/rooms", "/history/rooms.csv"):
        answer = await stage.http.get(path)
        assert (answer.status_code, answer.json()["error"]) == (503, "history_unreadable")
    assert len((await stage.http.get("/rooms")).json()) == 1
