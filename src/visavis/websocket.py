"""The WebSockets of our own server: uvicorn's on the library `websockets`, which reads a few messages ahead."""

import asyncio
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11

from visavis.waiting import Flag, Unread

_MAX_UNREAD = 16
_SHORT = 16 << 10
"""So many messages, none longer than this, may wait to be read. uvicorn stops and starts the socket for each."""

# Tokens in `?access_token=` carry metadata; so long that it is refused for its length, and not for the line's.
http11.MAX_LINE_LENGTH = max(http11.MAX_LINE_LENGTH, 1 << 20)


class SignallingSocket(WebSocketsSansIOProtocol):
    """Reads on while few and short messages wait, refuses requests that the library does not take, and keeps little."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As uvicorn makes it."""
        super().__init__(*args, **kwargs)
        self.queue = cast("asyncio.Queue[Any]", Unread[Any]())
        self.writable = cast(asyncio.Event, Flag())
        self.writable.set()
        self._heard_at = 0.0

    def data_received(self, data: bytes) -> None:
        """What the client sent."""
        self._heard_at = self.loop.time()
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # uvicorn would keep silent.
            self.handshake_initiated = True
            response = self.conn.reject(HTTPStatus.BAD_REQUEST, f"{self.conn.handshake_exc}\n")
            self.transport.write(response.serialize())
            self.transport.close()

    def start_keepalive(self) -> None:
        """The handshake is over: what was said in it is not needed any more."""
        self.request = self.response = cast(Any, None)
        super().start_keepalive()

    def send_keepalive_ping(self) -> None:
        """Asks whether the client is there, unless it has just said something: LiveKit's clients ping by themselves."""
        if self.ping_interval is None or self.loop.time() - self._heard_at >= self.ping_interval:
            super().send_keepalive_ping()
        else:
            self.schedule_ping()

    def send_receive_event_to_app(self) -> None:
        """Queues a message that is whole."""
        is_short = self.curr_msg_data_type == "bytes" and sum(map(len, self.frames)) <= _SHORT
        if not is_short or self.close_sent or self.queue.qsize() >= _MAX_UNREAD:
            super().send_receive_event_to_app()
            return
        self.queue.put_nowait({"type": "websocket.receive", "bytes": b"".join(self.frames)})
        self.frames = []
