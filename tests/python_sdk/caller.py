"""A participant on the PyPI `livekit` client that remembers every event, so that a test can wait without races."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from livekit import rtc
from livekit.rtc.room import EventTypes

from servers import MediaServer

T = TypeVar("T")
PATIENCE = 10.0
"""Seconds until something that must happen has not happened."""


def anything(*_: Any) -> bool:
    """The condition that every event fulfils."""
    return True


@dataclass
class Caller:
    """One participant. Make it with the `join` fixture."""

    identity: str
    room: rtc.Room = field(default_factory=rtc.Room)
    events: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        for name in get_args(EventTypes):
            self.room.on(name, self._recorder(name))

    @property
    def me(self) -> rtc.LocalParticipant:
        """The local participant."""
        return self.room.local_participant

    def remote(self, other: "Caller") -> rtc.RemoteParticipant:
        """How this one sees `other`."""
        return self.room.remote_participants[other.identity]

    def now(self) -> int:
        """A place in the history; `event(..., since=it)` looks only behind it."""
        return len(self.events)

    def all(self, name: str, since: int = 0) -> list[tuple[Any, ...]]:
        """The arguments of every event of that name."""
        return [args for event, args in self.events[since:] if event == name]

    async def event(
        self, name: EventTypes, where: Callable[..., bool] = anything, *, since: int = 0, within: float = PATIENCE
    ) -> tuple[Any, ...]:
        """Waits for an event, past or to come, and returns its arguments."""

        def found() -> list[tuple[Any, ...]]:
            return [args for args in self.all(name, since) if where(*args)]

        return (await self.until(found, f"a {name} event", within))[0]

    async def until(self, condition: Callable[[], T | None], what: str, within: float = PATIENCE) -> T:
        """Waits until `condition` returns something true; it is asked after every event."""
        try:
            async with asyncio.timeout(within):
                while not (result := condition()):
                    self._changed.clear()
                    await self._changed.wait()
                return result
        except TimeoutError:
            history = "\n  ".join(f"{name} {args}"[:200] for name, args in self.events[-30:])
            raise AssertionError(f"{self.identity} waited {within} s in vain for {what}; heard:\n  {history}") from None

    async def sees(self, other: "Caller") -> rtc.RemoteParticipant:
        """Waits until `other` is in the room."""
        return await self.until(lambda: self.room.remote_participants.get(other.identity), other.identity)

    async def track_of(
        self, other: "Caller", source: rtc.TrackSource.ValueType, *, since: int = 0, within: float = PATIENCE
    ) -> Any:
        """Waits until this one is subscribed to a track of `other`, and returns the track."""
        track, _, _ = await self.event(
            "track_subscribed",
            lambda _, publication, participant: participant.identity == other.identity and publication.source == source,
            since=since,
            within=within,
        )
        return track

    async def stops_receiving(self) -> None:
        """Waits until no stream of media comes any more: what the server knows of this one's wishes is seen by that.

        The client sends each wish from a task of its own, so that two of them in a row may come in either order.
        """
        async with asyncio.timeout(PATIENCE):
            # The client has no event for it.
            while await self.received():  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def received(self) -> list[Any]:
        """What the client counts of each stream that comes (`InboundRtp`), on either connection."""
        stats = await self.room.get_rtc_stats()
        each = (*stats.publisher_stats, *stats.subscriber_stats)
        return [one.inbound_rtp for one in each if one.WhichOneof("stats") == "inbound_rtp"]

    def _recorder(self, name: str) -> Callable[..., None]:
        def record(*args: Any) -> None:
            self.events.append((name, args))
            self._changed.set()

        return record


Join = Callable[..., Awaitable[Caller]]
"""The fixture `join`."""
MakeServer = Callable[..., Awaitable[MediaServer]]
"""The fixture `make_server`."""
