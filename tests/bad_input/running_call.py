"""The call beside: two PyPI `livekit` clients with sound and pictures both ways, watched for any disturbance."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import numpy as np
from caller import Caller
from livekit import rtc

from media import CAMERA, MICROPHONE, SAMPLE_RATE, Colour, clear_tone, playing_tone, showing, watching
from servers import MediaServer

LONGEST_GAP = 1.5
"""Seconds without a new picture or tone that nobody would call undisturbed. The machine is shared, so not less."""

_DISTURBANCES = {
    "disconnected",
    "participant_disconnected",
    "reconnecting",
    "track_unsubscribed",
    "track_unpublished",
    "track_muted",
}


class RunningCall:
    """Alice and Bob, who must notice nothing."""

    def __init__(self, alice: Caller, bob: Caller) -> None:
        self._callers = (alice, bob)
        self._arrivals: dict[str, list[float]] = {}
        self._beats: list[float] = []
        self._news = asyncio.Event()

    def mark(self) -> "Mark":
        """Now, for `undisturbed`."""
        return Mark(time.monotonic(), tuple(caller.now() for caller in self._callers))

    async def undisturbed(self, since: "Mark") -> None:
        """Waits for news on every stream, then asserts that nothing was lost or heard of since then."""
        asked = time.monotonic()
        async with asyncio.timeout(10):
            while any(times[-1] < asked for times in self._arrivals.values()):
                self._news.clear()
                await self._news.wait()
        for caller, start in zip(self._callers, since.events, strict=True):
            heard = [name for name, _ in caller.events[start:]]
            assert not _DISTURBANCES & set(heard), f"{caller.identity} heard {heard}"
        now = time.monotonic()
        late = _longest_gap(self._beats, since.time, now)
        for name, times in self._arrivals.items():
            gap = _longest_gap(times, since.time, now)
            assert gap < LONGEST_GAP + late, f"{name} stood still for {gap:.2f} s, this process for {late:.2f} s"

    async def beat(self) -> None:
        """Notes when this process had its turn: what it was late itself, it must not blame on the server."""
        while True:
            self._beats.append(time.monotonic())
            await asyncio.sleep(0.05)

    async def follow_pictures(self, name: str, track: rtc.Track, colour: Colour) -> None:
        """Notes each new picture of the right colour."""
        last = -1
        async with watching(track) as pictures:
            async for picture in pictures:
                if picture.colour is colour and picture.count != last:
                    last = picture.count
                    self._note(name)

    async def follow_tone(self, name: str, track: rtc.Track, hertz: float) -> None:
        """Notes each tenth of a second that is the right tone."""
        stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1)
        heard = np.zeros(0, np.int16)
        async for event in stream:
            heard = np.concatenate([heard, np.frombuffer(event.frame.data, np.int16)])
            if len(heard) >= SAMPLE_RATE // 10:
                tone = clear_tone(heard)
                if tone is not None and abs(tone - hertz) < 15:
                    self._note(name)
                heard = heard[:0]

    def _note(self, name: str) -> None:
        self._arrivals.setdefault(name, []).append(time.monotonic())
        self._news.set()

    async def begun(self, streams: int) -> None:
        """Waits until every stream has brought something."""
        async with asyncio.timeout(20):
            while len(self._arrivals) < streams:
                self._news.clear()
                await self._news.wait()


def _longest_gap(times: list[float], since: float, until: float) -> float:
    return float(np.diff([since, *(t for t in times if since < t < until), until]).max())


class Mark:
    """A moment of the call."""

    def __init__(self, time: float, events: tuple[int, ...]) -> None:
        self.time = time
        self.events = events


@asynccontextmanager
async def call_on(server: MediaServer) -> AsyncIterator[RunningCall]:
    """Starts the call in a room of its own."""
    room = f"call-beside-{uuid4().hex[:6]}"
    alice, bob = Caller("alice"), Caller("bob")
    async with AsyncExitStack() as stack:
        for caller in (alice, bob):
            await asyncio.wait_for(caller.room.connect(server.url, server.token(caller.identity, room)), 10)
            stack.push_async_callback(caller.room.disconnect)
        parts = [(alice, bob, 440, Colour.RED), (bob, alice, 880, Colour.BLUE)]
        call = RunningCall(alice, bob)
        for one, _, hertz, colour in parts:
            await stack.enter_async_context(playing_tone(one, hertz))
            await stack.enter_async_context(showing(one, colour))
        followers: list[asyncio.Task[None]] = [asyncio.create_task(call.beat())]
        for one, other, hertz, colour in parts:
            sound, video = await other.track_of(one, MICROPHONE), await other.track_of(one, CAMERA)
            name = f"{one.identity} → {other.identity}"
            followers.append(asyncio.create_task(call.follow_tone(f"sound {name}", sound, hertz)))
            followers.append(asyncio.create_task(call.follow_pictures(f"video {name}", video, colour)))
        await call.begun(2 * len(parts))
        yield call
        for follower in followers:
            follower.cancel()
        await asyncio.gather(*followers, return_exceptions=True)
