"""Somebody in a call who is filmed, watches whoever else is there, and remembers how long there was nothing to see."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import httpx
from livekit import rtc

WIDTH, HEIGHT, FPS = 160, 96, 10
GREY = bytes(WIDTH * HEIGHT * 3 // 2)
_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Stay:
    """What the history is to tell of once.

    Attributes:
        identity: whose.
        sid: participant id.
        came: in milliseconds since the epoch.
    """

    identity: str
    sid: str
    came: int


@dataclass
class Neighbour:
    """One person, who comes back by itself with another token when its client has given up, as our page does.

    Attributes:
        identity: its name, too.
        room_name: where it wants to be.
        ask: gets address and token.
        stays: each session that it knows of.
        told: names of events that its client has told of its own connection or of others' leaving, and when.
        room: that it is in.
        left: when it went, in milliseconds since the epoch; 0: it is there.
        seen_at: when each picture of somebody else was shown, on the monotonic clock.
    """

    identity: str
    room_name: str
    ask: Callable[["Neighbour"], Awaitable[tuple[str, str]]]
    stays: list[Stay] = field(default_factory=list)
    told: list[tuple[str, float]] = field(default_factory=list)
    seen_at: list[float] = field(default_factory=list)
    room: rtc.Room | None = None
    left: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _is_leaving: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _source: rtc.VideoSource | None = None

    async def enter(self) -> None:
        """Comes in, and is filmed from then on."""
        self._source = rtc.VideoSource(WIDTH, HEIGHT)
        await self._connect()
        self._begin(self._film(self._source))

    async def leave(self) -> None:
        """Goes."""
        self._is_leaving, self.left = True, int(time.time() * 1000)
        if self.room is not None:
            await self.room.disconnect()
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._source is not None:
            await self._source.aclose()

    def longest_pause(self, since: float, until: float) -> float:
        """Seconds without a picture in this time."""
        times = [since, *(at for at in self.seen_at if since < at < until), until]
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    def told_since(self, since: float) -> list[str]:
        """Names of what its client has told of connections since."""
        return [name for name, at in self.told if at >= since]

    async def is_back(self, since: float, within: float) -> float:
        """Waits until it has a connection anew; returns how long after `since`."""
        return await self._first(
            lambda: (at for name, at in self.told if name == "reconnected" and at > since), since, within
        )

    async def sees(self, since: float, within: float) -> float:
        """Waits for a picture that is shown later than `since`; returns how long after it."""
        return await self._first(lambda: (at for at in self.seen_at if at > since), since, within)

    async def _first(self, times: Callable[[], Iterator[float]], since: float, within: float) -> float:
        async with asyncio.timeout(within):
            while (found := next(times(), None)) is None:
                self._news.clear()
                await self._news.wait()
        return found - since

    async def _connect(self) -> None:
        room = self.room = rtc.Room()
        for name in ("reconnecting", "reconnected", "disconnected", "participant_disconnected"):
            room.on(name, lambda *_, name=name: self._tell(name))
        room.on("track_subscribed", lambda track, *_: self._begin(self._watch(track)))
        room.on("disconnected", lambda *_: self._begin(self._come_back()))
        # A full reconnect is another session to everybody else.
        room.on("reconnected", lambda *_: self._note())
        url, token = await self.ask(self)
        await room.connect(url, token)
        self._note()
        assert self._source is not None
        track = rtc.LocalVideoTrack.create_video_track("camera", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False)
        await room.local_participant.publish_track(track, options)

    async def _come_back(self) -> None:
        while not self._is_leaving:
            try:
                await asyncio.wait_for(self._connect(), 10)
            except (TimeoutError, httpx.HTTPError, rtc.ConnectError, rtc.PublishTrackError) as error:
                self._tell(f"not back: {type(error).__name__} {error}")
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return

    def _tell(self, name: str) -> None:
        self.told.append((name, time.monotonic()))
        self._news.set()

    def _note(self) -> None:
        assert self.room is not None
        sid = self.room.local_participant.sid
        if sid and sid not in {each.sid for each in self.stays}:
            self.stays.append(Stay(self.identity, sid, int(time.time() * 1000)))

    async def _film(self, source: rtc.VideoSource) -> None:
        while True:
            source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, GREY))
            await asyncio.sleep(1 / FPS)

    async def _watch(self, track: rtc.Track) -> None:
        if track.kind != rtc.TrackKind.KIND_VIDEO:
            return
        stream = rtc.VideoStream(track)
        try:
            async for _ in stream:
                self.seen_at.append(time.monotonic())
                self._news.set()
        finally:
            await stream.aclose()

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
