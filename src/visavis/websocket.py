"""The WebSockets of our own server: uvicorn's on the library `websockets`, which reads a few messages ahead."""

from http import HTTPStatus

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11

_MAX_UNREAD = 16
_SHORT = 16 << 10
"""So many messages, none longer than this, may wait to be read. uvicorn stops and starts the socket for each."""

# Tokens in `?access_token=` carry metadata; so long that it is refused for its length, and not for the line's.
http11.MAX_LINE_LENGTH = max(http11.MAX_LINE_LENGTH, 1 << 20)


class SignallingSocket(WebSocketsSansIOProtocol):
    """Goes on reading while few and short messages wait, and refuses requests that the library does not take."""

    def data_received(self, data: bytes) -> None:
        """What the client sent."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # uvicorn would keep silent.
            self.handshake_initiated = True
            response = self.conn.reject(HTTPStatus.BAD_REQUEST, f"{self.conn.handshake_exc}\n")
            self.transport.write(response.serialize())
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        """Queues a message that is whole."""
        is_short = self.curr_msg_data_type == "bytes" and sum(map(len, self.frames)) <= _SHORT
        if not is_short or self.close_sent or self.queue.qsize() >= _MAX_UNREAD:
            super().send_receive_event_to_app()
            return
        self.queue.put_nowait({"type": "websocket.receive", "bytes": b"".join(self.frames)})
        self.frames = []
