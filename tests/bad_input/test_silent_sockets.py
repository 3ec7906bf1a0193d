"""Five hundred sockets that open and say nothing, of each kind."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import websockets
from wire import Signalling, joined, rtc_url

from servers import PEER, MediaServer

COUNT = 500
ours = pytest.mark.skipif(bool(PEER), reason="livekit-server has no hub")


async def open_all(make: Callable[[int], Awaitable[object]]) -> list[object]:
    """Opens them, some at a time."""
    gate = asyncio.Semaphore(20)

    async def one(n: int) -> object:
        async with gate:
            return await make(n)

    return await asyncio.gather(*(one(n) for n in range(COUNT)))


async def test_silent_tcp_connections_to_http(target: MediaServer, room: str) -> None:
    await silent_tcp(target.http_port, target, room)


async def test_silent_tcp_connections_to_ice_tcp(target: MediaServer, room: str) -> None:
    await silent_tcp(target.tcp_port, target, room)


async def silent_tcp(port: int, target: MediaServer, room: str) -> None:
    async def connect(_: int) -> asyncio.StreamWriter:
        return (await asyncio.open_connection("127.0.0.1", port))[1]

    writers = await open_all(connect)
    try:
        await others_get_in(target, room)
    finally:
        for writer in writers:
            assert isinstance(writer, asyncio.StreamWriter)
            writer.transport.abort()


async def test_http_requests_that_never_end(target: MediaServer, room: str) -> None:
    async def begin(_: int) -> asyncio.StreamWriter:
        _, writer = await asyncio.open_connection("127.0.0.1", target.http_port)
        writer.write(b"GET /rtc HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        return writer

    writers = await open_all(begin)
    try:
        await others_get_in(target, room)
    finally:
        for writer in writers:
            assert isinstance(writer, asyncio.StreamWriter)
            writer.transport.abort()


async def test_participants_that_say_nothing(target: MediaServer, room: str) -> None:
    async with AsyncExitStack() as stack:

        async def join(n: int) -> Signalling:
            token = target.token(f"silent-{n}", f"{room}-{n // 40}")
            socket = await websockets.connect(rtc_url(target, token), open_timeout=30)
            # Not `close`: it would wait for the server's answer behind all that this client never read.
            stack.callback(socket.transport.abort)
            client = Signalling(socket)
            assert (await client.next()).WhichOneof("message") == "join"
            return client

        await open_all(join)
        await others_get_in(target, room)


@ours
async def test_hub_connections_that_say_nothing(target: MediaServer, room: str) -> None:
    url = f"{target.url}/notificationHub"
    async with AsyncExitStack() as stack:

        async def connect(_: int) -> websockets.ClientConnection:
            return await stack.enter_async_context(websockets.connect(url))

        await open_all(connect)
        await others_get_in(target, room)
        async with websockets.connect(url) as talker:
            await talker.send('{"protocol":"json","version":1}\x1e')
            assert await asyncio.wait_for(talker.recv(), 5) == "{}\x1e"


@ours
async def test_hub_negotiations_that_are_never_used(target: MediaServer, room: str) -> None:
    # By hand: an HTTP client that takes milliseconds for each would starve the call's own ends in this process.
    request = b"POST /notificationHub/negotiate?negotiateVersion=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"

    async def negotiate(_: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.http_port)
        writer.write(request + b"Connection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer.split(b"\r\n")[0]

    assert set(await open_all(negotiate)) == {b"HTTP/1.1 200 OK"}
    await others_get_in(target, room)


async def others_get_in(target: MediaServer, room: str) -> None:
    async with asyncio.timeout(5), joined(target, "late", room) as late:
        await late.answers_pings()
