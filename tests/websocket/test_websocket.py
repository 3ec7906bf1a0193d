"""Our own server's WebSockets carry what uvicorn's do: messages of every length and kind, in order, both ways."""

import asyncio
import gc
import logging
import socket
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
import websockets
from websockets.frames import Frame, Opcode

from handshake import HANDSHAKE
from visavis.websocket import DIRECT, SignallingSocket, SocketServer


async def echo(scope, receive, send):
    """As ASGI has it: it waits for each message."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "close":
            await send({"type": "websocket.close", "code": 4321})
            continue
        # It reads slower than they come.
        await asyncio.sleep(0)
        await send({**message, "type": "websocket.send"})


async def direct_echo(scope, receive, send):
    """The same where messages come."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    socket, end = scope["extensions"][DIRECT]["socket"], asyncio.get_running_loop().create_future()

    def take(event):
        if end.done():
            return
        if event["type"] == "websocket.disconnect":
            end.set_result(None)
        elif event.get("text") == "close":
            end.set_result(4321)
        else:
            socket.write(event["bytes"] if event.get("bytes") is not None else event["text"])

    # Messages may have come before.
    await asyncio.sleep(0)
    socket.hand_over(take)
    if (code := await end) is not None:
        await send({"type": "websocket.close", "code": code})


@pytest.fixture(params=[echo, direct_echo])
def application(request):
    return request.param


@asynccontextmanager
async def served(application, **settings: float) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            application,
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
async def test_messages_of_every_length_come_back(application, length):
    async with served(application) as url, websockets.connect(url) as client:
        for message in (b"x" * length, "é" * length):
            await client.send(message)
            assert await client.recv() == message


async def test_a_flood_is_answered_in_order(application):
    messages = [number.to_bytes(4) * (1 if number % 7 else 20_000) for number in range(200)]
    async with served(application) as url, websockets.connect(url) as client:
        sending = asyncio.create_task(asyncio.wait_for(send_all(client, messages), 30))
        assert [await client.recv() for _ in messages] == messages
        await sending


async def test_a_message_in_parts_is_one(application):
    async with served(application) as url, websockets.connect(url) as client:
        await client.send([b"one ", b"two ", b"three"])
        assert await client.recv() == b"one two three"


