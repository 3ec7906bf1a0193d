"""The WebSockets of our own server: uvicorn's on the library `websockets`, with a way past both for short messages.

Nearly all of signalling is binary messages of one short frame, pings above all. To the library, and to wake a task for
each, they are many times the work of doing what they ask for.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import uvicorn
from starlette.types import Message
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11
from websockets.exceptions import InvalidState
from websockets.frames import apply_mask  # pyright: ignore[reportPrivateImportUsage]  # in C, where that is there

from visavis.waiting import Flag, Unread

DIRECT = "visavis.direct"
"""The extension of an ASGI scope whose `"socket"` is the `SignallingSocket`, for applications that need not wait."""

_MAX_UNREAD = 16
FRAMES_A_TURN = 4
"""So many frames are answered at once: clients ping twice, in the old manner and the new. Who floods takes turns."""
_KEPT_FOR_A_WRITE = 1 << 10
"""Bytes that a message is counted as, besides its own, while it waits: uvloop keeps some hundred for each."""
_LOOKS_AN_INTERVAL = 4
"""How often it is looked at who is silent, in the time after which a silent client is asked."""
_SHORT = 16 << 10
"""So many messages, none longer than this, may wait to be read. uvicorn stops and starts the socket for each."""

# Of a frame (RFC 6455, 5.2): its first byte if it is a whole binary message, bits of that and of the second, lengths.
_BINARY = 0x82
_FINAL, _CONTROL, _MASKED = 0x80, 0x08, 0x80
_IN_TWO_BYTES, _IN_EIGHT_BYTES = 126, 127

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
        self._unread = b""
        """Of what came, what is no whole frame yet or waits for its turn."""
        self._owed = 0
        """So many bytes are to come of the frame that the library reads."""
        self._is_in_parts = False
        """More of the last message is to come."""
        self._take: Callable[[Message], None] | None = None
        self._waiting = 0
        """Messages that were written since the client stopped reading."""
        self._held: list[bytes] | None = None
        """What was written while frames are read; None: none are, and what is written goes out at once."""

    # -- what comes ----------------------------------------------------------------------------------------------------
    def data_received(self, data: bytes) -> None:
        """What the client sent."""
        self._heard_at = self.loop.time()
        if self.handshake_initiated:
            self._read_frames(self._unread + data if self._unread else data)
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # uvicorn would keep silent.
            self.handshake_initiated = True
            response = self.conn.reject(HTTPStatus.BAD_REQUEST, f"{self.conn.handshake_exc}\n")
            self.transport.write(response.serialize())
            self.transport.close()

    def handle_connect(self, event: http11.Request) -> None:
        """A client wants to connect."""
        super().handle_connect(event)
        if not self.close_sent:
            cast(dict[str, Any], self.scope)["extensions"][DIRECT] = {"socket": self}

    def start_keepalive(self) -> None:
        """The handshake is over: what was said in it is not needed any more."""
        self.request = self.response = cast(Any, None)
        super().start_keepalive()

    def hand_over(self, take: Callable[[Message], None]) -> None:
        """Has `take` called at once with each event from now on, in place of `receive` of ASGI."""
        waiting, self.queue = self.queue, cast("asyncio.Queue[Any]", _Handed(take))
        self._take = take
        while not waiting.empty():
            take(cast(Message, waiting.get_nowait()))
        self._resume_reading()

    def _read_frames(self, data: bytes) -> None:
        """Reads what came, and sends in one piece what is answered meanwhile.

        Clients ping twice at a time, and uvloop makes a system call of each write, which wakes the client.
        """
        self._held = []
        try:
            self._read_messages(data)
        finally:
            self._let_go()

    def _read_messages(self, data: bytes) -> None:
        """Reads short binary messages, and has the library read all else."""
        begin = min(self._owed, len(data))
        if begin > 0:
            self._owed -= begin
            self._have_library_read(data[:begin])
        turns = FRAMES_A_TURN
        while (frame := _frame_at(data, begin)) is not None:
            payload, end = frame
            first, is_masked = data[begin], data[begin + 1] & _MASKED
            is_whole = first == _BINARY and not self._is_in_parts
            is_plain = is_whole and is_masked and end - payload <= _SHORT and not self.close_sent
            if is_plain and end > len(data):
                break
            if self._take is not None and turns == 0:
                self.transport.pause_reading()
                self.loop.call_soon(self._read_on)
                break
            turns -= 1
            if is_plain:
                self._put(apply_mask(data[payload:end], data[payload - 4 : payload]))
            else:
                if not first & _CONTROL:
                    self._is_in_parts = not first & _FINAL
                # Piece by piece, as they come: a long one is not kept here. It also tells the client what is wrong.
                self._owed = max(0, end - len(data))
                self._have_library_read(data[begin:end])
            begin = end
        self._unread = data[begin:]

    def _have_library_read(self, data: bytes) -> None:
        # It may answer, and past what is held.
        self._let_go()
        super().data_received(data)
        self._held = []

    def _read_on(self) -> None:
        if self.disconnected:
            return
        self._resume_reading()
        try:
            self._read_frames(self._unread)
        except Exception:
            # As the loop does where `data_received` raises; what was handed over already must not be so again.
            self.transport.abort()
            raise

    def send_receive_event_to_app(self) -> None:
        """The library has read a message."""
        is_short = self.curr_msg_data_type == "bytes" and sum(map(len, self.frames)) <= _SHORT
        if is_short and not self.close_sent:
            message, self.frames = b"".join(self.frames), []
            self._put(message)
            return
        super().send_receive_event_to_app()
        if self._take is not None:
            self._resume_reading()

    def _put(self, message: bytes) -> None:
        self.queue.put_nowait({"type": "websocket.receive", "bytes": message})
        if self.queue.qsize() > _MAX_UNREAD and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        self.read_paused = False
        self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        super().connection_lost(exc)
        # Else they keep each other.
        if hasattr(self, "scope"):
            cast(dict[str, Any], self.scope)["extensions"].pop(DIRECT, None)
        if self._take is not None:
            self._take, self.queue = None, cast("asyncio.Queue[Any]", Unread[Any]())

    # -- what goes -----------------------------------------------------------------------------------------------------
    def write(self, message: bytes | str) -> None:
        """Sends a message without waiting; does nothing once the connection is about to end."""
        if self.close_sent or self.transport.is_closing():
            return
        if self.is_stuck:
            self._waiting += 1
        if isinstance(message, str):
            self.conn.send_text(message.encode())
            self._put_out(b"".join(self.conn.data_to_send()))
            return
        length = len(message)
        if length < _IN_TWO_BYTES:
            header = bytes((_BINARY, length))
        elif length < 1 << 16:
            header = bytes((_BINARY, _IN_TWO_BYTES)) + length.to_bytes(2)
        else:
            header = bytes((_BINARY, _IN_EIGHT_BYTES)) + length.to_bytes(8)
        self._put_out(header + message)

    def _put_out(self, frame: bytes) -> None:
        if self._held is None:
            self.transport.write(frame)
        else:
            self._held.append(frame)

    def _let_go(self) -> None:
        """Sends what is held, and holds no more."""
        held, self._held = self._held, None
        if held:
            self.transport.write(b"".join(held))

    @property
    def is_stuck(self) -> bool:
        """Whether the client reads so little that whoever can wait does."""
        return not self.writable.is_set()

    def unsent(self) -> int:
        """About how many bytes are kept here until the client reads."""
        return self.transport.get_write_buffer_size() + self._waiting * _KEPT_FOR_A_WRITE

    def resume_writing(self) -> None:
        """The client has read nearly all."""
        super().resume_writing()
        self._waiting = 0

    def handle_ping(self) -> None:
        """Answers a ping that came; only not of who sends them and does not read."""
        if self.is_stuck:
            self.conn.data_to_send()
        else:
            super().handle_ping()

    async def send(self, message: Any) -> None:
        """Does what the application says, as ASGI has it."""
        await super().send(message)
        if message["type"] == "websocket.close" and self.close_timer is not None:
            # uvicorn would wait for ever until what was sent is read.
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def shutdown(self) -> None:
        """The server ends."""
        try:
            super().shutdown()
        except InvalidState:
            # It has said that it closes, and does not read our answer.
            self.transport.abort()

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


class _Handed:
    """In place of the queue of a socket that hands over what comes."""

    __slots__ = ("put_nowait",)

    def __init__(self, take: Callable[[Message], None]) -> None:
        self.put_nowait = take

    def qsize(self) -> int:
        return 0


def _frame_at(data: bytes, begin: int) -> tuple[int, int] | None:
    """Where the payload of the frame that begins there begins and ends; None: its header is not whole."""
    if len(data) < begin + 2:
        return None
    second, payload = data[begin + 1], begin + 2
    length = second & ~_MASKED
    if length >= _IN_TWO_BYTES:
        payload += 2 if length == _IN_TWO_BYTES else 8
        length = int.from_bytes(data[begin + 2 : payload])
    if second & _MASKED:
        payload += 4
    return None if len(data) < payload else (payload, payload + length)
