"""A client comes back on a new socket."""

import asyncio

import pytest
import websockets
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import Join, Participant, anything, connected, kinds, token
from wiretap import Call

from media import Colour, showing
from servers import MediaServer

Leave = signal.LeaveRequest
STATE_MISMATCH = models.DisconnectReason.STATE_MISMATCH


@pytest.mark.parametrize("sid", [{"sid": "PA_unknown"}, {}], ids=["unknown", "none"])
async def test_who_is_not_there_must_start_over(server: MediaServer, room: str, sid: dict[str, str]) -> None:
    async with connected(server, token(server, "alice", room), "alice", reconnect=1, **sid) as alice:
        first = await alice.next()
        assert (first.leave.reason, first.leave.action) == (STATE_MISMATCH, Leave.RECONNECT)
        await alice.until_closed()

    assert alice.socket.close_code == websockets.CloseCode.NORMAL_CLOSURE


async def test_old_clients_are_told_to_start_over_in_their_way(server: MediaServer, room: str) -> None:
    async with connected(server, token(server, "alice", room), "alice", reconnect=1, protocol=11) as alice:
        first = await alice.next()

    assert first.leave.can_reconnect


async def test_resuming_a_session(server: MediaServer, alice: Participant, bob: Participant, room: str) -> None:
    await alice.update_about("bob")

    async with connected(server, token(server, "alice", room), "alice", reconnect=1, sid=alice.sid) as again:
        reconnect = (await again.next()).reconnect
        assert reconnect.server_info == alice.joined.server_info
        await again.until("offer")

        heard = kinds(again.seen)
        assert "join" not in heard
        listing = again.seen[heard.index("room_update") - 1].update
        assert {info.identity: info.sid for info in listing.participants} == {"alice": alice.sid, "bob": bob.sid}
        await again.answers_pings()


async def test_why_one_resumes_is_no_matter(server: MediaServer, alice: Participant, room: str) -> None:
    query = {"reconnect": 1, "reconnect_reason": 99, "sid": alice.sid}
    async with connected(server, token(server, "alice", room), "alice", **query) as again:
        assert (await again.next()).HasField("reconnect")


async def test_who_has_left_must_start_over(
    server: MediaServer, alice: Participant, bob: Participant, room: str
) -> None:
    await alice.send(leave=Leave())
    await alice.until_closed()
    await bob.update_about("alice", lambda info: info.state == models.ParticipantInfo.DISCONNECTED)

    async with connected(server, token(server, "alice", room), "alice", reconnect=1, sid=alice.sid) as again:
        first = await again.next()

    assert (first.leave.reason, first.leave.action) == (STATE_MISMATCH, Leave.RECONNECT)


async def test_resuming_an_earlier_session(
    server: MediaServer, alice: Participant, join: Join, room: str, differs: bool
) -> None:
    newest = await join("alice")
    await alice.until_closed()

    async with connected(server, token(server, "alice", room), "alice", reconnect=1, sid=alice.sid) as again:
        first = await again.next()

    assert first.WhichOneof("message") == ("leave" if differs else "reconnect")
    if differs:
        await newest.answers_pings()


async def test_resuming_ends_the_old_socket(server: MediaServer, alice: Participant, room: str) -> None:
    async with connected(server, token(server, "alice", room), "alice", reconnect=1, sid=alice.sid) as again:
        await again.next()
        assert await alice.until_closed() is None
        await again.answers_pings()


async def test_resuming_is_not_news_to_others(
    server: MediaServer, alice: Participant, bob: Participant, room: str
) -> None:
    async with connected(server, token(server, "alice", room), "alice", reconnect=1, sid=alice.sid) as again:
        await again.until("offer")
        await bob.sync()

    gone = models.ParticipantInfo.DISCONNECTED
    told = [info for response in bob.seen for info in response.update.participants if info.identity == "alice"]
    assert not [info for info in told if info.state == gone]


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
async def test_dropped_socket_is_resumed_with_its_media(call: Call, join: Join) -> None:
    alice, wire = await call("alice")
    bob = await join("bob")

    async with showing(alice, Colour.RED) as picture:
        (track,) = (await bob.update_about("alice", lambda info: len(info.tracks) == 1)).tracks
        await wire.until("answer", lambda answer: f"a=mid:{track.mid}\r\n" in answer.sdp)
        again = await wire.cut()
        await again.until("reconnect")
        listed = (await again.until("update", lambda update: len(update.participants) == 2)).participants
        after = await again.described(anything)
        await alice.event("reconnected")

    (me,) = [info for info in listed if info.identity == "alice"]
    assert [track.sid for track in me.tracks] == [picture.sid]
    told = [getattr(response, wire.describes).sdp for response in wire.seen if response.HasField(wire.describes)]
    before = {ufrag(sdp) for sdp in told}
    assert ufrag(after.sdp) not in before, "ICE begins anew"
    assert any(request.HasField("sync_state") for request in again.said)
    gone = [info.identity for response in bob.seen for info in response.update.participants if info.state == 3]
    assert not gone


async def test_who_left_meanwhile_is_told(call: Call, join: Join) -> None:
    _, wire = await call("alice")
    bob = await join("bob")
    await wire.update_about("bob")

    wire.before_resume.clear()
    returning = asyncio.create_task(wire.cut())
    await bob.send(leave=Leave())
    await bob.until_closed()
    wire.before_resume.set()
    info = await (await returning).update_about("bob")

    assert info.state == models.ParticipantInfo.DISCONNECTED


async def test_unknown_tracks_mean_starting_over(call: Call, join: Join) -> None:
    bob = await join("bob")
    alice, wire = await call("alice")
    await bob.update_about("alice", lambda info: info.state == models.ParticipantInfo.ACTIVE)

    lost = signal.TrackPublishedResponse(cid="lost", track=models.TrackInfo(sid="TR_VCunknown0000"))
    await wire.send(sync_state=signal.SyncState(publish_tracks=[lost]))

    leave = await wire.until("leave")
    assert (leave.reason, leave.action) == (STATE_MISMATCH, Leave.RECONNECT)
    await alice.event("reconnected")


def ufrag(sdp: str) -> str:
    """The name of the ICE session."""
    return next(line for line in sdp.splitlines() if line.startswith("a=ice-ufrag:"))
