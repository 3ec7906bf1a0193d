"""Which layers a publisher is told to send, and what a real client does then."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from layers import HIGH, LOW, MEDIUM, ask, layered, until_width
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import PATIENCE
from wiretap import Call

from media import CAMERA

Update = signal.SubscribedQualityUpdate


def up_to(highest: models.VideoQuality | None) -> Callable[[Update], bool]:
    """That an update enables exactly the qualities up to this one; None: none."""
    enabled = [highest is not None and quality <= highest for quality in (LOW, MEDIUM, HIGH)]

    def fits(update: Update) -> bool:
        lists = [update.subscribed_qualities, *(codec.qualities for codec in update.subscribed_codecs)]
        return all([each.enabled for each in qualities] == enabled for qualities in lists)

    return fits


async def sent_layers(published: Any) -> set[str]:
    """The layers, by rid, of which the client sends frames in a second."""

    async def frames() -> dict[str, int]:
        stats = await published.track.get_stats()
        return {
            each.outbound_rtp.outbound.rid: each.outbound_rtp.outbound.frames_sent
            for each in stats
            if each.WhichOneof("stats") == "outbound_rtp"
        }

    before = await frames()
    await asyncio.sleep(1)
    return {rid for rid, count in (await frames()).items() if count > before.get(rid, 0)}


async def until_sent(published: Any, *rids: str) -> None:
    """Waits until the client sends exactly these layers."""
    sent: set[str] = set()
    for _ in range(round(PATIENCE)):
        sent = await sent_layers(published)
        if sent == set(rids):
            return
    raise AssertionError(f"the client sends {sent}, not {rids}")


async def test_first_subscriber_wants_everything(call: Call) -> None:
    _, viewer = await call("zoe")
    alice, wire = await call("alice")

    async with layered(alice) as published:
        update = await wire.until("subscribed_quality_update")

    assert update.track_sid == published.sid
    assert [codec.codec for codec in update.subscribed_codecs] == ["vp8"]
    assert [each.quality for each in update.subscribed_qualities] == [LOW, MEDIUM, HIGH]
    assert up_to(HIGH)(update)
    assert viewer.identity == "zoe"


@pytest.mark.slow
async def test_publisher_stops_what_nobody_wants_and_starts_it_again(call: Call) -> None:
    _, viewer = await call("zoe")
    alice, wire = await call("alice", dynacast=True)

    async with layered(alice) as published:
        await wire.until("subscribed_quality_update", up_to(HIGH))
        await until_sent(published, "q", "h", "f")
        await ask(viewer, published.sid, quality=LOW)
        await wire.until("subscribed_quality_update", up_to(LOW))
        await until_sent(published, "q")
        await ask(viewer, published.sid, disabled=True)
        await wire.until("subscribed_quality_update", up_to(None))
        await until_sent(published)
        await ask(viewer, published.sid, quality=HIGH)
        async with asyncio.timeout(1):
            await wire.until("subscribed_quality_update", up_to(HIGH))
        await until_sent(published, "q", "h", "f")


@pytest.mark.slow
async def test_less_is_told_after_five_seconds(call: Call) -> None:
    zoe, viewer = await call("zoe")
    alice, wire = await call("alice")
    clock = asyncio.get_running_loop().time

    async with layered(alice) as published:
        await wire.until("subscribed_quality_update", up_to(HIGH))
        await until_width(await zoe.track_of(alice, CAMERA), 960)
        await ask(viewer, published.sid, quality=MEDIUM)
        asked = clock()
        await wire.until("subscribed_quality_update", up_to(MEDIUM))

    assert 4.9 < clock() - asked < 7


async def test_nothing_is_told_of_a_muted_track(call: Call) -> None:
    _, viewer = await call("zoe")
    alice, wire = await call("alice")

    async with layered(alice) as published:
        await wire.until("subscribed_quality_update", up_to(HIGH))
        published.track.mute()
        await wire.until("update", lambda update: any(track.muted for track in update.participants[0].tracks))
        heard = len(wire.seen)
        await ask(viewer, published.sid, quality=MEDIUM)
        await asyncio.sleep(1)
        assert not [each for each in wire.seen[heard:] if each.HasField("subscribed_quality_update")]
        published.track.unmute()
        await wire.until("subscribed_quality_update")


@pytest.mark.slow
async def test_track_that_nobody_wants_is_not_wanted_after_ten_seconds(call: Call) -> None:
    alice, wire = await call("alice")

    async with layered(alice):
        async with asyncio.timeout(PATIENCE + 3):
            while not any(each.HasField("subscribed_quality_update") for each in wire.seen):
                await wire.next()

    assert up_to(None)(wire.seen[-1].subscribed_quality_update)
