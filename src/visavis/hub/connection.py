"""One client of the hub, whatever carries it: handshake, calls, timers, what waits to be sent.

Takes text and the time, gives text. Sockets are the business of `transports`, who else there is that of `hub`.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

import structlog

from visavis.hub import protocol

_log = structlog.stdlib.get_logger(__name__)

_LAST_WORDS_SECONDS = 5.0
"""How long a closing connection may take to send what waits."""


@dataclass(frozen=True, slots=True)
class HubLimits:
    """What the hub bears; times in seconds. The defaults are ASP.NET Core's where it has one.

    Attributes:
        keep_alive: a ping is sent after so long without another message.
        client_timeout: a client that is silent, or does not read, for so long is dropped. Not for long polling.
        handshake_timeout: from negotiation or connecting to the handshake.
        poll_timeout: a poll with nothing to tell is answered empty after this.
        disconnect_timeout: a long-polling client that does not come back for so long is dropped.
        max_message: characters in one message from a client.
        max_waiting: messages that may wait for one client; one more and it is dropped, alone.
        max_connections: more than this many, negotiated ones included, are refused.
        announce_interval: announcements of the server closer together than this are drawn together.
    """

    keep_alive: float = 15.0
    client_timeout: float = 30.0
    handshake_timeout: float = 15.0
    poll_timeout: float = 90.0
    disconnect_timeout: float = 15.0
    max_message: int = 32 * 1024
    max_waiting: int = 256
    max_connections: int = 10_000
    announce_interval: float = 0.1


class Transport(StrEnum):
    """What carries a connection, by SignalR's names."""

    WEB_SOCKETS = "WebSockets"
    SERVER_SENT_EVENTS = "ServerSentEvents"
    LONG_POLLING = "LongPolling"


class _State(Enum):
    NEW = auto()
    OPEN = auto()
    CLOSING = auto()
    OVER = auto()


