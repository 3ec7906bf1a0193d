"""Rooms of connection tests: how many, how long, and who hears of them."""

import httpx
import pytest
from starlette.exceptions import HTTPException

from visavis import Visavis
from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions
from visavis.checkup import IN_ALL, LIFE_SECONDS, PER_CALLER_AND_MINUTE, PROBES, Checkups
from visavis.errors import ErrorKind, VisavisError
from visavis.media.fake import FakeEngine
from visavis.signalling.messages import Reason


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def checkups(clock):
    return Checkups(clock)


@pytest.fixture
async def video():
    backend = EmbeddedBackend(EmbeddedOptions(keys={"devkey": "secret"}), engine=lambda _: FakeEngine())
    video = Visavis(backend)
    yield video
    await video.stop()


def test_a_caller_begins_so_many_in_a_minute(checkups, clock):
    rooms = {checkups.begin("192.0.2.1") for _ in range(PER_CALLER_AND_MINUTE)}
    assert len(rooms) == PER_CALLER_AND_MINUTE
    with pytest.raises(VisavisError, match="wait a minute") as refused:
        checkups.begin("192.0.2.1")
    assert (refused.value.kind, refused.value.status) == (ErrorKind.TOO_MANY_REQUESTS, 429)
    checkups.begin("192.0.2.2")
    clock.now += 60
    checkups.begin("192.0.2.1")


def test_there_are_so_many_in_all_until_the_first_are_over(checkups, clock):
    for caller in range(IN_ALL):
        checkups.begin(str(caller))
    with pytest.raises(VisavisError, match="run on this server now"):
        checkups.begin("one more")
    clock.now += LIFE_SECONDS
    checkups.begin("one more")


def test_a_room_is_to_end_after_its_life_and_forgotten_when_its_tokens_are_worth_nothing(checkups, clock):
    room = checkups.begin("192.0.2.1")
    assert (room in checkups, checkups.over()) == (True, [])
    clock.now += LIFE_SECONDS
    assert (room in checkups, checkups.over()) == (True, [room])
    clock.now += 61
    assert (checkups.over(), room in checkups) == ([], False)


async def test_its_room_is_not_listed_and_nobody_is_told_of_it(video):
    backend, told = video.backend, []
    video.on("room_started")(lambda event: told.append(event.room.name))
    begun = await backend.checkup("192.0.2.1")
    registry = await backend.registry()
    registry.open_room(begun.room)
    registry.open_room("atrium")
    assert [room.name for room in backend.rooms()] == ["atrium"]
    assert told == ["atrium"]


async def test_its_room_is_not_in_the_history(video):
    class Recorder:
        def __init__(self) -> None:
            self.rooms = []

        def happened(self, event):
            self.rooms.append(event.room.name)

        def room_ended(self, sid, reason):
            pass

    backend = video.backend
    registry = await backend.registry()
    backend.recorder = Recorder()
    for name in ((await backend.checkup("192.0.2.1")).room, "atrium"):
        registry.end_room(registry.open_room(name), Reason.ROOM_CLOSED)
    assert set(backend.recorder.rooms) == {"atrium"}
    backend.recorder = None


async def test_the_clock_ends_its_room(video, monkeypatch):
    backend = video.backend
    begun = await backend.checkup("192.0.2.1")
    registry = await backend.registry()
    registry.open_room(begun.room)
    monkeypatch.setattr(backend._checkups, "over", lambda: [begun.room])
    backend._tick_once(registry)
    assert registry.get(begun.room) is None


async def test_its_tokens_join_its_room_only_and_briefly(video):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(video), base_url="https://video.example") as http:
        answer = await http.post("/api/video/checkup")
    assert answer.status_code == 201
    body = answer.json()
    assert (body["url"], body["seconds"]) == ("wss://video.example", LIFE_SECONDS)
    assert len(body["probes"]) == PROBES
    claims = [video.backend.verify(token) for token in (body["sender"], body["hearer"], *body["probes"])]
    assert {claim.video.room for claim in claims} == {body["room"]}
    assert len({claim.identity for claim in claims}) == PROBES + 2
    assert not any(claim.video.room_admin or claim.video.can_update_own_metadata for claim in claims)


async def test_whom_the_host_refuses_tests_nothing():
    def identify(_):
        raise HTTPException(401, "sign in first")

    backend = EmbeddedBackend(EmbeddedOptions(keys={"devkey": "secret"}), engine=lambda _: FakeEngine())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Visavis(backend, identify=identify)), base_url="https://video.example"
    ) as http:
        answer = await http.post("/api/video/checkup")
    assert answer.status_code == 401


async def test_the_test_page_is_served_under_a_prefix(video):
    transport = httpx.ASGITransport(video, root_path="/video")
    async with httpx.AsyncClient(transport=transport, base_url="https://video.example") as http:
        answer = await http.get("/video/test")
    assert answer.status_code == 200
    assert '<base href="/video/" />' in answer.text
