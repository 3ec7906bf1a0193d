"""Receives webhooks as the host's own program does, in a thread of its own: processes post at any time."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from livekit.protocol.webhook import WebhookEvent


@dataclass
class Hook:
    """What was posted.

    Attributes:
        url: to where.
        posted: tokens and bodies, in their order.
    """

    url: str
    posted: list[tuple[str, bytes]] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def post(self, token: str, body: bytes) -> None:
        """Takes one; of any thread."""
        with self._news:
            self.posted.append((token, body))
            self._news.notify_all()

    def until(self, room: str, name: str, within: float) -> bool:
        """Blocks until that has happened in a room; False: it has not within so many seconds."""
        with self._news:
            return self._news.wait_for(lambda: name in [event.event for event in self.events(room)], within)

    def events(self, room: str) -> list[WebhookEvent]:
        """Of one room."""
        told = [json_format.Parse(body, WebhookEvent()) for _, body in list(self.posted)]
        return [event for event in told if event.room.name == room]


@contextlib.contextmanager
def hook_at(port: int) -> Iterator[Hook]:
    """Listens on loopback."""
    hook = Hook(f"http://127.0.0.1:{port}/hook")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.post(self.headers["Authorization"], body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()
