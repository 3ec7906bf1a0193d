"""What the REST routes under `/api/video` share: reading tokens and bodies, answering, telling errors."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from visavis.backend.base import Backend, Entry
from visavis.errors import ErrorKind, VisavisError

MAX_BODY_BYTES = 16 << 10
NO_STORE = {"Cache-Control": "no-store"}

Endpoint = Callable[[Request], Awaitable[Response]]


class _Anything(Convertor[str]):
    """A part of a path with whatever is in it: a name with a slash or a line break is refused as a name, with words."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())


def bearer(request: Request) -> str | None:
    """What a request carries as `Authorization: Bearer …`."""
    scheme, _, held = request.headers.get("authorization", "").partition(" ")
    return held.strip() or None if scheme.lower() == "bearer" else None


def held_token(request: Request) -> str:
    """The token that a request must carry.

    Raises:
        VisavisError: `NO_TOKEN`.
    """
    held = bearer(request)
    if held is None:
        raise VisavisError(
            ErrorKind.NO_TOKEN, "no token: send the one from /api/video/token as `Authorization: Bearer …`"
        )
    return held


async def body_of(request: Request) -> Mapping[str, object]:
    """The JSON object that a request carries; none is an empty one.

    Raises:
        VisavisError: `INVALID_REQUEST`.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise VisavisError(ErrorKind.INVALID_REQUEST, f"the body has more than {MAX_BODY_BYTES} bytes")
    try:
        read: object = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise VisavisError(ErrorKind.INVALID_REQUEST, f"the body is not JSON ({error})") from error
    if not isinstance(read, dict):
        raise VisavisError(ErrorKind.INVALID_REQUEST, "the body is not a JSON object: send {…}")
    return cast(dict[str, object], read)


def signalling_url(request: Request, backend: Backend) -> str:
    """Where LiveKit clients connect: at the backend's own URL, or as the caller of this request reaches us."""
    if backend.client_url is not None:
        return backend.client_url
    scheme = "wss" if request.url.scheme in ("https", "wss") else "ws"
    return f"{scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"


def answer(content: object, status: int = 200) -> Response:
    """A JSON answer that nobody stores."""
    return JSONResponse(content, status, headers=NO_STORE)


def entry_answer(request: Request, backend: Backend, entry: Entry, *, of_room: bool) -> Response:
    """A token, and where and as whom to connect with it."""
    url = signalling_url(request, backend)
    body: dict[str, object] = {"token": entry.token, "url": url, "identity": entry.identity}
    if of_room:
        body["moderator"] = entry.is_moderator
    return answer(body)


def telling_errors(endpoint: Endpoint) -> Endpoint:
    """The endpoint, answering with the kind and the words of a `VisavisError`."""

    async def wrapped(request: Request) -> Response:
        try:
            return await endpoint(request)
        except VisavisError as error:
            return answer({"error": error.kind.value, "message": error.message}, error.status)

    return wrapped