class Connection:
    """One client. Methods must be called on the event loop's thread.

    Args:
        public_id: the id that others may know.
        token: the secret that a transport shows to belong to this connection.
        limits: see there.
        clock: monotonic seconds.
        on_invocation: called for each call of a method; answers itself, by `send`.
        on_over: called once, when the connection is over.
    """

    def __init__(
        self,
        public_id: str,
        token: str,
        *,
        limits: HubLimits,
        clock: Callable[[], float],
        on_invocation: Callable[["Connection", protocol.Invocation], None],
        on_over: Callable[["Connection"], None],
    ) -> None:
        self.public_id = public_id
        self.token = token
        self.transport: Transport | None = None
        self._limits = limits
        self._clock = clock
        self._on_invocation = on_invocation
        self._on_over = on_over
        self._state = _State.NEW
        self._framer = protocol.Framer(limits.max_message)
        self._waiting: deque[str] = deque()
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._taken_over: asyncio.Event | None = None
        self._born_at = self._heard_at = self._sent_at = self._taken_at = self._left_at = clock()
        self._closed_at = 0.0

    @property
    def is_open(self) -> bool:
        """The handshake is done and neither side has ended it."""
        return self._state is _State.OPEN

    @property
    def is_served(self) -> bool:
        """A transport (a socket, a stream, a poll) is there now."""
        return self._taken_over is not None

    @property
    def is_finished(self) -> bool:
        """Ended, and everything that waited has been taken."""
        return self._state is _State.OVER or (self._state is _State.CLOSING and not self._waiting)

    # -- from the transport ---------------------------------------------------------------------------------------

    def serve(self, transport: Transport) -> asyncio.Event:
        """A transport takes the connection; `leave` must follow, with what this returns.

        Returns:
            Set when another takes over: a client that polls anew has given up the poll before.
        """
        self.transport = transport
        self._taken_at = self._clock()
        if self._taken_over is not None:
            self._taken_over.set()
        self._taken_over = asyncio.Event()
        return self._taken_over

    def leave(self, taken_over: asyncio.Event) -> None:
        """The transport is gone: the end, unless it was one poll of many."""
        if taken_over.is_set():
            return
        self._taken_over = None
        self._left_at = self._clock()
        if self.transport is not Transport.LONG_POLLING or self.is_finished:
            self.drop()

    def receive(self, text: str) -> None:
        """Takes what the client sent. Never raises: a client that breaks the protocol is closed, as it deserves."""
        if self._state not in (_State.NEW, _State.OPEN):
            return
        self._heard_at = self._clock()
        try:
            for record in self._framer.feed(text):
                self._take(record)
        except protocol.ProtocolError as error:
            _log.info("hub client broke the protocol", connection=self.public_id, error=str(error))
            if self._state is _State.NEW:
                self._refuse("An unexpected error occurred during connection handshake.")
            else:
                self.close("Connection closed with an error.")

    async def wait_news(self) -> None:
        """Returns when there is something to take, or nothing will come any more."""
        while not self._waiting and self._state in (_State.NEW, _State.OPEN):
            self._changed.clear()
            await self._changed.wait()

    async def next_batch(self) -> str:
        """Waits for messages and returns all that wait, as one text; an empty one when the connection is over."""
        await self.wait_news()
        return self.take()

    def take(self) -> str:
        """All that waits, without waiting."""
        batch = "".join(self._waiting)
        self._waiting.clear()
        self._taken_at = self._clock()
        return batch

    async def wait_over(self) -> None:
        """Returns when the connection is over, and the transport must let go at once."""
        await self._over.wait()

    # -- from the hub ---------------------------------------------------------------------------------------------

    def send(self, record: str) -> None:
        """Puts a message in line. A client whose line is full is dropped, so that it costs nobody else anything."""
        if self._state is not _State.OPEN:
            return
        if len(self._waiting) >= self._limits.max_waiting:
            _log.warning("hub client too slow, dropped", connection=self.public_id, waiting=len(self._waiting))
            self.drop()
            return
        self._put(record)

    def announce(self, record: str) -> None:
        """As `send`, but one that waits in a long line already need not wait there twice."""
        if len(self._waiting) < self._limits.max_waiting // 4 or record not in self._waiting:
            self.send(record)

    def close(self, error: str | None = None, *, allow_reconnect: bool = False) -> None:
        """Says goodbye; the connection is over when the transport has sent that."""
        if self._state is _State.OPEN:
            self._put(protocol.close(error, allow_reconnect=allow_reconnect))
            self._finish()
        elif self._state is _State.NEW:
            self.drop()

    def drop(self) -> None:
        """Ends the connection at once; what waits is lost."""
        if self._state is _State.OVER:
            return
        self._state = _State.OVER
        self._waiting.clear()
        self._changed.set()
        self._over.set()
        self._on_over(self)

    def tick(self) -> None:
        """Looks at the clock: pings, and ends what has timed out. Call it at least once a second."""
        now, limits = self._clock(), self._limits
        polls = self.transport is Transport.LONG_POLLING
        if self._state is _State.CLOSING:
            if now - self._closed_at > _LAST_WORDS_SECONDS:
                self.drop()
        elif self._state is _State.NEW and now - self._born_at > limits.handshake_timeout:
            self._refuse("Handshake was canceled.")
        elif polls and not self.is_served and now - self._left_at > limits.disconnect_timeout:
            self.drop()
        elif self._state is _State.OPEN and not polls:
            self._tick_open(now)

    def _tick_open(self, now: float) -> None:
        if now - self._heard_at > self._limits.client_timeout:
            _log.info("hub client silent, closed", connection=self.public_id)
            self.close("Connection closed with an error.")
        elif self._waiting and now - self._taken_at > self._limits.client_timeout:
            _log.warning("hub client does not read, dropped", connection=self.public_id, waiting=len(self._waiting))
            self.drop()
        elif now - self._sent_at >= self._limits.keep_alive:
            self.send(protocol.ping())

    # -- inside ---------------------------------------------------------------------------------------------------

    def _take(self, record: str) -> None:
        if self._state is _State.NEW:
            if (error := protocol.check_handshake(record)) is not None:
                self._refuse(error)
                return
            self._state = _State.OPEN
            self._put(protocol.handshake_response())
        elif self._state is _State.OPEN:
            match protocol.parse_message(record):
                case protocol.Invocation() as call:
                    self._on_invocation(self, call)
                case protocol.Close():
                    self.drop()
                case protocol.Ping() | protocol.Ignored():
                    pass

    def _refuse(self, error: str) -> None:
        if not self.is_served and self.transport is not Transport.LONG_POLLING:
            self.drop()
            return
        self._put(protocol.handshake_response(error))
        self._finish()

    def _put(self, record: str) -> None:
        if not self._waiting:
            self._taken_at = self._clock()
        self._waiting.append(record)
        self._sent_at = self._clock()
        self._changed.set()

    def _finish(self) -> None:
        self._state = _State.CLOSING
        self._closed_at = self._clock()
        self._changed.set()
