"""A camera in three layers, and how a viewer asks for one of them and sees which it gets."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

from caller import Caller
from livekit import rtc
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import PATIENCE
from wiretap import Tapped

from media import Colour, Pictures, showing, watching

LOW, MEDIUM, HIGH = models.VideoQuality.LOW, models.VideoQuality.MEDIUM, models.VideoQuality.HIGH
WIDTHS = {LOW: 320, MEDIUM: 640, HIGH: 960}


def layered(caller: Caller, **options: Any) -> AbstractAsyncContextManager[Any]:
    """Publishes a camera of three layers."""
    return showing(caller, Colour.RED, width=960, height=540, simulcast=True, **options)


async def ask(viewer: Tapped, sid: str, **settings: Any) -> None:
    """The viewer wants the track so from now on."""
    await viewer.send(track_setting=signal.UpdateTrackSettings(track_sids=[sid], **settings))


async def until_width(track: rtc.Track, width: int) -> None:
    """Waits until pictures of this width come."""
    async with watching(track) as pictures:
        await until_wide(pictures, width)


async def until_wide(pictures: Pictures, width: int, *, within: float = PATIENCE) -> float:
    """Waits until pictures of this width come; returns how many seconds that took."""
    clock = asyncio.get_running_loop().time
    start, seen = clock(), list[str]()
    try:
        async with asyncio.timeout(within):
            async for picture in pictures:
                if not seen or not seen[-1].startswith(f"{picture.width} "):
                    seen.append(f"{picture.width} after {clock() - start:.1f} s")
                if picture.width == width:
                    return clock() - start
    except TimeoutError:
        raise AssertionError(f"no picture is {width} wide within {within} s; there came {', '.join(seen)}") from None
    raise AssertionError(f"the video ended; there came {', '.join(seen)}")
