"""A real uvicorn around the hub on this loop, and small clients that speak to it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from visavis.hub import HubLimits, NotificationHub
from visavis.hub.protocol import RECORD_SEPARATOR

HANDSHAKE = '{"protocol":"json","version":1}' + RECORD_SEPARATOR
QUICK = HubLimits(announce_interval=0.02)


class Served:
    """A hub behind a listening socket."""

    def __init__(self, hub: NotificationHub, origin: str, prefix: str) -> None:
        self.hub = hub
        self.origin = origin
        self.url = f"{origin}{prefix}/notificationHub"
        self.ws_url = self.url.replace("http", "ws", 1)


@asynccontextmanager
async def serving(limits: HubLimits = QUICK, prefix: str = "", **options: Any) -> AsyncIterator[Served]:
    hub = NotificationHub(limits=limits, **options)

    async def announce(request: Request) -> Response:
        await hub.broadcast(True)
        return JSONResponse({"connections": hub.connection_count})

    async def count(request: Request) -> Response:
        return JSONResponse({"connections": hub.connection_count})

    async def restart(request: Request) -> Response:
        await hub.aclose()
        hub._is_closing = False
        return JSONResponse({})

    routes = [Mount(prefix, routes=hub.routes())] if prefix else hub.routes()
    app = Starlette(
        routes=[
            *routes,
            Route("/announce", announce, methods=["POST"]),
            Route("/count", count),
            Route("/restart", restart, methods=["POST"]),
        ]
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Served(hub, f"http://127.0.0.1:{listener.getsockname()[1]}", prefix)
    finally:
        await hub.aclose()
        server.should_exit = True
        await task
        listener.close()


class WebSocketClient:
    """A client that has done nothing but open its WebSocket."""

    def __init__(self, socket_: websockets.ClientConnection) -> None:
        self.socket = socket_
        self._records: list[dict[str, Any]] = []

    async def send(self, *records: str | dict[str, Any]) -> None:
        texts = [r if isinstance(r, str) else json.dumps(r) + RECORD_SEPARATOR for r in records]
        await self.socket.send("".join(texts))

    async def receive(self) -> dict[str, Any]:
        while not self._records:
            text = await asyncio.wait_for(self.socket.recv(), 5)
            assert isinstance(text, str)
            assert text.endswith(RECORD_SEPARATOR)
            self._records = [json.loads(record) for record in text.split(RECORD_SEPARATOR)[:-1]]
        return self._records.pop(0)

    async def until_closed(self) -> list[dict[str, Any]]:
        """What still came before the end."""
        received: list[dict[str, Any]] = []
        with suppress(websockets.ConnectionClosed):
            while True:
                received.append(await self.receive())
        return received


@asynccontextmanager
async def websocket(served: Served, query: str = "", *, handshake: bool = True) -> AsyncIterator[WebSocketClient]:
    async with websockets.connect(served.ws_url + query) as socket_:
        client = WebSocketClient(socket_)
        if handshake:
            await client.send(HANDSHAKE)
            assert await client.receive() == {}
        yield client
