"""Pages open at home: each follows the hub of one app process and fetches the list as ours does (web/src/rooms)."""

import asyncio
import json
import time
import zlib
from collections.abc import Mapping
from typing import Any

import websockets

from control.wire import Answer, Wire

ROOMS = "/api/video/rooms"
_END = "\x1e"
_PING = json.dumps({"type": 6}) + _END
_PING_SECONDS = 15.0
_HANDSHAKE = '{"protocol":"json","version":1}' + _END


class Page:
    """One page.

    Attributes:
        list_ms: how long each fetch took.
        list_bytes: what came over the wire with each.
        lag_ms: of rooms that were expected: until this page's list had them.
        notices: how often the hub said that there is something new.
    """

    def __init__(self, app: Wire) -> None:
        self.list_ms: list[float] = []
        self.list_bytes: list[int] = []
        self.lag_ms: list[float] = []
        self.notices = 0
        self._app = app
        self._expected: dict[bytes, float] = {}
        self._told = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Opens it; returns when the hub has let it in."""
        answer = await self._app.ask("POST", "/notificationHub/negotiate?negotiateVersion=1")
        ticket = json.loads(answer.body)["connectionToken"]
        socket = await websockets.connect(f"ws://127.0.0.1:{self._app.port}/notificationHub?id={ticket}")
        await socket.send(_HANDSHAKE)
        await socket.recv()
        doing = (self._follow(socket), self._ping(socket), self._fetch_when_told())
        self._tasks = [asyncio.create_task(each) for each in doing]

    def expect(self, room: str) -> None:
        """A room is about to begin: how long until it is in the list?"""
        self._expected[json.dumps({"name": room})[1:-1].replace(": ", ":").encode()] = time.perf_counter()

    def taken_lag(self) -> list[float]:
        """Those since it was asked last; what was begun in one phase may end in the next."""
        taken, self.lag_ms = self.lag_ms, []
        return taken

    def forget(self) -> None:
        """Begins to measure the rest anew."""
        self.list_ms, self.list_bytes, self.notices = [], [], 0

    @property
    def failure(self) -> BaseException | None:
        """What ended it."""
        return next((task.exception() for task in self._tasks if task.done() and not task.cancelled()), None)

    async def aclose(self) -> None:
        """Closes it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, socket: Any) -> None:
        async with socket:
            async for message in socket:
                if '"RoomsUpdated"' in message:
                    self.notices += 1
                    self._told.set()
        raise ConnectionError("the hub has closed the connection")

    async def _ping(self, socket: Any) -> None:
        """Silent clients are dropped."""
        while True:
            await asyncio.sleep(_PING_SECONDS)
            await socket.send(_PING)

    async def _fetch_when_told(self) -> None:
        while True:
            await self._told.wait()
            self._told.clear()
            began = time.perf_counter()
            answer = await self._app.ask("GET", ROOMS, {"accept-encoding": "gzip"})
            if answer.status != 200:
                raise RuntimeError(f"the list was not told: {answer.status}")
            now = time.perf_counter()
            self.list_ms.append((now - began) * 1e3)
            self.list_bytes.append(len(answer.body))
            if self._expected:
                body = text_of(answer)
                for room in [room for room in self._expected if room in body]:
                    self.lag_ms.append((now - self._expected.pop(room)) * 1e3)


def text_of(answer: Answer) -> bytes:
    """What an answer says."""
    return zlib.decompress(answer.body, wbits=31) if answer.headers.get("content-encoding") == "gzip" else answer.body


async def listed(app: Wire) -> Mapping[str, int]:
    """How many people an app process tells of, in each room."""
    answer = await app.ask("GET", ROOMS, {"accept-encoding": "gzip"})
    return {room["name"]: room["participantCount"] for room in json.loads(text_of(answer))}
