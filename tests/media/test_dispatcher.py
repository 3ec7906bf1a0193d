"""The core's events come into the event loop in order, and one bad one costs nobody else's."""

import asyncio

import pytest

from visavis.media import Dispatcher, events
from visavis.media.fake import FakeEngine


@pytest.fixture
def engine():
    engine = FakeEngine()
    yield engine
    engine.close()


async def test_events_arrive_in_order_without_being_asked_for(engine):
    seen, done = [], asyncio.Event()

    def handle(event):
        seen.append(event.participant)
        if event.participant == "c":
            done.set()

    dispatcher = Dispatcher(engine, handle)
    dispatcher.start()
    engine.emit(events.DataChannelsOpen("a"), events.DataChannelsOpen("b"))
    engine.emit(events.DataChannelsOpen("c"))
    async with asyncio.timeout(5):
        await done.wait()
    dispatcher.stop()
    assert seen == ["a", "b", "c"]


async def test_a_failing_handler_does_not_stop_the_next_event(engine):
    seen = []

    def handle(event):
        if event.participant == "bad":
            raise RuntimeError("a bug")
        seen.append(event.participant)

    dispatcher = Dispatcher(engine, handle)
    dispatcher.start()
    engine.emit(events.DataChannelsOpen("bad"), events.DataChannelsOpen("good"))
    dispatcher.dispatch()
    dispatcher.stop()
    assert seen == ["good"]


async def test_a_stopped_dispatcher_hears_nothing(engine):
    dispatcher = Dispatcher(engine, lambda _: pytest.fail("it was stopped"))
    dispatcher.start()
    dispatcher.stop()
    dispatcher.stop()
    engine.emit(events.DataChannelsOpen("a"))
    await asyncio.sleep(0)
    assert engine.drain() == [events.DataChannelsOpen("a")]
