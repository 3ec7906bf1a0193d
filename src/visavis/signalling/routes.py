"""`/rtc` and `/rtc/v1` as routes: refusals before the upgrade to a WebSocket, then one socket's frames in and out."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import structlog
from livekit.protocol import rtc
from starlette.datastructures import Headers, QueryParams
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from visavis.errors import VisavisError
from visavis.signalling import messages
from visavis.signalling.carrying import GONE, carry
from visavis.signalling.connect import ConnectRequest, parse_connect
from visavis.signalling.frames import BadFrame, decode
from visavis.signalling.live_room import LiveRoom
from visavis.signalling.messages import Reason
from visavis.signalling.outlet import Outlet
from visavis.signalling.registry import RoomRegistry
from visavis.signalling.requests import handle
from visavis.signalling.session import Session

_log = structlog.stdlib.get_logger(__name__)

_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
# The body is for people, as LiveKit's is: clients show it as it comes. The kind is for programs, which say it in
# a language of their own.
_KIND = "Visavis-Error"


class RegistrySource(Protocol):
    """Where the rooms are; they are opened with the first request that needs them."""

    async def registry(self) -> RoomRegistry:
        """The open registry."""
        ...


def signalling_routes(source: RegistrySource) -> list[BaseRoute]:
    """The routes under `/rtc`."""
    return [
        Route("/rtc", _no_upgrade, methods=["GET"]),
        Route("/rtc/v1", _no_upgrade, methods=["GET"]),
        WebSocketRoute("/rtc", _Socket(source, is_v1=False)),
        WebSocketRoute("/rtc/v1", _Socket(source, is_v1=True)),
        Route("/rtc/validate", _validate_endpoint(source, is_v1=False), methods=["GET"]),
        Route("/rtc/v1/validate", _validate_endpoint(source, is_v1=True), methods=["GET"]),
    ]


async def _no_upgrade(_: Request) -> Response:
    return Response(status_code=404, headers=_ANY_ORIGIN)


def _validate_endpoint(source: RegistrySource, *, is_v1: bool) -> Callable[[Request], Awaitable[Response]]:
    async def validate(request: Request) -> Response:
        try:
            registry = await source.registry()
            registry.check(_parse(request, registry, is_v1))
        except VisavisError as error:
            return _refusal(error)
        return PlainTextResponse("success", headers=_ANY_ORIGIN)

    return validate


class _Socket:
    """The endpoint as ASGI: Starlette puts frames of its own around a function, for as long as the socket is open."""

    def __init__(self, source: RegistrySource, *, is_v1: bool) -> None:
        self._source = source
        self._is_v1 = is_v1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket, outlet = WebSocket(scope, receive, send), Outlet()
        try:
            entered, first = _enter(websocket, outlet, await self._source.registry(), self._is_v1)
        except VisavisError as error:
            _log.info("connect_refused", kind=error.kind, message=error.message)
            await websocket.send_denial_response(_refusal(error))
            return
        _forget_request(scope)
        try:
            await _serve(websocket, outlet, entered, first)
        finally:
            outlet.abort()
            outlet.finish()
            if entered is not None:
                room, session = entered
                room.socket_lost(session, outlet)


def _enter(
    websocket: WebSocket, outlet: Outlet, registry: RoomRegistry, is_v1: bool
) -> tuple[tuple[LiveRoom, Session] | None, list[rtc.SignalRequest]]:
    """Joins or resumes, if there is something to resume; returns what the client asks for at once, too.

    Raises:
        VisavisError: it is not let in.
    """
    request = _parse(websocket, registry, is_v1)
    entered = registry.join(request, outlet) if request.resume is None else registry.resume(request, outlet)
    if entered is None:
        outlet.send(messages.leave(Reason.STATE_MISMATCH, rtc.LeaveRequest.RECONNECT, protocol=request.about.protocol))
        outlet.close()
    return entered, list(request.first)


def _parse(connection: HTTPConnection, registry: RoomRegistry, is_v1: bool) -> ConnectRequest:
    # Not the connection's own properties, which it would keep.
    query, headers = QueryParams(connection.scope["query_string"]), Headers(scope=connection.scope)
    return parse_connect(query, headers, registry.keys, is_v1=is_v1)


def _forget_request(scope: Scope) -> None:
    """What it said is known by now, is long (its token), and would be kept as long as the socket."""
    scope["headers"], scope["query_string"], scope["raw_path"] = [], b"", b""


def _refusal(error: VisavisError) -> Response:
    headers = {**_ANY_ORIGIN, _KIND: error.kind, "Access-Control-Expose-Headers": _KIND}
    return PlainTextResponse(error.message, status_code=error.status, headers=headers)


async def _serve(
    websocket: WebSocket,
    outlet: Outlet,
    entered: tuple[LiveRoom, Session] | None,
    first: list[rtc.SignalRequest],
) -> None:
    """Reads and writes until either side is done."""
    with suppress(*GONE):
        await websocket.accept()
        if entered is None:
            await carry(websocket, outlet, lambda _: None)
            return
        room, session = entered
        while first and not outlet.is_closed:
            _obey(room, session, first.pop(0))  # an offer among them is long, and not kept

        def hear(frame: bytes | str) -> None:
            session.last_heard = room.around.now()
            _obey(room, session, frame)

        await carry(websocket, outlet, hear)


def _obey(room: LiveRoom, session: Session, request: rtc.SignalRequest | bytes | str) -> None:
    """Does what a client asks; if that cannot be, its session ends."""
    try:
        handle(room, session, request if isinstance(request, rtc.SignalRequest) else decode(request, rtc.SignalRequest))
    except BadFrame as error:
        _log.warning("bad_frame", participant=session.sid, reason=str(error))
        room.remove(session, Reason.STATE_MISMATCH)
    except Exception:
        # A bug that one client's message met must cost nobody else anything.
        _log.exception("request_failed", participant=session.sid)
        room.remove(session, Reason.STATE_MISMATCH, action=rtc.LeaveRequest.RECONNECT)
