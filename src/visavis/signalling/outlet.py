"""The way out to one signalling socket: a bounded queue of frames, so that a slow reader costs only itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from visavis.waiting import Flag

# A full list of a room of 50 with large metadata is about 1 MB; who has not read 4 MB of signalling is not reading.
MAX_BYTES = 4 << 20
MAX_FRAMES = 4096

NORMAL = 1000
TRY_AGAIN_LATER = 1013


class Attached(Protocol):
    """A socket that takes frames without waiting."""

    def write(self, frame: bytes) -> None:
        """Sends it, in order."""
        ...

    def unsent(self) -> int:
        """How many bytes wait, as the client does not read."""
        ...


class Outlet:
    """Frames for one socket, in order. `send` never waits; `pump` does the sending, or what is attached."""

    def __init__(self, *, max_bytes: int = MAX_BYTES, max_frames: int = MAX_FRAMES) -> None:
        self._frames: list[bytes] = []
        self._bytes = 0
        self._max_bytes = max_bytes
        self._max_frames = max_frames
        self._close_code: int | None = None
        self._wake = Flag()
        self._is_aborted = False
        self._aborted: asyncio.Future[None] | None = None
        self._finished = Flag()
        self._attached: Attached | None = None

    @property
    def is_aborted(self) -> bool:
        """Whether what was sent and is still here is not worth waiting for."""
        return self._is_aborted

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be sent (what was queued before a `close` still goes out)."""
        return self._close_code is not None

    def send(self, frame: bytes) -> None:
        """Queues a frame; ignored after a close. A reader that lags too far behind is cut off."""
        if self._close_code is not None:
            return
        if self._attached is not None:
            if self._attached.unsent() + len(frame) > self._max_bytes:
                self.abort(TRY_AGAIN_LATER)
            else:
                self._attached.write(frame)
            return
        if self._bytes + len(frame) > self._max_bytes or len(self._frames) >= self._max_frames:
            self.abort(TRY_AGAIN_LATER)
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        self._wake.set()

    def attach(self, attached: Attached) -> None:
        """Frames go there at once from now on, those that wait first."""
        for frame in self.take():
            attached.write(frame)
        self._attached = attached

    def close(self, code: int = NORMAL) -> None:
        """Closes the socket once what is queued has been sent."""
        if self._close_code is None:
            self._close_code = code
            self._wake.set()

    def abort(self, code: int = NORMAL) -> None:
        """Closes the socket and forgets what is queued."""
        self._frames.clear()
        self._bytes = 0
        self._is_aborted = True
        self._tell_aborted()
        self.close(code)

    def aborted(self) -> "asyncio.Future[None]":
        """Done with an abort, which a `pump` that is stuck in a full socket does not notice."""
        if self._aborted is None:
            self._aborted = asyncio.get_running_loop().create_future()
            self._tell_aborted()
        return self._aborted

    def take(self) -> list[bytes]:
        """All queued frames."""
        frames, self._frames = self._frames, []
        self._bytes = 0
        return frames

    def finish(self) -> None:
        """The socket is closed: nothing more will be sent."""
        self._finished.set()

    async def finished(self) -> None:
        """Waits until the socket is closed."""
        await self._finished.wait()

    async def closed(self) -> int:
        """Waits for the close of an outlet that something is attached to; returns the code to close the socket with."""
        while self._close_code is None:
            self._wake.clear()
            await self._wake.wait()
        return self._close_code

    async def pump(self, send: Callable[[bytes], Awaitable[None]]) -> int:
        """Sends frame after frame until the outlet is closed; returns the code to close the socket with."""
        while True:
            while self._frames:
                frame = self._frames.pop(0)
                self._bytes -= len(frame)
                await send(frame)
            if self._close_code is not None:
                return self._close_code
            self._wake.clear()
            await self._wake.wait()

    def _tell_aborted(self) -> None:
        if self._is_aborted and self._aborted is not None and not self._aborted.done():
            self._aborted.set_result(None)
