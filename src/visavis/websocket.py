"""The WebSockets of our own server: uvicorn's, with short ways for what signalling does all the time.

What is not a whole message of bytes takes the long way, through wsproto.
"""

from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto import events
from wsproto.connection import ConnectionState

_BINARY_FRAME = 0x82
_MAX_UNREAD = 16
_SHORT = 16 << 10
"""So many messages, none longer than this, may wait to be read. uvicorn stops and starts the socket for each."""


class SignallingSocket(WSProtocol):
    """Writes messages as frames without making events of them, and reads a few ahead."""

    async def send(self, message: Any) -> None:
        """ASGI."""
        data: bytes | None = message.get("bytes")
        is_open = self.handshake_complete and not self.close_sent and not self.response_started
        if data is None or not is_open or self.conn.state is not ConnectionState.OPEN:
            await super().send(message)
            return
        if not self.writable.is_set():
            await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected
        if not self.transport.is_closing():
            self.transport.write(_header(len(data)) + data)

    def handle_message(self, event: events.TextMessage | events.BytesMessage) -> None:
        """Queues a message, or keeps a part of one."""
        if (
            isinstance(event, events.BytesMessage)
            and event.message_finished
            and self.buffer.value is None
            and len(event.data) <= _SHORT
            and self.queue.qsize() < _MAX_UNREAD
        ):
            self.queue.put_nowait({"type": "websocket.receive", "bytes": bytes(event.data)})
        else:
            super().handle_message(event)


def _header(length: int) -> bytes:
    """RFC 6455, section 5.2: one whole binary message, not masked, as servers send."""
    if length < 126:
        return bytes((_BINARY_FRAME, length))
    if length < 1 << 16:
        return bytes((_BINARY_FRAME, 126)) + length.to_bytes(2)
    return bytes((_BINARY_FRAME, 127)) + length.to_bytes(8)
