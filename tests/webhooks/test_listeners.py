"""Functions of the host application that hear of events."""

import asyncio

import pytest
from livekit.protocol.webhook import WebhookEvent

from visavis.webhooks import Listeners


async def test_plain_and_async_listeners_hear_their_event_only() -> None:
    listeners = Listeners()
    heard: list[str] = []

    @listeners.on("room_started")
    def plain(event: WebhookEvent) -> None:
        heard.append(f"plain {event.id}")

    @listeners.on("room_started")
    async def later(event: WebhookEvent) -> None:
        await asyncio.sleep(0)
        heard.append(f"async {event.id}")

    listeners(WebhookEvent(event="room_started", id="1"))
    listeners(WebhookEvent(event="room_finished", id="2"))
    await listeners.finished()
    assert heard == ["plain 1", "async 1"]


async def test_errors_of_one_disturb_no_other() -> None:
    listeners = Listeners()
    heard: list[str] = []

    @listeners.on("track_published")
    def broken(_: WebhookEvent) -> None:
        raise RuntimeError("mine")

    @listeners.on("track_published")
    async def broken_later(_: WebhookEvent) -> None:
        raise RuntimeError("mine, too")

    @listeners.on("track_published")
    def sound(event: WebhookEvent) -> None:
        heard.append(event.id)

    listeners(WebhookEvent(event="track_published", id="1"))
    await listeners.finished()
    assert heard == ["1"]


def test_an_event_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match=r"'room_begun'.*room_started"):
        Listeners().on("room_begun")  # type: ignore[arg-type]
