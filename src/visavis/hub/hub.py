"""The notification hub `/notificationHub`: who is connected, what they may call, who hears of it.

One method, `RoomsUpdated(flag)`: from a client to all others, from the server to all. What it carries is only "ask
again", so it is open to everybody who may see the page.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from visavis.hub import protocol, tickets, transports
from visavis.hub.connection import Connection, HubLimits, Transport

_log = structlog.stdlib.get_logger(__name__)

_ROOMS_UPDATED = "RoomsUpdated"
_AVAILABLE_TRANSPORTS = [
    {"transport": Transport.WEB_SOCKETS, "transferFormats": ["Text", "Binary"]},
    {"transport": Transport.SERVER_SENT_EVENTS, "transferFormats": ["Text"]},
    {"transport": Transport.LONG_POLLING, "transferFormats": ["Text", "Binary"]},
]
"""In the order in which clients try them."""
_MAX_POST = 256 * 1024
"""Bytes in one POST: several messages of the greatest size."""


class Fanout(Protocol):
    """The hubs of several processes, which are one to their clients."""

    @property
    def secret(self) -> bytes:
        """All of them know it, and nobody else."""
        ...

    def on_word(self, callback: Callable[[bool], None]) -> None:
        """Calls `callback` with what clients of the other hubs say to all."""

    async def pass_on(self, flag: bool) -> None:
        """A client of this one says something to all."""


class NotificationHub:
    """Serves SignalR clients; see `docs/hub.md`.

    Args:
        fanout: the other processes; None: this is the only one. With them, one process may answer where a connection
            is negotiated and another one where it is opened, so only WebSockets are offered: of the other transports
            each request would have to come to the same process.
        path: where, relative to the application or mount.
        limits: timeouts and sizes.
        allow_origins: pages of other origins that may connect; ``"*"`` is any. Nothing here depends on who asks.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        path: str = "/notificationHub",
        limits: HubLimits | None = None,
        allow_origins: Sequence[str] = ("*",),
        clock: Callable[[], float] = time.monotonic,
        fanout: Fanout | None = None,
    ) -> None:
        self._path = path
        self._fanout = fanout
        self._passing: set[asyncio.Task[None]] = set()
        if fanout is not None:
            fanout.on_word(self._hear)
        self._limits = limits or HubLimits()
        self._allow_origins = frozenset(allow_origins)
        self._clock = clock
        self._connections: dict[str, Connection] = {}
        self._heartbeat: asyncio.Task[None] | None = None
        self._announcer: asyncio.Task[None] | None = None
        self._announced_at = float("-inf")
        self._flag_to_announce = False
        self._empty = asyncio.Event()
        self._empty.set()
        self._is_closing = False

    def routes(self) -> list[BaseRoute]:
        """The hub's routes, for an application or a mount."""
        methods = ["GET", "POST", "DELETE", "OPTIONS"]
        return [
            Route(f"{self._path}/negotiate", self._negotiate, methods=["POST", "OPTIONS"]),
            Route(self._path, self._http, methods=methods),
            WebSocketRoute(self._path, self._websocket),
        ]

    @property
    def connection_count(self) -> int:
        """Clients that have done the handshake and are still there."""
        return sum(connection.is_open for connection in self._connections.values())

    async def broadcast(self, flag: bool) -> None:
        """Announces to every client that the rooms have changed.

        The first of a burst goes out at once, the others as one, `HubLimits.announce_interval` later.
        """
        if self.announce(flag):
            await asyncio.sleep(0)  # lets it run: without a burst before, all is in line when this returns

    def announce(self, flag: bool) -> bool:
        """The same a moment later, without waiting for it; returns whether this is the first of a burst."""
        if self._is_closing:
            return False
        self._flag_to_announce |= flag
        if self._announcer is not None:
            return False
        self._announcer = asyncio.create_task(self._announce(), name="hub announcer")
        return True

    async def aclose(self) -> None:
        """Tells every client to come back later, and ends within a second or so. New ones are refused.

        Call it before the HTTP server shuts down, which waits for open streams.
        """
        self._is_closing = True
        for connection in list(self._connections.values()):
            connection.close(allow_reconnect=True)
            if not connection.is_served:
                connection.drop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._empty.wait()
        for connection in list(self._connections.values()):
            connection.drop()
        for task in (self._heartbeat, self._announcer):
            if task is not None:
                task.cancel()
        self._heartbeat = self._announcer = None

    # -- HTTP -----------------------------------------------------------------------------------------------------

    async def _negotiate(self, request: Request) -> Response:
        headers = self._cors(request)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        raw_version = _query(request, "negotiateVersion") or "0"
        try:
            version = min(int(raw_version), 1)
        except ValueError:
            return JSONResponse({"error": "The client requested a non-integer protocol version."}, headers=headers)
        if version < 0:
            error = f"The client requested version '{version}', but the server does not support this version."
            return JSONResponse({"error": error}, headers=headers)
        if self._fanout is not None:
            return JSONResponse(self._tickets_answer(self._fanout.secret, version), headers=headers)
        connection = self._new_connection(has_secret=version > 0)
        if connection is None:
            return PlainTextResponse("The hub is full or going down; try later.", 503, headers)
        answer: dict[str, object] = {"negotiateVersion": version, "connectionId": connection.public_id}
        if version > 0:
            answer["connectionToken"] = connection.token
        answer["availableTransports"] = _AVAILABLE_TRANSPORTS
        return JSONResponse(answer, headers=headers)

    def _tickets_answer(self, secret: bytes, version: int) -> dict[str, object]:
        """Without keeping anything, for another process may be asked next."""
        ticket = tickets.issue(secret, time.time())
        answer: dict[str, object] = {"negotiateVersion": version, "availableTransports": _AVAILABLE_TRANSPORTS[:1]}
        if version > 0:
            return answer | {"connectionId": secrets.token_urlsafe(16), "connectionToken": ticket}
        return answer | {"connectionId": ticket}

    async def _http(self, request: Request) -> Response:
        headers = self._cors(request)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        token = _query(request, "id")
        if not token:
            return PlainTextResponse("Connection ID required", 400, headers)
        connection = self._connections.get(token)
        if connection is None:
            return PlainTextResponse("No Connection with that ID", 404, headers)
        match request.method:
            case "GET":
                response = await self._get(request, connection)
            case "POST":
                response = await self._post(request, connection)
            case "DELETE":
                response = self._delete(connection)
            case method:
                response = PlainTextResponse(f"{method} is not a method of the hub", 405)
        response.headers.update(headers)
        return response

    async def _get(self, request: Request, connection: Connection) -> Response:
        streams = "text/event-stream" in request.headers.get("accept", "")
        wanted = Transport.SERVER_SENT_EVENTS if streams else Transport.LONG_POLLING
        if connection.transport not in (None, wanted):
            return PlainTextResponse("Cannot change transports mid-connection", 400)
        if not streams:
            return await transports.serve_poll(request, connection, self._limits.poll_timeout)
        if connection.is_served:
            return PlainTextResponse("This connection is open already.", 409)
        return transports.EventStream(connection)

    async def _post(self, request: Request, connection: Connection) -> Response:
        if connection.transport is Transport.WEB_SOCKETS:
            return PlainTextResponse("POST requests are not allowed for WebSocket connections.", 405)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_POST:
                return PlainTextResponse(f"The request is longer than {_MAX_POST} bytes.", 413)
        connection.receive(body.decode(errors="replace"))
        return PlainTextResponse("")

    def _delete(self, connection: Connection) -> Response:
        if connection.transport is not Transport.LONG_POLLING:
            return PlainTextResponse("Cannot terminate this connection using the DELETE endpoint.", 400)
        connection.drop()
        return PlainTextResponse("", 202)

    async def _websocket(self, websocket: WebSocket) -> None:
        token = _query(websocket, "id")
        # Without an id: a client that skips negotiation.
        connection = self._connections.get(token) if token else self._new_connection(has_secret=True)
        if connection is None and self._fanout is not None and tickets.is_good(self._fanout.secret, token, time.time()):
            connection = self._new_connection(has_secret=True, token=token)
        if connection is None:
            refusal = PlainTextResponse("No Connection with that ID", 404) if token else PlainTextResponse("Full", 503)
            await websocket.send_denial_response(refusal)
        elif connection.transport is not None:
            await websocket.send_denial_response(PlainTextResponse("This connection is open already.", 409))
        else:
            await transports.serve_websocket(websocket, connection)

    def _cors(self, request: Request) -> dict[str, str]:
        origin = request.headers.get("origin")
        if origin is None or not self._allow_origins & {"*", origin}:
            return {}
        headers = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Vary": "Origin"}
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
            asked = request.headers.get("access-control-request-headers")
            headers["Access-Control-Allow-Headers"] = asked or "Content-Type"
            headers["Access-Control-Max-Age"] = "600"
        return headers

    # -- connections ----------------------------------------------------------------------------------------------

    def _new_connection(self, *, has_secret: bool, token: str = "") -> Connection | None:
        if self._is_closing or len(self._connections) >= self._limits.max_connections:
            _log.warning("hub refuses a connection", connections=len(self._connections), closing=self._is_closing)
            return None
        public_id = secrets.token_urlsafe(16)
        connection = Connection(
            public_id,
            token or (secrets.token_urlsafe(16) if has_secret else public_id),
            limits=self._limits,
            clock=self._clock,
            on_invocation=self._invoke,
            on_over=self._forget,
        )
        self._connections[connection.token] = connection
        self._empty.clear()
        if self._heartbeat is None:
            self._heartbeat = asyncio.create_task(self._beat(), name="hub heartbeat")
        return connection

    def _forget(self, connection: Connection) -> None:
        self._connections.pop(connection.token, None)
        if not self._connections:
            self._empty.set()

    async def _beat(self) -> None:
        limits = self._limits
        shortest = min(limits.keep_alive, limits.client_timeout, limits.handshake_timeout, limits.disconnect_timeout)
        while self._connections:
            await asyncio.sleep(min(1.0, shortest / 4))
            for connection in list(self._connections.values()):
                connection.tick()
        self._heartbeat = None

    # -- the method -----------------------------------------------------------------------------------------------

    def _invoke(self, caller: Connection, call: protocol.Invocation) -> None:
        error = _refusal(call)
        if error is None:
            self._announce_to_all(bool(call.arguments[0]), but=caller)
            if self._fanout is not None:
                task = asyncio.create_task(self._fanout.pass_on(bool(call.arguments[0])), name="pass on")
                self._passing.add(task)
                task.add_done_callback(self._passing.discard)
        else:
            _log.info("hub call refused", connection=caller.public_id, target=call.target[:100], error=error[:200])
        if call.invocation_id is not None:
            caller.send(protocol.completion(call.invocation_id, error=error))

    def _hear(self, flag: bool) -> None:
        """A client of another process's hub says something to all."""
        self._announce_to_all(flag)

    def _announce_to_all(self, flag: bool, *, but: Connection | None = None) -> None:
        record = protocol.invocation(_ROOMS_UPDATED, flag)
        for connection in list(self._connections.values()):
            if connection is not but:
                connection.announce(record)

    async def _announce(self) -> None:
        """Sends what is to be announced, no faster than the interval; ends when nothing came meanwhile."""
        pause = self._announced_at + self._limits.announce_interval - self._clock()
        if pause > 0:
            await asyncio.sleep(pause)
        self._announced_at = self._clock()
        flag, self._flag_to_announce = self._flag_to_announce, False
        self._announcer = None
        self._announce_to_all(flag)


def _refusal(call: protocol.Invocation) -> str | None:
    """Why the call cannot be done, in ASP.NET Core's words; None: it can."""
    if call.target.lower() != _ROOMS_UPDATED.lower():
        return f"Failed to invoke '{call.target}' due to an error on the server. HubException: Method does not exist."
    if len(call.arguments) != 1 or not isinstance(call.arguments[0], bool):
        return f"Failed to invoke '{call.target}' due to an error on the server."
    if call.is_streaming:
        return f"The client attempted to invoke the non-streaming '{call.target}' method with a streaming invocation."
    if call.stream_ids:
        return (
            f"An unexpected error occurred invoking '{call.target}' on the server. "
            f"HubException: Client sent {len(call.stream_ids)} stream(s), Hub method expects 0."
        )
    return None


def _query(request: Request | WebSocket, name: str) -> str:
    """A query parameter; ASP.NET Core does not look at the case of names, and clients in the field rely on it."""
    wanted = name.lower()
    return next((value for key, value in request.query_params.multi_items() if key.lower() == wanted), "")
