"""What a viewer asks of a track: which layer it begins with, and which it gets once it has asked."""

from contextlib import AsyncExitStack

import pytest
from layers import HIGH, LOW, MEDIUM, WIDTHS, ask, layered, until_wide
from wiretap import Call, Detour

from media import CAMERA, watching

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("adaptive", "first"), [("1", LOW), ("0", HIGH)])
async def test_who_adapts_begins_with_the_low_layer(
    request: pytest.FixtureRequest, call: Call, adaptive: str, first: int
) -> None:
    alice, _ = await call("alice")
    zoe, _ = await call("zoe")
    async with layered(alice):
        async with watching(await zoe.track_of(alice, CAMERA)) as pictures:
            await until_wide(pictures, WIDTHS[HIGH])
        bob, _ = await call("bob", detour=Detour({"adaptive_stream": adaptive}))
        async with watching(await bob.track_of(alice, CAMERA)) as pictures:
            if "[livekit-server" in request.node.name:  # It may send whatever comes first until it has found the layer.
                await until_wide(pictures, WIDTHS[first])
            widths = [(await anext(pictures)).width for _ in range(20)]

    assert widths == [WIDTHS[first]] * 20


async def test_settings_with_a_priority_are_kept_whole(call: Call) -> None:
    alice, _ = await call("alice")
    zoe, wire = await call("zoe")
    async with AsyncExitStack() as stack:
        published = await stack.enter_async_context(layered(alice))
        pictures = await stack.enter_async_context(watching(await zoe.track_of(alice, CAMERA)))
        for quality, priority in [(LOW, 1), (HIGH, 2), (MEDIUM, 0)]:
            await ask(wire, published.sid, quality=quality, priority=priority)
            await until_wide(pictures, WIDTHS[quality])
