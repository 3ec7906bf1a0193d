"""`/twirp/livekit.<Service>/<Method>`: who calls, what for, and in which encoding."""

from collections.abc import Container, Mapping
from typing import Protocol

import structlog
from google.protobuf.message import Message
from livekit.protocol import egress, ingress, sip
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from visavis.agents import AgentDispatcher
from visavis.auth import Claims, KeyRing
from visavis.errors import VisavisError
from visavis.signalling import RoomRegistry
from visavis.twirp.agent_dispatch_service import agent_dispatch_service
from visavis.twirp.protocol import JSON, PROTOBUF, TwirpError, decode, encode
from visavis.twirp.room_service import ROOM_SERVICE, Method

_log = structlog.stdlib.get_logger(__name__)

MAX_BODY_BYTES = 10 << 20


class RegistrySource(Protocol):
    """Where the rooms are; they are opened with the first call that needs them."""

    keys: KeyRing
    agents: AgentDispatcher

    async def registry(self) -> RoomRegistry:
        """The open registry."""
        ...


# What LiveKit offers and we do not: known by name, so that callers learn more than "not found".
_ABSENT: Mapping[str, frozenset[str]] = {
    service.full_name: frozenset(method.name for method in service.methods)
    for module in (egress, ingress, sip)
    for service in module.DESCRIPTOR.services_by_name.values()
}


def twirp_routes(source: RegistrySource) -> list[BaseRoute]:
    """The routes, for an application or a mount."""
    services: Mapping[str, Mapping[str, Method]] = {
        "livekit.RoomService": ROOM_SERVICE,
        "livekit.AgentDispatchService": agent_dispatch_service(source.agents),
    }

    async def call(request: Request) -> Response:
        service = request.path_params["service"]
        if service not in services and service not in _ABSENT:
            return PlainTextResponse("404 page not found\n", 404)
        try:
            claims = _claims(request, source.keys)
        except VisavisError as error:
            return PlainTextResponse(error.message, 401)
        try:
            content_type = _checked_route(request, services.get(service) or _ABSENT[service])
            if service in _ABSENT:
                _require_anybody(claims)
                raise TwirpError("unimplemented", f"{service} is not served here")
            method = services[service][request.path_params["method"]]
            body = decode(method.request, content_type, await _body(request))
            answer = method.handle(await source.registry(), claims, body)
            return encode(answer if isinstance(answer, Message) else await answer, content_type)
        except TwirpError as error:
            return error.response()
        except VisavisError as error:
            return TwirpError("invalid_argument", error.message).response()
        except Exception:
            # A bug in one call must not look like anything else to its caller.
            _log.exception("twirp_call_failed", path=request.url.path)
            return TwirpError("internal", "the call failed here: see the server's log").response()

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [Route("/twirp/{service}/{method}", call, methods=methods)]


def _claims(request: Request, keys: KeyRing) -> Claims | None:
    header = request.headers.get("authorization")
    if header is None:
        token = request.query_params.get("access_token", "")
        return keys.verify(token) if token else None
    scheme, _, token = header.partition(" ")
    return keys.verify(token.strip() if scheme == "Bearer" else "")


def _require_anybody(claims: Claims | None) -> None:
    if claims is None:
        raise TwirpError("unauthenticated", "permissions denied")


def _checked_route(request: Request, methods: Container[str]) -> str:
    """The encoding of a request for a method that there is."""
    path = request.url.path
    meta = {"twirp_invalid_route": f"{request.method} {path}"}
    if request.method != "POST":
        raise TwirpError("bad_route", f'unsupported method "{request.method}" (only POST is allowed)', meta)
    if request.path_params["method"] not in methods:
        raise TwirpError("bad_route", f'no handler for path "{path}"', meta)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in (PROTOBUF, JSON):
        raise TwirpError("bad_route", f'unexpected Content-Type: "{content_type}"', meta)
    return content_type


async def _body(request: Request) -> bytes:
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > MAX_BODY_BYTES:
            raise TwirpError("resource_exhausted", f"the request has more than {MAX_BODY_BYTES} bytes: send less")
    return bytes(chunks)
