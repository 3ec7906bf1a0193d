"""What webhooks tell, in which order and with what."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from caller import Caller
from livekit import api
from livekit.protocol import models
from livekit.protocol import rtc as signal
from livekit.protocol.webhook import WebhookEvent
from participant import PATIENCE, connected, token

from media import playing_tone
from ports import port
from servers import LIVEKIT_SERVER, MediaServer, livekit_server, visavis_server


class Hook:
    """Receives, checks with LiveKit's own receiver, and remembers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.receiver: api.WebhookReceiver | None = None
        self.events: list[WebhookEvent] = []
        self.answers: list[int] = []
        """The statuses of the next answers; what is not answered with 200 does not count as received."""
        self.wake: Callable[[], object] = lambda: None

    def take(self, body: str, authorization: str) -> int:
        """Receives an event, and returns the status to answer with."""
        assert self.receiver is not None
        event = self.receiver.receive(body, authorization)
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.events.append(event)
            self.wake()
        return status

    async def until(self, name: str, room: str, *, times: int = 1) -> list[WebhookEvent]:
        """The events of the room up to the first of that name, or the second …."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        self.wake = lambda: loop.call_soon_threadsafe(news.set)
        found: list[WebhookEvent] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    news.clear()
                    found = [event for event in self.events if event.room.name == room]
                    ends = [number for number, event in enumerate(found) if event.event == name]
                    if len(ends) >= times:
                        return found[: ends[times - 1] + 1]
                    await news.wait()
        except TimeoutError:
            raise AssertionError(f"no {name} came, only {[event.event for event in found]}") from None
        finally:
            self.wake = lambda: None


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            assert self.headers["content-type"] == "application/webhook+json"
            self.send_response(hook.take(body, self.headers["authorization"]))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the test says what went wrong."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = Hook(f"http://127.0.0.1:{server.server_address[1]}/hook")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hook
        server.shutdown()


@pytest.fixture(scope="module", params=["livekit-server", "visavis"])
def server(request: pytest.FixtureRequest, hook: Hook) -> Iterator[MediaServer]:
    """The server under test, with a webhook."""
    start = (
        visavis_server(port(545), webhook_url=hook.url)
        if request.param == "visavis"
        else livekit_server(port(540), binary=str(LIVEKIT_SERVER), webhook_url=hook.url)
    )
    with start as server:
        hook.receiver = api.WebhookReceiver(api.TokenVerifier(server.api_key, server.api_secret))
        yield server


@pytest.fixture
async def moderator(server: MediaServer) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as client:
        yield client


async def test_the_life_of_a_room(server: MediaServer, hook: Hook, moderator: api.LiveKitAPI, room: str) -> None:
    alice, bob = Caller("alice"), Caller("bob")
    for caller in (alice, bob):
        await caller.room.connect(server.url, token(server, caller.identity, room, name=caller.identity.title()))
        await hook.until("participant_joined", room)
    async with playing_tone(alice, 440) as published:
        await hook.until("track_published", room)
        await alice.me.unpublish_track(published.sid)
        await hook.until("track_unpublished", room)
    await alice.room.disconnect()
    await hook.until("participant_left", room)
    await moderator.room.delete_room(api.DeleteRoomRequest(room=room))
    events = await hook.until("room_finished", room)
    await bob.room.disconnect()

    assert [event.event for event in events] == [
        "room_started",
        "participant_joined",
        "participant_joined",
        "track_published",
        "track_unpublished",
        "participant_left",
        "participant_left",
        "room_finished",
    ]
    started, joined, _, track, _, left, ended, finished = events
    assert len({event.id for event in events}) == len(events)
    assert all(event.created_at for event in events)
    assert {event.room.sid for event in events} == {started.room.sid}
    assert started.room.creation_time == finished.room.creation_time > 0
    assert (joined.participant.identity, joined.participant.name) == ("alice", "Alice")
    assert joined.participant.state == models.ParticipantInfo.ACTIVE
    assert (track.track.sid, track.track.source) == (published.sid, models.TrackSource.MICROPHONE)
    assert (track.participant.identity, track.participant.name) == ("alice", "")
    assert track.room == models.Room(sid=started.room.sid, name=room)
    assert left.participant.state == models.ParticipantInfo.DISCONNECTED
    assert left.participant.disconnect_reason == models.DisconnectReason.CLIENT_INITIATED
    assert ended.participant.disconnect_reason == models.DisconnectReason.ROOM_DELETED


async def test_tracks_end_before_who_published_them(server: MediaServer, hook: Hook, room: str) -> None:
    alice = Caller("alice")
    await alice.room.connect(server.url, token(server, "alice", room))
    async with playing_tone(alice, 440):
        await hook.until("track_published", room)
        await alice.room.disconnect()
        events = await hook.until("participant_left", room)
    assert [event.event for event in events[-2:]] == ["track_unpublished", "participant_left"]


async def test_tracks_end_with_their_room(
    server: MediaServer, hook: Hook, moderator: api.LiveKitAPI, room: str
) -> None:
    alice = Caller("alice")
    await alice.room.connect(server.url, token(server, "alice", room))
    async with playing_tone(alice, 440):
        await hook.until("track_published", room)
        await moderator.room.delete_room(api.DeleteRoomRequest(room=room))
        events = await hook.until("room_finished", room)
    assert [event.event for event in events[-3:]] == ["track_unpublished", "participant_left", "room_finished"]


async def test_who_leaves_before_any_media_never_joined(server: MediaServer, hook: Hook, room: str) -> None:
    async with connected(server, token(server, "ghost", room), "ghost") as ghost:
        await ghost.until("join")
        await ghost.send(leave=signal.LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED))
        events = await hook.until("participant_connection_aborted", room)
    assert [event.event for event in events] == ["room_started", "participant_connection_aborted"]
    assert events[-1].participant.identity == "ghost"


async def test_a_made_room_starts_and_finishes(hook: Hook, moderator: api.LiveKitAPI, room: str) -> None:
    await moderator.room.create_room(api.CreateRoomRequest(name=room, empty_timeout=1))
    events = await hook.until("room_finished", room)
    assert [event.event for event in events] == ["room_started", "room_finished"]


async def test_who_comes_twice_leaves_before_joining_again(server: MediaServer, hook: Hook, room: str) -> None:
    first, second = Caller("alice"), Caller("alice")
    events: list[WebhookEvent] = []
    for times, caller in enumerate((first, second), 1):
        await caller.room.connect(server.url, token(server, "alice", room))
        events = await hook.until("participant_joined", room, times=times)
    await second.room.disconnect()

    assert [event.event for event in events] == [
        "room_started",
        "participant_joined",
        "participant_left",
        "participant_joined",
    ]
    _, joined, left, again = events
    assert left.participant.sid == joined.participant.sid != again.participant.sid
    assert left.participant.disconnect_reason == models.DisconnectReason.DUPLICATE_IDENTITY


async def test_hidden_ones_are_told_of(server: MediaServer, hook: Hook, room: str) -> None:
    ghost = Caller("ghost")
    await ghost.room.connect(server.url, token(server, "ghost", room, hidden=True))
    *_, joined = await hook.until("participant_joined", room)
    await ghost.room.disconnect()

    assert joined.participant.permission.hidden


async def test_a_receiver_that_fails_is_asked_again_and_hears_all_in_order(
    server: MediaServer, hook: Hook, room: str
) -> None:
    hook.answers = [503, 500]
    async with connected(server, token(server, "ghost", room), "ghost") as ghost:
        await ghost.until("join")
    events = await hook.until("participant_connection_aborted", room)
    assert [event.event for event in events] == ["room_started", "participant_connection_aborted"]
    assert not hook.answers


async def test_a_receiver_that_refuses_is_asked_once(server: MediaServer, hook: Hook, room: str) -> None:
    hook.answers = [404]
    async with connected(server, token(server, "ghost", room), "ghost") as ghost:
        await ghost.until("join")
    (event,) = await hook.until("participant_connection_aborted", room)
    assert event.participant.identity == "ghost"
