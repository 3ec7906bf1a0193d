"""Serves a `Visavis` by itself: the HTTP socket, limits for callers that say nothing, and an end in the right order."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from visavis.app import Visavis
from visavis.errors import ErrorKind, VisavisError
from visavis.turn_bridge import bridge, is_turn
from visavis.websocket import SignallingSocket, SocketServer

# A caller that opens a connection sends its request at once.
_REQUEST_WITHIN = 15.0
# Signalling refuses a frame from 2 MiB with words; what is larger still is cut off here.
_MAX_FRAME = 4 << 20
_BACKLOG = 2048
# So old the answers' `Date` may be.
_TICK_SECONDS = 1.0
# A join makes some thousand objects that live on: with Python's 700, the collector looks through them several times in
# each, and finds next to nothing.
_OBJECTS_BETWEEN_COLLECTIONS = 20_000


class _ImpatientHttp(HttpToolsProtocol):
    """Hangs up on connections that never send a request, and passes on those that speak TURN."""

    media: tuple[str, int] | None = None
    """Where the media core takes TURN from this port; None: it does not."""
    _patience: asyncio.TimerHandle | None = None
    _bridging: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = self.loop.call_later(_REQUEST_WITHIN, transport.abort)

    def data_received(self, data: bytes) -> None:
        if self.media is not None and self._patience is not None and is_turn(data):
            self._be_patient()
            self.connections.discard(self)
            # Kept here, so that it is not collected before it is done.
            self._bridging = self.loop.create_task(bridge(self.transport, data, self.media))
            return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._be_patient()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._be_patient()
        super().connection_lost(exc)

    def _be_patient(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class _Server(SocketServer):
    """Ends on Ctrl-C with status 0, and tells participants before their sockets are closed."""

    def __init__(self, config: uvicorn.Config, video: Visavis) -> None:
        super().__init__(config)
        self._video = video
        self._is_told = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._is_told.set()

    async def main_loop(self) -> None:
        # uvicorn's looks ten times a second whether to end: more than half of what a server costs that nobody uses.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._is_told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # No more callers while those that are here are told.
        for server in self.servers:
            server.close()
        await self._video.stop()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """The HTTP socket.

    Raises:
        VisavisError: `BIND_FAILED`, naming the address.
    """
    try:
        # "::" is all of this machine, over IPv4 as well.
        both = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=_family(host), backlog=_BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise VisavisError(
            ErrorKind.BIND_FAILED,
            f"cannot open port {port} on {host}: {reason}; stop what uses it or choose another (--port)",
        ) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def serve(
    video: Visavis,
    http: socket.socket,
    *,
    tls: tuple[Path, Path] | None = None,
    trusted_proxies: str | None = None,
    media: tuple[str, int] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM, then ends within two seconds.

    Args:
        http: listening.
        tls: certificate and key, in PEM.
        trusted_proxies: addresses whose `X-Forwarded-…` headers are believed, separated by commas; ``"*"`` is all.
        media: where the media core takes TURN that comes to this port; None: it does not.
    """
    settings: dict[str, Any] = {}
    if tls is not None:
        settings |= {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]}
    if trusted_proxies is not None:
        settings |= {"forwarded_allow_ips": trusted_proxies}
    config = uvicorn.Config(
        video,
        http=type("_Http", (_ImpatientHttp,), {"media": media}),
        ws=SignallingSocket,
        ws_max_size=_MAX_FRAME,
        ws_per_message_deflate=False,
        proxy_headers=trusted_proxies is not None,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        **settings,
    )
    await video.start()
    _collect_seldom()
    try:
        await _Server(config, video).serve(sockets=[http])
    finally:
        await video.stop()


def _collect_seldom() -> None:
    """What is here now stays, so that the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
