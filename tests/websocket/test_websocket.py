"""Our own server's WebSockets carry what uvicorn's do: messages of every length and kind, in order, both ways."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
import websockets

from visavis.websocket import SignallingSocket, SocketServer


async def echo(scope, receive, send):
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "close":
            await send({"type": "websocket.close", "code": 4321})
            continue
        # It reads slower than they come.
        await asyncio.sleep(0)
        await send({**message, "type": "websocket.send"})


@asynccontextmanager
async def served(**settings: float) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            echo,
            ws=SignallingSocket,
            ws_max_size=1 << 20,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            **settings,
        )
        server = SocketServer(config)
        task = asyncio.create_task(server.serve([listening]))
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await task


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 300_000])
async def test_messages_of_every_length_come_back(length):
    async with served() as url, websockets.connect(url) as client:
        for message in (b"x" * length, "é" * length):
            await client.send(message)
            assert await client.recv() == message


async def test_a_flood_is_answered_in_order():
    messages = [number.to_bytes(4) * (1 if number % 7 else 20_000) for number in range(200)]
    async with served() as url, websockets.connect(url) as client:
        sending = asyncio.create_task(asyncio.wait_for(send_all(client, messages), 30))
        assert [await client.recv() for _ in messages] == messages
        await sending


async def test_a_message_in_parts_is_one():
    async with served() as url, websockets.connect(url) as client:
        await client.send([b"one ", b"two ", b"three"])
        assert await client.recv() == b"one two three"


async def test_what_is_too_long_ends_the_connection():
    async with served() as url, websockets.connect(url) as client:
        await client.send(b"x" * ((1 << 20) + 1))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_the_applications_close_reaches_the_client():
    async with served() as url, websockets.connect(url) as client:
        await client.send("close")
        await client.wait_closed()
        assert client.close_code == 4321


async def send_all(client, messages):
    for message in messages:
        await client.send(message)


async def test_a_request_line_may_be_as_long_as_large_tokens_make_it():
    async with served() as url, websockets.connect(f"{url}/?access_token={'x' * 900_000}") as client:
        await client.send(b"through")
        assert await client.recv() == b"through"


@pytest.mark.parametrize(
    ("path", "headers"),
    [("?access_token=" + "x" * (2 << 20), {}), ("", {f"x-{number}": "1" for number in range(200)})],
    ids=["line", "headers"],
)
async def test_a_request_that_is_too_large_is_refused(path, headers):
    async with served() as url:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"{url}/{path}", additional_headers=headers)
        assert refused.value.response.status_code == 400


class _Pings(logging.Handler):
    """Hears of the pings that a client gets, which the library answers by itself."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.first = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "< PING" in record.getMessage():
            self.first.set()


async def test_only_who_is_silent_is_asked_whether_it_is_there():
    pings, logger = _Pings(), logging.Logger("client", logging.DEBUG)
    logger.addHandler(pings)
    loop = asyncio.get_running_loop()
    async with served(ws_ping_interval=3.0) as url, websockets.connect(url, logger=logger) as client:
        talks_until = loop.time() + 4
        while loop.time() < talks_until:
            await client.send(b"here")
            await client.recv()
            await asyncio.sleep(0.1)
        assert not pings.first.is_set()
        await asyncio.wait_for(pings.first.wait(), 60)


async def test_who_does_not_answer_is_gone():
    request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    request += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    async with served(ws_ping_interval=0.2, ws_ping_timeout=0.2) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(request.encode())
        said = await asyncio.wait_for(reader.read(-1), 60)
        writer.close()
    # A ping of four bytes, and then the close with its reason.
    assert b"\x89\x04" in said
    assert said.endswith(b"\x03\xf3keepalive ping timeout")
