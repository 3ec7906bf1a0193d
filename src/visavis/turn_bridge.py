"""TURN on the port of HTTPS: a connection that begins with STUN instead of a request is passed on to the media core.

For networks that let nothing but port 443 through. TLS has ended here, so these packets pass through the event loop;
where that is too dear, TURN has a port of its own in the core (`--turn-tls-port`).
"""

import asyncio
import contextlib
from typing import cast

import structlog

_log = structlog.stdlib.get_logger(__name__)

_MAGIC_COOKIE = b"\x21\x12\xa4\x42"
# Where no request line is text: STUN's type begins with two zero bits, and the cookie follows its length.
_HEADER = 8


def is_turn(start: bytes) -> bool:
    """Whether a connection that begins so speaks TURN, and not HTTP."""
    return len(start) >= _HEADER and start[0] < 0x40 and start[4:_HEADER] == _MAGIC_COOKIE


class TurnBridge(asyncio.Protocol):
    """One side of a bridge: what comes in goes out at the other, no faster than that takes it."""

    def __init__(self) -> None:
        """Not connected yet."""
        self.transport: asyncio.Transport | None = None
        self.other: TurnBridge | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """This side is there."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Passes on."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the other side, too."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()
        self.transport = None

    def pause_writing(self) -> None:
        """Has the other side wait."""
        self._let_other_read(False)

    def resume_writing(self) -> None:
        """The other side may go on."""
        self._let_other_read(True)

    def _let_other_read(self, reading: bool) -> None:
        transport = self.other.transport if self.other is not None else None
        if transport is None or transport.is_closing():
            return
        # The transport may do so already.
        with contextlib.suppress(RuntimeError):
            (transport.resume_reading if reading else transport.pause_reading)()


async def bridge(client: asyncio.Transport, start: bytes, media: tuple[str, int]) -> None:
    """Takes over a client's connection, which began with `start`, and connects it to the core's media port."""
    outside = TurnBridge()
    client.pause_reading()
    client.set_protocol(outside)
    outside.connection_made(client)
    try:
        _, inside = await asyncio.get_running_loop().create_connection(TurnBridge, *media)
    except OSError as error:
        _log.warning("turn_bridge_failed", error=str(error))
        client.close()
        return
    outside.other, inside.other = inside, outside
    if outside.transport is None:
        # It went meanwhile.
        cast(asyncio.Transport, inside.transport).close()
        return
    outside.data_received(start)
    client.resume_reading()
