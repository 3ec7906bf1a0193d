"""WHIP (RFC 9725) under `/whip/v1`: publishing by one HTTP request, as OBS and encoders do.

Who comes this way is a participant like any other, but without signalling: it announces no tracks and is told nothing.
Nothing is trickled and ICE is not restarted (so PATCH is refused): the answer has all candidates, and ours is ICE-lite.
"""

import asyncio
from dataclasses import replace

import structlog
from livekit.protocol import rtc
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from visavis.errors import ErrorKind, VisavisError
from visavis.signalling import messages
from visavis.signalling.connect import ConnectRequest, parse_connect
from visavis.signalling.live_room import LiveRoom
from visavis.signalling.messages import Reason
from visavis.signalling.outlet import Outlet
from visavis.signalling.requests import MAX_SDP_CHARACTERS
from visavis.signalling.routes import RegistrySource
from visavis.signalling.session import Session

_log = structlog.stdlib.get_logger(__name__)

_SDP = "application/sdp"
ANSWER_SECONDS = 10.0


class _Listening:
    """Hears in a client's stead what is said to it, and keeps the answer to its offer."""

    def __init__(self) -> None:
        self.outlet = Outlet()
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def until_closed(self) -> None:
        """Until the session ends."""
        try:
            await self.outlet.pump(self._hear)
        finally:
            self.outlet.finish()
            if not self.answer.done():
                self.answer.cancel()

    async def _hear(self, frame: bytes) -> None:
        response = rtc.SignalResponse.FromString(frame)
        if response.HasField("answer") and not self.answer.done():
            self.answer.set_result(response.answer.sdp)


def whip_routes(source: RegistrySource) -> list[BaseRoute]:
    """The routes, for an application or a mount."""
    listeners: set[asyncio.Task[None]] = set()

    async def create(request: Request) -> Response:
        registry = await source.registry()
        offer = await _offer(request)
        wanted = _publisher(parse_connect(request.query_params, request.headers, registry.keys))
        listening = _Listening()
        room, session = registry.join(wanted, listening.outlet)
        session.announces_nothing = True
        listener = asyncio.create_task(listening.until_closed())
        listeners.add(listener)
        listener.add_done_callback(listeners.discard)
        room.engine.publisher_offer(session.sid, 1, offer, {}, stereo=[], no_dtx=[])
        answer = await _answer(listening, room, session)
        _log.info("whip_session", participant=session.sid, room=room.room.sid)
        return _created(request, room, session, answer)

    async def end(request: Request) -> Response:
        registry = await source.registry()
        asked = parse_connect(request.query_params, request.headers, registry.keys)
        room = registry.get(asked.room)
        session = None if room is None else room.sessions.get(request.path_params["participant"])
        if room is None or session is None or not asked.claims.are_for(session.participant.claims):
            return JSONResponse({"error": "there is no such session of yours"}, 404)
        room.remove(session, Reason.CLIENT_INITIATED)
        return Response(status_code=200)

    async def endpoint(request: Request) -> Response:
        try:
            return await create(request) if request.method == "POST" else Response(status_code=204)
        except VisavisError as error:
            return JSONResponse({"error": error.message}, error.status)

    async def resource(request: Request) -> Response:
        try:
            return await end(request) if request.method == "DELETE" else Response(status_code=204)
        except VisavisError as error:
            return JSONResponse({"error": error.message}, error.status)

    return [
        Route("/whip/v1", endpoint, methods=["GET", "POST", "OPTIONS"]),
        Route("/whip/v1/{participant}", resource, methods=["GET", "DELETE", "OPTIONS"]),
    ]


async def _offer(request: Request) -> str:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _SDP:
        raise VisavisError(ErrorKind.INVALID_REQUEST, f"unsupported content-type {content_type!r}: send {_SDP}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_SDP_CHARACTERS:
            raise VisavisError(ErrorKind.INVALID_REQUEST, f"the offer has more than {MAX_SDP_CHARACTERS} bytes")
    if not body:
        raise VisavisError(ErrorKind.INVALID_REQUEST, "the body does not have an SDP offer")
    return body.decode(errors="replace")


def _publisher(request: ConnectRequest) -> ConnectRequest:
    """The request of a client that receives nothing, on its only connection."""
    if request.grants.can_publish is False:
        raise VisavisError(ErrorKind.NOT_PERMITTED, "permissions denied: the token does not grant video.canPublish")
    about = replace(request.about, protocol=messages.PROTOCOL, single_connection=True, auto_subscribe=False)
    return replace(request, about=about, resume=None, first=())


async def _answer(listening: _Listening, room: LiveRoom, session: Session) -> str:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await asyncio.shield(listening.answer)
    except (TimeoutError, asyncio.CancelledError) as error:
        room.remove(session, Reason.JOIN_FAILURE)
        if isinstance(error, asyncio.CancelledError) and not listening.answer.cancelled():
            raise  # the request itself was given up
        raise VisavisError(ErrorKind.INVALID_REQUEST, "the offer cannot be answered: is it SDP?") from error


def _created(request: Request, room: LiveRoom, session: Session, answer: str) -> Response:
    location = f"{request.scope.get('root_path', '')}/whip/v1/{session.sid}"
    response = Response(answer, 201, {"Location": location}, media_type=_SDP)
    for server in room.around.ice_servers.of(session.sid):
        for url in server.urls:
            link = f'<{url}>; rel="ice-server"; username="{server.username}"; credential="{server.credential}"'
            response.headers.append("Link", f'{link}; credential-type="password"')
    return response
