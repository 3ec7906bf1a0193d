"""Who is behind a narrow link gets the layer that fits, or hears that none does; those on wide links notice nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from audience import SIZE, Audience, audience
from caller import Caller
from layers import HIGH, LOW, WIDTHS, layered, until_wide
from livekit import api
from livekit.protocol import rtc as signal
from narrow_link import NarrowLink, narrow_link
from wiretap import Call, Detour, Tapped

from media import CAMERA, Pictures, playing_tone, watching
from servers import MediaServer

PATIENCE = 60.0
"""Seconds for what livekit-server may take its time for."""
TOP_BITRATE = 1_300_000
NARROW = 500_000
"""Bit/s: too few for the middle layer (450 kbit/s) with a voice in redundancy."""
TOO_NARROW = 60_000
"""Bit/s: less than half of the lowest layer."""
FOR_SOUND_ALONE = 200_000
"""Bit/s: enough for a voice in redundancy, and too few for the lowest layer beside it."""
PACKETS_A_SECOND = 50
"""Of a voice."""
Record = Callable[[str, float], None]
"""The fixture `record`."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds within which a server does it."""

    down: float
    up: float


@pytest.fixture
def promised(request: pytest.FixtureRequest) -> Times:
    """What ours promises; livekit-server's times are recorded only."""
    return Times(5, 10) if "[visavis" in request.node.name else Times(PATIENCE, PATIENCE)


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Notes a figure in the record of the run. (`record_property` would warn that not everybody can read them.)"""
    return lambda what, figure: request.node.user_properties.append((what, round(figure, 2)))


@pytest.fixture
async def link(server: MediaServer) -> AsyncIterator[NarrowLink]:
    """The link of Bob, which is wide at first."""
    async with narrow_link(server.udp_port) as link:
        yield link


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Alice speaks, and everybody sees her best pictures."""

    bobs: Pictures
    others: Audience


@pytest.fixture
async def broadcast(
    server: MediaServer, room: str, call: Call, link: NarrowLink, tmp_path: Path
) -> AsyncIterator[Broadcast]:
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as host:
        await host.room.create_room(api.CreateRoomRequest(name=room, max_participants=SIZE + 2))
    alice, _ = await call("alice")
    bob, _ = await call("bob", detour=behind(link))
    async with (
        playing_tone(alice, 440),
        layered(alice, noisy=True, max_bitrate=TOP_BITRATE) as published,
        audience(server, room, tmp_path) as others,
        watching(await bob.track_of(alice, CAMERA)) as bobs,
    ):
        await until_top_layer_flows(published)
        await others.all_see(WIDTHS[HIGH])
        await until_wide(bobs, WIDTHS[HIGH], within=PATIENCE)
        yield Broadcast(bobs, others)


def behind(link: NarrowLink, **query: str) -> Detour:
    """The way of a client whose media takes the link."""
    return Detour(query, rewrite=link.hide_client, rewrite_response=link.lead_client)


async def until_top_layer_flows(published: Any) -> None:
    """Waits until the client trusts its own link with all of the bitrate."""

    async def sent() -> int:
        return sum(
            each.outbound_rtp.sent.bytes_sent
            for each in await published.track.get_stats()
            if each.WhichOneof("stats") == "outbound_rtp" and each.outbound_rtp.outbound.rid == "f"
        )

    rate = 0
    for _ in range(round(PATIENCE / 2)):
        before = await sent()
        await asyncio.sleep(2)
        rate = (await sent() - before) * 8 // 2
        if rate > TOP_BITRATE * 0.8:
            return
    raise AssertionError(f"the publisher sends its top layer at {rate} bit/s, not {TOP_BITRATE}")


async def narrowed_and_widened(broadcast: Broadcast, link: NarrowLink) -> Times:
    """Bob's link is narrow for a while. Returns how long he waited for the low layer, and for the best one after."""
    link.limit = NARROW
    down = await until_wide(broadcast.bobs, WIDTHS[LOW], within=PATIENCE)
    link.limit = None
    return Times(down, await until_wide(broadcast.bobs, WIDTHS[HIGH], within=PATIENCE))


