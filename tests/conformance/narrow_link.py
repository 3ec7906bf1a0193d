"""A UDP proxy before a server's media port: to the client as narrow as a test wants, from it as wide as can be."""

import asyncio
import re
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from livekit.protocol import rtc as signal

Address = tuple[str, int]
LONGEST_QUEUE = 0.2
"""Seconds that a packet may have to wait; what would wait longer is lost."""
_DISCARD = 9
"""A port where nobody listens."""
_CANDIDATE = re.compile(r"(candidate:\S+ \d+ )(udp|tcp)( \d+ )\S+ \d+", re.IGNORECASE)


class NarrowLink:
    """The link of one client. Make it with `narrow_link`."""

    def __init__(self, server: Address) -> None:
        self.limit: int | None = None
        """Bit/s from the server to the client; None: as many as there are. May change at any time."""
        self.carried = 0
        """Bytes that went to the client."""
        self.lost = 0
        """Packets that found the queue full."""
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._near = self._listening()
        self._near.bind(("127.0.0.1", 0))
        self.port: int = self._near.getsockname()[1]
        self._ways: dict[Address, socket.socket] = {}
        self._queue: deque[tuple[float, bytes, Address]] = deque()
        self._free_at = 0.0
        self._loop.add_reader(self._near, self._from_client)

    def close(self) -> None:
        """Lets nothing more through."""
        for open_socket in (self._near, *self._ways.values()):
            self._loop.remove_reader(open_socket)
            open_socket.close()
        self._queue.clear()

    def lead_client(self, response: signal.SignalResponse) -> None:
        """Tells the client to send to this link and to nothing else."""
        kind = response.WhichOneof("message")
        if kind in ("join", "reconnect"):
            del getattr(response, kind).ice_servers[:]  # TURN would be a way around
        _lead(response, self.port)

    def hide_client(self, request: signal.SignalRequest) -> None:
        """Keeps the server from sending to the client but through this link."""
        _lead(request, _DISCARD)

    def _from_client(self) -> None:
        for packet, client in _received(self._near):
            self._way_of(client).send(packet)

    def _way_of(self, client: Address) -> socket.socket:
        if client not in self._ways:
            way = self._ways[client] = self._listening()
            way.connect(self._server)
            self._loop.add_reader(way, self._from_server, way, client)
        return self._ways[client]

    def _from_server(self, way: socket.socket, client: Address) -> None:
        now = self._loop.time()
        for packet, _ in _received(way):
            due = max(now, self._free_at)
            if self.limit is not None:
                if due - now > LONGEST_QUEUE:
                    self.lost += 1
                    continue
                due += len(packet) * 8 / self.limit
            self._free_at = due
            self._queue.append((due, packet, client))
            if len(self._queue) == 1:
                self._to_client()

    def _to_client(self) -> None:
        while self._queue:
            due, packet, client = self._queue[0]
            if due > self._loop.time():
                self._loop.call_at(due, self._to_client)
                return
            self._queue.popleft()
            self.carried += len(packet)
            self._near.sendto(packet, client)

    @staticmethod
    def _listening() -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        return opened


@asynccontextmanager
async def narrow_link(server_port: int) -> AsyncIterator[NarrowLink]:
    """A link to the server's media port, not narrow at first."""
    link = NarrowLink(("127.0.0.1", server_port))
    try:
        yield link
    finally:
        link.close()


def _received(opened: socket.socket) -> Iterator[tuple[bytes, Address]]:
    """What waits to be read."""
    while True:
        try:
            yield opened.recvfrom(2048)
        except (BlockingIOError, ConnectionRefusedError):  # The other end has gone.
            return


def _lead(message: signal.SignalResponse | signal.SignalRequest, port: int) -> None:
    """Makes all UDP candidates in the message lead to a port of loopback, those for TCP nowhere."""

    def lead(candidate: re.Match[str]) -> str:
        before, transport, priority = candidate.groups()
        return f"{before}{transport}{priority}127.0.0.1 {port if transport.lower() == 'udp' else _DISCARD}"

    kind = message.WhichOneof("message")
    if kind in ("offer", "answer"):
        description = getattr(message, kind)
        description.sdp = _CANDIDATE.sub(lead, description.sdp)
    elif kind == "trickle":
        message.trickle.candidateInit = _CANDIDATE.sub(lead, message.trickle.candidateInit)
