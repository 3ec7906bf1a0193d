"""The WebSockets of our own server: uvicorn's on the library `websockets`, which reads a few messages ahead."""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11

_MAX_UNREAD = 16
_SHORT = 16 << 10
"""So many messages, none longer than this, may wait to be read. uvicorn stops and starts the socket for each."""

# Long tokens in `?access_token=` make request lines of 16 KiB and more. uvicorn has a limit of its own before this.
http11.MAX_LINE_LENGTH = max(http11.MAX_LINE_LENGTH, 64 << 10)


class SignallingSocket(WebSocketsSansIOProtocol):
    """Goes on reading while few and short messages wait."""

    def send_receive_event_to_app(self) -> None:
        """Queues a message that is whole."""
        is_short = self.curr_msg_data_type == "bytes" and sum(map(len, self.frames)) <= _SHORT
        if not is_short or self.close_sent or self.queue.qsize() >= _MAX_UNREAD:
            super().send_receive_event_to_app()
            return
        self.queue.put_nowait({"type": "websocket.receive", "bytes": b"".join(self.frames)})
        self.frames = []
