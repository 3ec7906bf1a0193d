"""Carries the frames of one client, in and out, until its socket or its outlet is done.

On our own server's sockets this needs no task: a client's request is answered where it was read. On any other server
that the application may be mounted in, it is done as ASGI has it, by one task that reads and one that writes.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import structlog
from livekit.protocol import rtc
from starlette.types import Message as Event
from starlette.websockets import WebSocket, WebSocketDisconnect

from visavis.signalling.frames import Frames
from visavis.signalling.outlet import Outlet
from visavis.websocket import DIRECT, FRAMES_A_TURN, SignallingSocket

_log = structlog.stdlib.get_logger(__name__)

GONE = (WebSocketDisconnect, RuntimeError, OSError)
"""What is raised where the client has gone meanwhile; RuntimeError is Starlette's."""
_LAST_WORDS_SECONDS = 1.0

Hear = Callable[[bytes | str], None]


async def carry(websocket: WebSocket, outlet: Outlet, hear: Hear) -> None:
    """Sends what comes out of `outlet`, and has `hear` called with each frame until that is closed.

    Args:
        websocket: accepted.
        outlet: its close closes the socket.
        hear: raises nothing.

    Raises:
        WebSocketDisconnect, RuntimeError, OSError: the client had gone already.
    """
    frames = Frames(websocket, answer=rtc.SignalResponse)
    direct = websocket.scope.get("extensions", {}).get(DIRECT)
    if direct is None:
        await _by_tasks(websocket, outlet, frames, hear)
    else:
        await _directly(cast(SignallingSocket, direct["socket"]), websocket, outlet, frames, hear)


class _Direct:
    """A socket of our own server, attached to an outlet."""

    def __init__(self, socket: SignallingSocket, frames: Frames) -> None:
        self.unsent = socket.unsent
        self._socket = socket
        self._frames = frames

    def write(self, frame: bytes) -> None:
        self._socket.write(self._frames.encoded(frame))


async def _directly(socket: SignallingSocket, websocket: WebSocket, outlet: Outlet, frames: Frames, hear: Hear) -> None:
    def take(event: Event) -> None:
        try:
            frame = frames.heard(event)
        except WebSocketDisconnect:
            outlet.abort()
            return
        if not outlet.is_closed:
            hear(frame)

    outlet.attach(_Direct(socket, frames))
    socket.hand_over(take)
    code = await outlet.closed()
    if not (outlet.is_aborted and socket.is_stuck):
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await websocket.close(code)
                return
    # It does not read.
    socket.transport.abort()


async def _by_tasks(websocket: WebSocket, outlet: Outlet, frames: Frames, hear: Hear) -> None:
    writer = asyncio.create_task(_write(websocket, outlet, frames))
    reader = asyncio.create_task(_read(frames, outlet, hear))
    tasks: set[asyncio.Future[None]] = {writer, reader, outlet.aborted()}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if outlet.is_closed and not writer.done():
            # The reader ended because of what it read: let what explains this go out, if the client takes it.
            await asyncio.wait([writer], timeout=_LAST_WORDS_SECONDS)
        elif not outlet.is_closed and not reader.done():
            # The writer found the socket gone, and what the client said before, as that it leaves, is not read yet.
            await asyncio.wait([reader], timeout=_LAST_WORDS_SECONDS)
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, GONE):
                _log.error("socket_failed", exc_info=result)


async def _write(websocket: WebSocket, outlet: Outlet, frames: Frames) -> None:
    code = await outlet.pump(frames.send)
    await websocket.close(code)


async def _read(frames: Frames, outlet: Outlet, hear: Hear) -> None:
    while True:
        for _ in range(FRAMES_A_TURN):
            frame = await frames.receive()
            if outlet.is_closed:
                return
            hear(frame)
            if outlet.is_closed:
                return
        await asyncio.sleep(0)
