"""The REST under `/api/video`: tokens, list of rooms, what was said in a room's chat, connection tests."""

from collections.abc import Awaitable, Callable

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from visavis.backend.base import Backend
from visavis.errors import ErrorKind, VisavisError
from visavis.identity import Identify, caller_of

_NO_STORE = {"Cache-Control": "no-store"}


class _Anything(Convertor[str]):
    """A part of a path with whatever is in it: a name with a slash or a line break is refused as a name, with words."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())


def api_routes(backend: Backend, identify: Identify | None) -> list[BaseRoute]:
    """The routes, for an application or a mount."""

    async def token(request: Request) -> Response:
        caller = await caller_of(request, identify)
        room = request.query_params.get("room")
        minted = backend.token(caller.identity, name=caller.name, room=room)
        return _answer(request, minted, caller.identity)

    async def room_token(request: Request) -> Response:
        minted = backend.exchange(_held_token(request), request.path_params["name"])
        return _answer(request, minted, backend.identity_of(minted))

    async def checkup(request: Request) -> Response:
        # Whom the host refuses tests nothing. Who it is does not matter: the test's participants are nobody.
        await caller_of(request, identify)
        begun = backend.checkup("" if request.client is None else request.client.host)
        body = {
            "url": signalling_url(request),
            "room": begun.room,
            "sender": begun.sender,
            "hearer": begun.hearer,
            "probes": list(begun.probes),
            "seconds": begun.seconds,
        }
        return JSONResponse(body, 201, headers=_NO_STORE)

    async def chat(request: Request) -> Response:
        messages = [
            {
                "id": said.id,
                "identity": said.identity,
                "name": said.name,
                "text": said.text,
                "attributes": dict(said.attributes),
                "secondsAgo": round(said.seconds_ago, 3),
            }
            for said in backend.chat(_held_token(request), request.path_params["name"])
        ]
        return JSONResponse({"messages": messages}, headers=_NO_STORE)

    async def rooms(request: Request) -> Response:
        # Whom the host refuses sees no rooms either.
        await caller_of(request, identify)
        found = [
            {
                "id": room.id,
                "name": room.name,
                "participantCount": room.participant_count,
                "maxParticipants": room.max_participants,
            }
            for room in backend.rooms()
        ]
        return JSONResponse(found, headers=_NO_STORE)

    return [
        Route("/api/video/token", _telling_errors(token), methods=["GET"]),
        Route("/api/video/rooms/{name:anything}/token", _telling_errors(room_token), methods=["POST"]),
        Route("/api/video/rooms/{name:anything}/chat", _telling_errors(chat), methods=["GET"]),
        Route("/api/video/checkup", _telling_errors(checkup), methods=["POST"]),
        Route("/api/video/rooms", _telling_errors(rooms), methods=["GET"]),
    ]


def _held_token(request: Request) -> str:
    scheme, _, held = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not held.strip():
        raise VisavisError(
            ErrorKind.NO_TOKEN, "no token: send the one from /api/video/token as `Authorization: Bearer …`"
        )
    return held.strip()


def signalling_url(request: Request) -> str:
    """Where LiveKit clients connect, as the caller of this request reaches us: scheme, host and mount prefix."""
    scheme = "wss" if request.url.scheme in ("https", "wss") else "ws"
    return f"{scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


def _answer(request: Request, token: str, identity: str) -> Response:
    body = {"token": token, "url": signalling_url(request), "identity": identity}
    return JSONResponse(body, headers=_NO_STORE)


def _telling_errors(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def wrapped(request: Request) -> Response:
        try:
            return await endpoint(request)
        except VisavisError as error:
            body = {"error": error.kind.value, "message": error.message}
            return JSONResponse(body, error.status, headers=_NO_STORE)

    return wrapped
