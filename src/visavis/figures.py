"""What flows now: rates of the process, of each participant and of each track, while somebody looks.

The core only counts. This asks it for its counts once a second as long as anybody wants to know, and makes rates of two
answers. When nobody has asked for a while it stops, so a server without onlookers spends nothing.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from visavis.media import MediaEngine
from visavis.media.events import Figures, ParticipantFigures, PublishedFigures

INTERVAL_SECONDS = 1.0
# The first look takes two samples; whoever opens the page shall not wait a whole interval for the second.
_FIRST_INTERVAL_SECONDS = 0.5
_IDLE_SECONDS = 10.0
# A worker that panicked answers nothing.
_ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class TrackRates:
    """One track as it comes, or as it goes to one subscriber.

    Attributes:
        bitrate: bit/s of payload.
        packets: a second.
        loss: share of the packets that were missed; None: not known.
        layer: the one that flows to a subscriber.
    """

    bitrate: float = 0.0
    packets: float = 0.0
    loss: float | None = None
    layer: int | None = None


@dataclass(frozen=True, slots=True)
class ParticipantRates:
    """One participant, datagrams of all kinds.

    Attributes:
        bitrate_in: bit/s that come from it.
        bitrate_out: bit/s that go to it.
        packets_in: a second.
        packets_out: a second.
        loss_in: share of its media that the server misses; None: it sends none.
        loss_out: the worst share that it reports of what it receives; None: it reports nothing.
        rtt: seconds; None: not known.
        estimate: bit/s that the way to it is taken to hold; None: not known.
        published: by track.
        received: by track.
    """

    bitrate_in: float = 0.0
    bitrate_out: float = 0.0
    packets_in: float = 0.0
    packets_out: float = 0.0
    loss_in: float | None = None
    loss_out: float | None = None
    rtt: float | None = None
    estimate: int | None = None
    published: Mapping[str, TrackRates] = field(default_factory=dict[str, TrackRates])
    received: Mapping[str, TrackRates] = field(default_factory=dict[str, TrackRates])


@dataclass(frozen=True, slots=True)
class Observation:
    """How things are, over the last second or so.

    Attributes:
        cpu: of the whole process, in cores.
        workers: of each media thread, in cores.
        bitrate_in: bit/s.
        bitrate_out: bit/s.
        packets_in: a second.
        packets_out: a second.
        packets_dropped: since start.
        participants: by participant id; who came within the last second is not among them yet.
    """

    cpu: float
    workers: tuple[float, ...]
    bitrate_in: float
    bitrate_out: float
    packets_in: float
    packets_out: float
    packets_dropped: int
    participants: Mapping[str, ParticipantRates]


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    cpu: float
    workers: tuple[float, ...]
    stats: Mapping[str, int]
    participants: Mapping[str, ParticipantFigures]


class Watch:
    """Observes `engine` while anybody asks. In the event loop's thread."""

    def __init__(
        self,
        engine: MediaEngine,
        *,
        now: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        self._engine = engine
        self._now = now
        self._cpu = cpu
        self._interval = interval
        self._request = 0
        self._answers: dict[int, Figures] = {}
        self._is_answered = asyncio.Event()
        self._before: _Sample | None = None
        self._latest: Observation | None = None
        self._next: asyncio.Future[Observation] | None = None
        self._asked_at = now()
        self._task: asyncio.Task[None] | None = None

    def told(self, figures: Figures) -> None:
        """The core answered."""
        if figures.request == self._request:
            self._answers[figures.worker] = figures
            if len(self._answers) >= len(self._engine.worker_times()):
                self._is_answered.set()

    async def observe(self) -> Observation:
        """The latest observation; the first one after a while takes half a second."""
        self._asked_at = self._now()
        if self._task is None or self._task.done():
            self._latest = self._before = None
            self._task = asyncio.get_running_loop().create_task(self._run(), name="observe the core")
        if self._latest is not None:
            return self._latest
        if self._next is None or self._next.done():
            self._next = asyncio.get_running_loop().create_future()
        # Shielded: one caller that goes away takes nothing from the others.
        return await asyncio.shield(self._next)

    async def aclose(self) -> None:
        """Ends; twice is fine."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._next is not None:
            self._next.cancel()

    async def _run(self) -> None:
        while self._now() - self._asked_at < _IDLE_SECONDS:
            sample = await self._sample()
            if self._before is not None:
                self._latest = _compare(self._before, sample)
                if self._next is not None and not self._next.done():
                    self._next.set_result(self._latest)
            is_first, self._before = self._before is None, sample
            await asyncio.sleep(min(_FIRST_INTERVAL_SECONDS, self._interval) if is_first else self._interval)

    async def _sample(self) -> _Sample:
        self._request += 1
        self._answers = {}
        self._is_answered.clear()
        self._engine.report_figures(self._request)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._is_answered.wait()
        participants = {each.participant: each for answer in self._answers.values() for each in answer.participants}
        times = tuple(self._engine.worker_times())
        return _Sample(self._now(), self._cpu(), times, self._engine.stats(), participants)


def _compare(before: _Sample, after: _Sample) -> Observation:
    seconds = max(after.at - before.at, 1e-3)

    def rate(name: str) -> float:
        return max(0, after.stats.get(name, 0) - before.stats.get(name, 0)) / seconds

    return Observation(
        cpu=(after.cpu - before.cpu) / seconds,
        workers=tuple((late - early) / seconds for early, late in zip(before.workers, after.workers, strict=True)),
        bitrate_in=rate("bytes_in") * 8,
        bitrate_out=rate("bytes_out") * 8,
        packets_in=rate("packets_in"),
        packets_out=rate("packets_out"),
        packets_dropped=after.stats.get("packets_dropped", 0),
        participants={
            sid: _rates(before.participants[sid], figures, seconds)
            for sid, figures in after.participants.items()
            if sid in before.participants
        },
    )


def _rates(before: ParticipantFigures, after: ParticipantFigures, seconds: float) -> ParticipantRates:
    earlier = {each.track: each for each in before.published}
    received_earlier = {each.track: each for each in before.received}
    published: dict[str, TrackRates] = {}
    missed = expected = 0
    for each in after.published:
        was = earlier.get(each.track, PublishedFigures(each.track, 0, 0, 0))
        packets = max(0, each.packets - was.packets)
        # One that was late has lowered the count meanwhile.
        lost = max(0, each.lost - was.lost)
        missed, expected = missed + lost, expected + lost + packets
        loss = lost / (lost + packets) if lost + packets else None
        published[each.track] = TrackRates(max(0, each.bytes - was.bytes) * 8 / seconds, packets / seconds, loss)
    received: dict[str, TrackRates] = {}
    for each in after.received:
        was_sent = received_earlier.get(each.track)
        # Who unsubscribed and came back begins to be counted anew.
        packets_before, bytes_before = (0, 0) if was_sent is None else (was_sent.packets, was_sent.bytes)
        packets, bits = max(0, each.packets - packets_before), max(0, each.bytes - bytes_before) * 8
        received[each.track] = TrackRates(bits / seconds, packets / seconds, each.loss, each.layer)
    return ParticipantRates(
        bitrate_in=(after.bytes_in - before.bytes_in) * 8 / seconds,
        bitrate_out=(after.bytes_out - before.bytes_out) * 8 / seconds,
        packets_in=(after.packets_in - before.packets_in) / seconds,
        packets_out=(after.packets_out - before.packets_out) / seconds,
        loss_in=missed / expected if expected else None,
        loss_out=max((each.loss for each in received.values() if each.loss is not None), default=None),
        rtt=after.rtt,
        estimate=after.estimate,
        published=published,
        received=received,
    )
