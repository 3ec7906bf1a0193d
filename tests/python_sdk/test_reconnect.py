"""A dropped signalling socket: resume with media uninterrupted, or a full reconnect; with PyPI `livekit` clients."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from caller import Caller, Join, MakeServer
from livekit import rtc
from livekit.rtc._proto.room_pb2 import SIMULATE_FULL_RECONNECT, SIMULATE_SIGNAL_RECONNECT
from signalling_proxy import Line, line_to

from media import CAMERA, MICROPHONE, Colour, Pictures, pitch, playing_tone, showing, watch, watching
from servers import MediaServer


@pytest.fixture
async def line(media_server: MediaServer) -> AsyncIterator[Line]:
    async with line_to(media_server.http_port) as line:
        yield line


@pytest.fixture
async def alice(join: Join, line: Line) -> Caller:
    """Alice's signalling goes over the line; her media does not."""
    return await join("alice", url=line.url)


class Flow:
    """Times between the pictures that came while it was watched."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.counts: list[int] = []

    @property
    def longest_gap(self) -> float:
        return max(later - earlier for earlier, later in pairwise(self.times))


@asynccontextmanager
async def flow_of(track: rtc.Track) -> AsyncIterator[Flow]:
    flow = Flow()

    async def run(pictures: Pictures) -> None:
        async for picture in pictures:
            flow.times.append(time.monotonic())
            flow.counts.append(picture.count)

    async with watching(track) as pictures:
        running = asyncio.create_task(run(pictures))
        try:
            yield flow
        finally:
            flow.times.append(time.monotonic())
            running.cancel()


async def test_a_cut_line_is_resumed_and_media_does_not_stop(alice: Caller, bob: Caller, line: Line) -> None:
    async with showing(alice, Colour.RED), showing(bob, Colour.BLUE), playing_tone(alice, 440) as sound:
        of_alice, of_bob = await asyncio.gather(bob.track_of(alice, CAMERA), alice.track_of(bob, CAMERA))
        await asyncio.gather(watch(of_alice, 5), watch(of_bob, 5))
        sid, marks = alice.me.sid, (alice.now(), bob.now())
        async with flow_of(of_alice) as from_alice, flow_of(of_bob) as from_bob:
            line.cut()
            await alice.event("reconnected", since=marks[0])
            await asyncio.gather(watch(of_alice, 10), watch(of_bob, 10))
        # It was a resume: the same participant, the same tracks, and nobody else noticed.
        assert alice.me.sid == sid
        assert not bob.all("participant_disconnected")
        assert not bob.all("track_unsubscribed", marks[1])
        assert not alice.all("track_unsubscribed", marks[0])
        assert from_alice.longest_gap < 0.7
        assert from_bob.longest_gap < 0.7
        # Signalling works again.
        assert sound.track is not None
        sound.track.mute()
        await bob.event("track_muted", since=marks[1])


async def test_what_happened_while_the_line_was_cut_is_told_after_it(
    alice: Caller, bob: Caller, line: Line, join: Join
) -> None:
    mark = alice.now()
    await line.close()
    carol = await join("carol")
    await bob.room.disconnect()
    async with playing_tone(carol, 550):
        await line.open()
        await alice.event("reconnected", since=mark, within=15)
        await alice.sees(carol)
        await alice.until(lambda: "bob" not in alice.room.remote_participants, "bob's leaving")
        assert await pitch(await alice.track_of(carol, MICROPHONE)) == pytest.approx(550, abs=4)


async def test_reliable_data_sent_during_the_cut_arrives_once(alice: Caller, bob: Caller, line: Line) -> None:
    await bob.me.publish_data("first")
    await alice.event("data_received")
    mark = alice.now()
    line.cut()
    for n in range(20):
        await bob.me.publish_data(f"{n}")
    await alice.event("reconnected", since=mark)
    await bob.me.publish_data("last")
    await alice.event("data_received", lambda packet: packet.data == b"last")
    received = [packet.data for (packet,) in alice.all("data_received", mark)]
    assert received == [f"{n}".encode() for n in range(20)] + [b"last"]


async def test_the_clients_own_signal_reconnect_is_a_resume(alice: Caller, bob: Caller) -> None:
    async with showing(alice, Colour.RED):
        of_alice = await bob.track_of(alice, CAMERA)
        await watch(of_alice, 5)
        sid, mark = alice.me.sid, alice.now()
        async with flow_of(of_alice) as flow:
            await alice.room.simulate_scenario(SIMULATE_SIGNAL_RECONNECT)
            await alice.event("reconnected", since=mark)
            await watch(of_alice, 10)
        assert alice.me.sid == sid
        assert flow.longest_gap < 0.7


async def test_a_full_reconnect_brings_everything_back(alice: Caller, bob: Caller) -> None:
    async with showing(alice, Colour.RED), playing_tone(alice, 440), showing(bob, Colour.BLUE):
        await asyncio.gather(bob.track_of(alice, CAMERA), bob.track_of(alice, MICROPHONE), alice.track_of(bob, CAMERA))
        marks = alice.now(), bob.now()
        await alice.room.simulate_scenario(SIMULATE_FULL_RECONNECT)
        await alice.event("reconnected", since=marks[0], within=15)
        video = await bob.track_of(alice, CAMERA, since=marks[1])
        sound = await bob.track_of(alice, MICROPHONE, since=marks[1])
        of_bob = await alice.track_of(bob, CAMERA, since=marks[0])
        heard, seen, seen_of_bob = await asyncio.gather(pitch(sound), watch(video, 5), watch(of_bob, 5))
        assert heard == pytest.approx(440, abs=4)
        assert {p.colour for p in seen} == {Colour.RED}
        assert {p.colour for p in seen_of_bob} == {Colour.BLUE}
        assert set(bob.room.remote_participants) == {"alice"}


@pytest.mark.slow
async def test_after_a_crash_of_the_server_all_are_back_by_themselves(make_server: MakeServer, join: Join) -> None:
    server = await make_server()
    alice, bob = await join("alice", url=server.url), await join("bob", url=server.url)
    async with playing_tone(alice, 440), showing(bob, Colour.BLUE):
        assert await pitch(await bob.track_of(alice, MICROPHONE)) == pytest.approx(440, abs=4)
        marks = [(alice, alice.now()), (bob, bob.now())]
        assert server.process is not None
        server.process.kill()
        await asyncio.to_thread(server.process.wait)
        for caller, mark in marks:
            await caller.event("reconnecting", since=mark, within=30)
        await make_server(server.http_port)
        for caller, mark in marks:
            await caller.event("reconnected", since=mark, within=60)
        sound = await bob.track_of(alice, MICROPHONE, since=marks[1][1], within=30)
        picture = await alice.track_of(bob, CAMERA, since=marks[0][1], within=30)
        assert await pitch(sound) == pytest.approx(440, abs=4)
        assert {seen.colour for seen in await watch(picture, 5)} == {Colour.BLUE}
