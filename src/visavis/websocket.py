"""The WebSockets of our own server: uvicorn's on the library `websockets`, which reads a few messages ahead."""

import asyncio
from http import HTTPStatus
from typing import Any, cast

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11

from visavis.waiting import Flag, Unread

_MAX_UNREAD = 16
_LOOKS_AN_INTERVAL = 4
"""How often it is looked at who is silent, in the time after which a silent client is asked."""
_SHORT = 16 << 10
"""So many messages, none longer than this, may wait to be read. uvicorn stops and starts the socket for each."""

# Tokens in `?access_token=` carry metadata; so long that it is refused for its length, and not for the line's.
http11.MAX_LINE_LENGTH = max(http11.MAX_LINE_LENGTH, 1 << 20)


class SocketServer(uvicorn.Server):
    """Finds out which clients are gone, all in one go: a timer for each socket wakes a server that nobody talks to."""

    _asked_at = 0.0

    async def on_tick(self, counter: int) -> bool:
        """What is due by now."""
        now = asyncio.get_running_loop().time()
        if now - self._asked_at >= (self.config.ws_ping_interval or 0.0) / _LOOKS_AN_INTERVAL:
            self._asked_at = now
            for connection in list(self.server_state.connections):
                if isinstance(connection, SignallingSocket):
                    connection.ask_if_silent(now)
        return await super().on_tick(counter)


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

    def schedule_ping(self) -> None:
        """Nothing is scheduled: `SocketServer` looks at all sockets together."""

    def ask_if_silent(self, now: float) -> None:
        """Asks whether the client is there, unless it has just said something: LiveKit's clients ping by themselves.

        Args:
            now: by the event loop's clock.
        """
        is_asked = not self.handshake_complete or self.pending_ping_payload is not None
        if self.ping_interval and not is_asked and now - self._heard_at >= self.ping_interval:
            self.send_keepalive_ping()

    def send_receive_event_to_app(self) -> None:
        """Queues a message that is whole."""
        is_short = self.curr_msg_data_type == "bytes" and sum(map(len, self.frames)) <= _SHORT
        if not is_short or self.close_sent or self.queue.qsize() >= _MAX_UNREAD:
            super().send_receive_event_to_app()
            return
        self.queue.put_nowait({"type": "websocket.receive", "bytes": b"".join(self.frames)})
        self.frames = []