async def test_who_is_behind_a_narrow_link_gets_the_low_layer_and_when_it_widens_the_best(
    broadcast: Broadcast, link: NarrowLink, promised: Times, record: Record
) -> None:
    took = await narrowed_and_widened(broadcast, link)

    record("down", took.down)
    record("up", took.up)
    assert took.down < promised.down
    assert took.up < promised.up


async def test_others_keep_the_best_layer_and_miss_nothing(broadcast: Broadcast, link: NarrowLink) -> None:
    await broadcast.others.count()
    before = len(broadcast.others.changes)

    await narrowed_and_widened(broadcast, link)

    counts = await broadcast.others.count()
    assert broadcast.others.changes[before:] == []
    assert [count.lost for count in counts] == [0] * SIZE
    assert min(count.packets for count in counts) > 0.9 * max(count.packets for count in counts) > 0


@dataclass(frozen=True, slots=True)
class Watched:
    """Bob sees Alice's best pictures."""

    bob: Caller
    wire: Tapped
    pictures: Pictures


@asynccontextmanager
async def watched_by(call: Call, detour: Detour, *, speaks: bool = False) -> AsyncIterator[Watched]:
    """Alice shows her best to Bob, who comes by a detour."""
    alice, _ = await call("alice")
    bob, wire = await call("bob", detour=detour)
    async with (
        playing_tone(alice, 440) if speaks else nullcontext(),
        layered(alice, noisy=True, max_bitrate=TOP_BITRATE) as published,
        watching(await bob.track_of(alice, CAMERA)) as pictures,
    ):
        await until_top_layer_flows(published)
        await until_wide(pictures, WIDTHS[HIGH], within=PATIENCE)
        yield Watched(bob, wire, pictures)


async def until_told(wire: Tapped, state: signal.StreamState, within: float) -> float:
    """Waits until the server says that of the only track; returns how many seconds that took."""
    clock = asyncio.get_running_loop().time
    start = clock()
    async with asyncio.timeout(within):
        while True:
            told = (await wire.next()).stream_state_update.stream_states
            if [each.state for each in told] == [state]:
                return clock() - start


async def test_who_allows_it_hears_that_nothing_fits_and_when_it_does_again(
    call: Call, link: NarrowLink, record: Record, differs: bool
) -> None:
    async with watched_by(call, behind(link, subscriber_allow_pause="1")) as watched:
        link.limit = TOO_NARROW
        record("until paused", await until_told(watched.wire, signal.StreamState.PAUSED, PATIENCE))
        link.limit = None
        if differs:
            record("until active", await until_told(watched.wire, signal.StreamState.ACTIVE, 10))
            await until_wide(watched.pictures, WIDTHS[HIGH], within=10)
        else:
            with pytest.raises(TimeoutError):
                await until_told(watched.wire, signal.StreamState.ACTIVE, 20)


async def test_a_link_too_narrow_for_any_picture_carries_the_sound(
    call: Call, link: NarrowLink, record: Record, differs: bool
) -> None:
    async with watched_by(call, behind(link), speaks=True) as watched:
        link.limit = FOR_SOUND_ALONE
        if not differs:
            with pytest.raises(TimeoutError):
                await until_told(watched.wire, signal.StreamState.PAUSED, 10)
            record("share of the sound", await sound_heard(watched.bob))
            return
        record("until paused", await until_told(watched.wire, signal.StreamState.PAUSED, 10))
        share = await sound_heard(watched.bob)
        record("share of the sound", share)
        assert share > 0.95
        link.limit = None
        await until_wide(watched.pictures, WIDTHS[HIGH], within=10)


async def sound_heard(caller: Caller, seconds: float = 5.0) -> float:
    """How much of the only voice comes while one looks, as a share of what is sent."""

    async def packets() -> int:
        return sum(each.received.packets_received for each in await caller.received() if each.stream.kind == "audio")

    before = await packets()
    await asyncio.sleep(seconds)
    return (await packets() - before) / (seconds * PACKETS_A_SECOND)
