"""Posting events: signed, in order, again where a receiver fails, and never at the cost of anybody else."""

import asyncio
import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import jwt
import pytest
from livekit import api
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from visavis.auth import KeyRing
from visavis.webhooks import WebhookSender
from visavis.webhooks.sender import Patience

KEYS = {"devkey": "a secret of the tests, 32 bytes or more"}
QUICK = Patience(timeout=0.3, pauses=(0.01, 0.01), max_waiting=3)


class Receiver:
    """An HTTP server that answers what a test tells it to, and remembers what it got."""

    def __init__(self) -> None:
        self.statuses: defaultdict[str, list[int | None]] = defaultdict(list)
        """By event id, what to answer to each try: None never answers; 200 after the last."""
        self.got: list[tuple[dict[str, str], bytes]] = []
        self._news = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head.split("\r\n")[1:] if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            self.got.append((headers, body))
            self._news.set()
            statuses = self.statuses[json.loads(body)["id"]]
            status = statuses.pop(0) if statuses else 200
            if status is None:
                return
            writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode())

    async def ids(self, count: int) -> list[str]:
        """The ids of the requests, once there are so many."""
        async with asyncio.timeout(5):
            while len(self.got) < count:
                self._news.clear()
                await self._news.wait()
        return [json.loads(body)["id"] for _, body in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await receiver.serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    yield receiver
    server.close()
    for writer in writers:
        writer.close()
        await asyncio.sleep(0)


@pytest.fixture
async def sender() -> AsyncIterator[Callable[..., WebhookSender]]:
    async with AsyncExitStack() as stack:

        def make(*urls: str, patience: Patience = QUICK) -> WebhookSender:
            sender = WebhookSender(urls, KeyRing(KEYS), patience=patience)
            stack.push_async_callback(sender.aclose, 0.0)
            return sender

        yield make


def event(number: int, room: str = "atrium", **fields: Any) -> WebhookEvent:
    return WebhookEvent(
        event="room_started", id=f"EV_{number}", room=models.Room(name=room, sid=f"RM_{room}"), **fields
    )


async def test_livekits_own_receiver_takes_it(receiver: Receiver, sender: Callable[..., WebhookSender]) -> None:
    sender(receiver.url)(event(1, created_at=1_700_000_000))
    await receiver.ids(1)
    headers, body = receiver.got[0]
    assert headers["content-type"] == "application/webhook+json"
    claims = jwt.decode(headers["authorization"], KEYS["devkey"], algorithms=["HS256"])
    assert claims["sha256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert json.loads(body)["createdAt"] == "1700000000"
    verifier = api.TokenVerifier("devkey", KEYS["devkey"])
    assert api.WebhookReceiver(verifier).receive(body.decode(), headers["authorization"]).room.name == "atrium"


@pytest.mark.parametrize("failure", [500, 503, None])
async def test_a_receiver_that_fails_gets_it_again_before_anything_else_of_that_room(
    receiver: Receiver, sender: Callable[..., WebhookSender], failure: int | None
) -> None:
    receiver.statuses["EV_1"] = [failure, failure]
    send = sender(receiver.url)
    for number in (1, 2, 3):
        send(event(number))
    assert await receiver.ids(5) == ["EV_1", "EV_1", "EV_1", "EV_2", "EV_3"]


async def test_one_that_refuses_is_not_asked_again(receiver: Receiver, sender: Callable[..., WebhookSender]) -> None:
    receiver.statuses["EV_1"] = [404]
    send = sender(receiver.url)
    send(event(1))
    send(event(2))
    assert await receiver.ids(2) == ["EV_1", "EV_2"]


async def test_one_that_never_recovers_is_given_up(receiver: Receiver, sender: Callable[..., WebhookSender]) -> None:
    receiver.statuses["EV_1"] = [500] * 9
    send = sender(receiver.url)
    send(event(1))
    send(event(2))
    assert await receiver.ids(4) == ["EV_1"] * 3 + ["EV_2"]


async def test_a_dead_receiver_holds_up_neither_other_rooms_nor_other_urls(
    receiver: Receiver, sender: Callable[..., WebhookSender]
) -> None:
    receiver.statuses["EV_1"] = [None] * 9
    send = sender(receiver.url, "http://127.0.0.1:1/nobody")
    send(event(1, room="slow"))
    send(event(2, room="quick"))
    assert set(await receiver.ids(2)) == {"EV_1", "EV_2"}


async def test_what_waits_is_bounded_and_the_oldest_goes_first(
    receiver: Receiver, sender: Callable[..., WebhookSender]
) -> None:
    send = sender(receiver.url)
    for number in range(10):
        send(event(number))
    assert await receiver.ids(3) == ["EV_7", "EV_8", "EV_9"]


async def test_closing_sends_what_waits_and_does_not_wait_for_the_dead(receiver: Receiver) -> None:
    send = WebhookSender((receiver.url,), KeyRing(KEYS))
    send(event(1))
    await send.aclose(5)
    assert await receiver.ids(1) == ["EV_1"]
    receiver.statuses["EV_2"] = [None]
    send(event(2))
    async with asyncio.timeout(2):
        await send.aclose(0.05)