@asynccontextmanager
async def connected(url):
    """A client that says what it is told byte by byte, and takes little before it is read from."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", int(url.rpartition(":")[2])))
    reader, writer = await asyncio.open_connection(sock=raw)
    writer.write(HANDSHAKE)
    try:
        async with asyncio.timeout(60):
            await reader.readuntil(b"\r\n\r\n")
            yield reader, writer
    finally:
        writer.close()


async def test_frames_may_come_in_any_pieces(application):
    short, long = Frame(Opcode.BINARY, bytes(range(200))), Frame(Opcode.BINARY, bytes(20_000))
    sent = [short, Frame(Opcode.PING, b"p"), long, short]
    frames = b"".join(frame.serialize(mask=True) for frame in sent)
    pong = Frame(Opcode.PONG, b"p").serialize(mask=False)
    answers = b"".join(frame.serialize(mask=False) for frame in (short, long, short))
    async with served(application) as url, connected(url) as (reader, writer):
        for step in (3, 150, len(frames)):
            for begin in range(0, len(frames), step):
                writer.write(frames[begin : begin + step])
                await writer.drain()
                # The server, on the same loop, has its turn, so that pieces come apart.
                await asyncio.sleep(0)
            said = await reader.readexactly(len(answers) + len(pong))
            assert said.replace(pong, b"", 1) == answers


class Counting:
    """A transport that counts what is written."""

    def __init__(self, transport):
        self.transport = transport
        self.writes = []

    def __getattr__(self, name):
        return getattr(self.transport, name)

    def write(self, data):
        self.writes.append(data)
        self.transport.write(data)


async def test_what_came_together_is_answered_in_order_and_together():
    counting = []

    async def application(scope, receive, send):
        socket = scope["extensions"][DIRECT]["socket"]
        socket.transport = Counting(socket.transport)
        counting.append(socket.transport)
        await direct_echo(scope, receive, send)

    one, two, ping = Frame(Opcode.BINARY, b"one"), Frame(Opcode.BINARY, b"two"), Frame(Opcode.PING, b"p")
    pong = Frame(Opcode.PONG, b"p")
    async with served(application) as url, connected(url) as (reader, writer):
        for sent, writes in (
            ([one, two], [[one, two]]),
            ([one, ping, two, one], [[one], [pong], [two, one]]),
            ([one], [[one]]),
        ):
            writer.write(b"".join(frame.serialize(mask=True) for frame in sent))
            expected = [b"".join(frame.serialize(mask=False) for frame in frames) for frames in writes]
            begin = len(counting[0].writes)
            assert await reader.readexactly(sum(map(len, expected))) == b"".join(expected)
            assert counting[0].writes[begin:] == expected


@pytest.mark.parametrize(
    "frames",
    [
        Frame(Opcode.BINARY, b"one").serialize(mask=False),
        Frame(Opcode.BINARY, b"one", fin=False).serialize(mask=True) + Frame(Opcode.BINARY, b"2").serialize(mask=True),
        b"\xc2\x81\x00\x00\x00\x00x",
        b"\x83\x81\x00\x00\x00\x00x",
    ],
    ids=["not masked", "a new message within one", "a bit of no extension", "of no kind"],
)
async def test_what_is_no_frame_ends_the_connection(application, frames):
    async with served(application) as url, connected(url) as (reader, writer):
        writer.write(frames)
        said = await reader.read(-1)
        assert said[0] == 0x88
        assert int.from_bytes(said[2:4]) == 1002


async def test_what_came_before_the_end_is_heard_by_who_is_slow():
    heard = []

    async def slow(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await lost.wait()
        while (message := await receive())["type"] == "websocket.receive":
            heard.append(message["bytes"])
        heard.append(message["type"])

    lost = asyncio.Event()
    async with served(slow) as url:
        async with websockets.connect(url) as client:
            await send_all(client, [b"one", b"two"])
        lost.set()
    assert heard == [b"one", b"two", "websocket.disconnect"]


async def test_short_messages_that_nobody_reads_count_as_what_they_cost():
    counted = asyncio.get_running_loop().create_future()

    async def pour(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        socket, count = scope["extensions"][DIRECT]["socket"], 0
        while not socket.is_stuck:
            socket.write(bytes(1 << 16))
        begin = socket.unsent()
        while socket.unsent() < begin + (1 << 20):
            socket.write(b"x")
            count += 1
        counted.set_result(count)
        while socket.is_stuck:
            await send({"type": "websocket.send", "bytes": b"all is read"})
        counted_anew.set_result(socket.unsent())

    counted_anew = asyncio.get_running_loop().create_future()
    async with served(pour) as url, connected(url) as (reader, _):
        assert await counted < 1100
        while not counted_anew.done():
            await reader.read(1 << 16)
        assert await counted_anew < 1 << 16


async def test_a_socket_that_is_gone_is_not_kept():
    gone = asyncio.Event()

    async def application(scope, receive, send):
        weakref.finalize(scope["extensions"][DIRECT]["socket"], gone.set)
        await direct_echo(scope, receive, send)

    gc.collect()
    gc.disable()
    try:
        async with served(application) as url:
            async with websockets.connect(url) as client:
                await client.send(b"hello")
                await client.recv()
            await asyncio.wait_for(gone.wait(), 30)
    finally:
        gc.enable()


async def test_the_server_ends_though_one_who_closes_does_not_read():
    closing = asyncio.Event()

    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        socket = scope["extensions"][DIRECT]["socket"]
        socket.write(bytes(8 << 20))
        socket.hand_over(lambda _: closing.set())
        await asyncio.Event().wait()

    async with served(application, timeout_graceful_shutdown=1) as url, connected(url) as (_, writer):
        writer.write(Frame(Opcode.CLOSE, b"").serialize(mask=True))
        await closing.wait()


async def test_what_is_too_long_ends_the_connection(application):
    async with served(application) as url, websockets.connect(url) as client:
        await client.send(b"x" * ((1 << 20) + 1))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_the_applications_close_reaches_the_client(application):
    async with served(application) as url, websockets.connect(url) as client:
        await client.send("close")
        await client.wait_closed()
        assert client.close_code == 4321


async def send_all(client, messages):
    for message in messages:
        await client.send(message)


async def test_a_request_line_may_be_as_long_as_large_tokens_make_it(application):
    async with served(application) as url, websockets.connect(f"{url}/?access_token={'x' * 900_000}") as client:
        await client.send(b"through")
        assert await client.recv() == b"through"


@pytest.mark.parametrize(
    ("path", "headers"),
    [("?access_token=" + "x" * (2 << 20), {}), ("", {f"x-{number}": "1" for number in range(200)})],
    ids=["line", "headers"],
)
async def test_a_request_that_is_too_large_is_refused(application, path, headers):
    async with served(application) as url:
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


async def test_only_who_is_silent_is_asked_whether_it_is_there(application):
    pings, logger = _Pings(), logging.Logger("client", logging.DEBUG)
    logger.addHandler(pings)
    loop = asyncio.get_running_loop()
    async with served(application, ws_ping_interval=3.0) as url, websockets.connect(url, logger=logger) as client:
        talks_until = loop.time() + 4
        while loop.time() < talks_until:
            await client.send(b"here")
            await client.recv()
            await asyncio.sleep(0.1)
        assert not pings.first.is_set()
        await asyncio.wait_for(pings.first.wait(), 60)


async def test_who_does_not_answer_is_gone(application):
    async with served(application, ws_ping_interval=0.2, ws_ping_timeout=0.2) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(HANDSHAKE)
        said = await asyncio.wait_for(reader.read(-1), 60)
        writer.close()
    # A ping of four bytes, and then the close with its reason.
    assert b"\x89\x04" in said
    assert said.endswith(b"\x03\xf3keepalive ping timeout")
