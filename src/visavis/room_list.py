"""The list of rooms as JSON, made once for all who ask for it at about the same time.

With ten thousand rooms it has megabytes, changes all the time, and every page at home asks for it when it does.
"""

import asyncio
import json
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from visavis.backend.base import Backend, RoomSummary
from visavis.compressed import accepts
from visavis.rest import NO_STORE

# It is made so seldom that making it takes at most a fifth of a core.
_PAUSE_FACTOR = 4.0
_LONGEST_PAUSE_SECONDS = 0.4
# Shorter ones are sent as they are.
_MIN_COMPRESSED_BYTES = 2048
# A tenth of the size already, for a quarter of the time that the usual level takes.
_LEVEL = 1
_HEADERS = {**NO_STORE, "Vary": "Accept-Encoding"}


@dataclass(slots=True)
class _Made:
    """One state of the list.

    Attributes:
        body: JSON.
        compressed: the same by gzip, once somebody has asked for that.
    """

    body: bytes
    compressed: "asyncio.Task[bytes] | None" = None


class RoomList:
    """What `GET /api/video/rooms` answers; never older than the change of rooms before it was asked for.

    Args:
        backend: whose rooms.
        clock: monotonic seconds.
    """

    def __init__(self, backend: Backend, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._clock = clock
        # Of each room that is listed: most are the same the next time.
        self._texts: dict[str, tuple[RoomSummary, str]] = {}
        self._made: _Made | None = None
        self._may_be_made_at = float("-inf")
        self._is_stale = True
        self._making: asyncio.Task[_Made] | None = None
        backend.on_change(self._change)

    async def answer(self, request: Request) -> Response:
        """The list for who sends this request."""
        made = self._made
        if made is None or self._clock() >= self._may_be_made_at:
            made = self._make()
        elif self._is_stale:
            if self._making is None or self._making.done():
                self._making = asyncio.create_task(self._make_later(), name="make the list of rooms")
            # Whoever hangs up takes it from nobody else.
            made = await asyncio.shield(self._making)
        if len(made.body) < _MIN_COMPRESSED_BYTES or not accepts(request.headers.get("accept-encoding", ""), "gzip"):
            return Response(made.body, headers=_HEADERS, media_type="application/json")
        if made.compressed is None:
            made.compressed = asyncio.create_task(self._compress(made.body), name="compress the list of rooms")
        body = await asyncio.shield(made.compressed)
        return Response(body, headers={**_HEADERS, "Content-Encoding": "gzip"}, media_type="application/json")

    def _change(self) -> None:
        self._is_stale = True

    async def _make_later(self) -> _Made:
        await asyncio.sleep(max(0.0, self._may_be_made_at - self._clock()))
        return self._make()

    def _make(self) -> _Made:
        began, self._is_stale = self._clock(), False
        body = self._written(self._backend.rooms())
        if self._made is None or self._made.body != body:
            self._made = _Made(body)
        self._rest(self._clock() - began)
        return self._made

    async def _compress(self, body: bytes) -> bytes:
        def compress() -> tuple[bytes, float]:
            began = time.thread_time()
            return zlib.compress(body, _LEVEL, wbits=31), time.thread_time() - began

        compressed, took = await asyncio.to_thread(compress)
        self._rest(took)
        return compressed

    def _rest(self, took: float) -> None:
        """Is not made again for a while."""
        at = max(self._may_be_made_at, self._clock()) + took * _PAUSE_FACTOR
        self._may_be_made_at = min(at, self._clock() + _LONGEST_PAUSE_SECONDS)

    def _written(self, rooms: Sequence[RoomSummary]) -> bytes:
        before, now = self._texts, dict[str, tuple[RoomSummary, str]]()
        for room in rooms:
            if not room.settings.is_listed:
                continue
            kept = before.get(room.id)
            now[room.id] = kept if kept is not None and (kept[0] is room or kept[0] == room) else (room, _text_of(room))
        self._texts = now
        return f"[{','.join([text for _, text in now.values()])}]".encode()


def _text_of(room: RoomSummary) -> str:
    said = {
        "id": room.id,
        "name": room.name,
        "participantCount": room.participant_count,
        "maxParticipants": room.max_participants,
        "people": [{"name": name} for name in room.people],
        "locked": room.settings.is_locked,
        "waitingRoom": room.settings.has_waiting_room,
    }
    return json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
