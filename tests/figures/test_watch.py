"""Rates from counts: what a look costs, and that two samples make the right figures."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from visavis.figures import Watch
from visavis.media import Dispatcher, events
from visavis.media.events import ParticipantFigures, PublishedFigures, ReceivedFigures
from visavis.media.fake import FakeEngine


class Core:
    """A fake core whose counts grow by so much a second of a clock of its own."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.engine.participants = {"PA_a": "RM_a", "PA_b": "RM_a"}
        self.asked_at: list[float] = []
        self.clock = 100.0
        self.watch = Watch(self.engine, now=self.now, cpu=lambda: self.clock / 4, interval=0.01)
        self.dispatcher = Dispatcher(self.engine, self.hear)
        self.dispatcher.start()

    def now(self) -> float:
        return self.clock

    def hear(self, event: events.Event) -> None:
        assert isinstance(event, events.Figures)
        self.asked_at.append(self.clock)
        self.watch.told(event)
        # The next sample is taken two seconds later.
        self.clock += 2.0
        seconds = self.clock - 100.0
        packets, lost = int(50 * seconds), int(5 * seconds)
        self.engine.figures = {
            "PA_a": ParticipantFigures(
                "PA_a",
                packets_in=packets,
                bytes_in=100 * packets,
                rtt=0.04,
                published=(PublishedFigures("TR_a", packets, 80 * packets, lost),),
            ),
            "PA_b": ParticipantFigures(
                "PA_b",
                packets_out=packets,
                bytes_out=90 * packets,
                estimate=500_000,
                received=(ReceivedFigures("TR_a", packets, 80 * packets, 0.02, 1),),
            ),
        }


@pytest.fixture
async def core() -> AsyncIterator[Core]:
    core = Core()
    yield core
    await core.watch.aclose()
    core.dispatcher.stop()
    core.engine.close()


async def test_rates_are_counts_over_the_time_between(core: Core) -> None:
    seen = await core.watch.observe()
    ann, bob = seen.participants["PA_a"], seen.participants["PA_b"]
    assert (ann.packets_in, ann.bitrate_in, ann.rtt) == (50, 50 * 100 * 8, 0.04)
    assert ann.published["TR_a"].bitrate == 50 * 80 * 8
    assert ann.loss_in == pytest.approx(5 / 55)
    assert (bob.bitrate_out, bob.loss_out, bob.estimate) == (50 * 90 * 8, 0.02, 500_000)
    assert (bob.received["TR_a"].bitrate, bob.received["TR_a"].layer) == (50 * 80 * 8, 1)
    assert seen.cpu == 0.25


async def test_nothing_is_asked_before_anybody_looks_nor_long_after(core: Core) -> None:
    await asyncio.sleep(0.05)
    assert core.asked_at == []
    await core.watch.observe()
    # The clock goes two seconds at each sample: after the sixth nobody has looked for more than ten.
    while core.watch._task is not None and not core.watch._task.done():  # noqa: ASYNC110 - the other side tells nobody
        await asyncio.sleep(0.01)
    assert len(core.asked_at) <= 7
    asked = len(core.asked_at)
    await core.watch.observe()
    assert len(core.asked_at) > asked, "who looks again is shown what is now"


async def test_many_who_look_cost_one_sample(core: Core) -> None:
    await asyncio.gather(*(core.watch.observe() for _ in range(20)))
    assert len(core.asked_at) <= 3


async def test_one_who_came_since_the_last_sample_is_told_with_the_next(core: Core) -> None:
    await core.watch.observe()
    core.engine.participants["PA_c"] = "RM_a"
    while "PA_c" not in (await core.watch.observe()).participants:  # noqa: ASYNC110 - the other side tells nobody
        await asyncio.sleep(0.01)
