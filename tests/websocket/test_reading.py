"""Whatever frames come, in whatever pieces: applications hear and clients are told what uvicorn's own socket has it."""

import asyncio
import random

import pytest
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from handshake import HANDSHAKE
from visavis.websocket import DIRECT, SignallingSocket

LENGTHS = [0, 1, 7, 125, 126, 300, 16_384, 16_385, 20_000]


class Pipe(asyncio.Transport):
    """The way to a client that reads everything."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data):
        self.written += data

    def close(self):
        self.is_closed = True

    def is_closing(self):
        return self.is_closed

    def abort(self):
        self.is_closed = True

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


def messages(chance):
    """Frames of whole messages, and of parts with control frames between; the last may be wrong, or wrong there."""
    for _ in range(chance.randrange(1, 30)):
        payload = bytes(chance.randrange(32, 127) for _ in range(chance.choice(LENGTHS[:-4])))
        kind = chance.choice([Opcode.BINARY] * 6 + [Opcode.TEXT, Opcode.PING, Opcode.PONG])
        if kind is Opcode.BINARY and chance.random() < 0.1:
            payload = bytes(chance.choice(LENGTHS))
        if kind in (Opcode.PING, Opcode.PONG):
            yield Frame(kind, payload[:125]).serialize(mask=True)
        elif chance.random() < 0.3:
            yield Frame(kind, payload, fin=False).serialize(mask=True)
            if chance.random() < 0.5:
                yield Frame(Opcode.PING, b"between").serialize(mask=True)
            yield Frame(Opcode.CONT, payload, fin=True).serialize(mask=True)
        else:
            yield Frame(kind, payload).serialize(mask=True)
    if chance.random() < 0.3:
        yield Frame(Opcode.BINARY, b"never whole", fin=False).serialize(mask=True)
    last = Frame(chance.choice([Opcode.BINARY, Opcode.CLOSE, Opcode.CONT]), b"").serialize(mask=chance.random() < 0.7)
    yield bytes([last[0] ^ chance.choice([0, 0, 0x40, 0x01])]) + last[1:]


async def turns(count):
    """Has the loop turn so often, in which whoever is ready goes on: nothing here waits for time or a real socket."""
    for _ in range(count):
        await asyncio.sleep(0)


async def outcome(kind, pieces, *, is_direct=False):
    """What the application hears and the client is told."""
    heard = []

    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        if is_direct:
            scope["extensions"][DIRECT]["socket"].hand_over(heard.append)
            await asyncio.Event().wait()
        while not heard or heard[-1]["type"] == "websocket.receive":
            heard.append(await receive())

    config = uvicorn.Config(application, ws_max_size=1 << 16, ws_per_message_deflate=False, log_config=None)
    config.load()
    state, pipe = ServerState(), Pipe()
    protocol = kind(config, state, {})
    protocol.connection_made(pipe)
    protocol.data_received(HANDSHAKE)
    await turns(3)
    for piece in pieces:
        if not pipe.is_closed:
            protocol.data_received(piece)
        await turns(20)
    if not heard or heard[-1]["type"] == "websocket.receive":
        protocol.connection_lost(None)
        await turns(2)
    for task in list(state.tasks):
        task.cancel()
    ends = [index for index, event in enumerate(heard) if event["type"] == "websocket.disconnect"]
    return heard[: ends[0] + 1], pipe.written.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("seed", range(60))
async def test_all_is_read_as_the_library_does(seed):
    chance = random.Random(seed)
    frames = list(messages(chance))
    expected = await outcome(WebSocketsSansIOProtocol, frames)
    stream, pieces = b"".join(frames), []
    longest = chance.choice([1, 5, 200, 30_000])
    while stream and len(pieces) < 3000:
        length = chance.randrange(1, longest + 1)
        pieces.append(stream[:length])
        stream = stream[length:]
    pieces.append(stream)
    for is_direct in (False, True):
        assert await outcome(SignallingSocket, pieces, is_direct=is_direct) == expected
