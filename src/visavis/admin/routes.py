"""The routes under `/api/admin`."""

import os
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from visavis.admin.csv_export import csv_lines
from visavis.admin.guard import Guard
from visavis.admin.process import memory_bytes
from visavis.backend.base import Backend
from visavis.camel_case import camel_case
from visavis.errors import STATUS, ErrorKind, VisavisError
from visavis.rest import NO_STORE, Endpoint, answer, body_of, telling_errors
from visavis.store.found import KINDS, MAX_PAGE_SIZE, HistoryFilter, Row

if TYPE_CHECKING:
    from visavis.store.history import History

_PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Operated:
    """What the operator looks at.

    Attributes:
        backend: where the rooms are.
        history: None: there is none.
        guard: who may.
    """

    backend: Backend
    history: "History | None"
    guard: Guard


def admin_routes(operated: Operated) -> list[BaseRoute]:
    """The routes, for an application or a mount."""
    operating = operated.backend.operating
    started_at = time.time()

    async def overview(_: Request) -> Response:
        told = {
            "version": version("visavis"),
            "startedAt": int(started_at * 1000),
            "uptime": time.time() - started_at,
            "cores": os.cpu_count() or 1,
            "memory": memory_bytes(),
            "hasHistory": operated.history is not None,
        }
        return answer(told | dict(await operating.overview()))

    async def rooms(_: Request) -> Response:
        return answer(await operating.rooms())

    async def room(request: Request) -> Response:
        return answer(await operating.room(request.path_params["name"]))

    async def end(request: Request) -> Response:
        await operating.end(request.path_params["name"])
        return answer({})

    async def remove(request: Request) -> Response:
        asked = await _texts(request, "identity")
        await operating.remove(request.path_params["name"], asked["identity"])
        return answer({})

    async def mute(request: Request) -> Response:
        asked = await _texts(request, "identity", "track")
        await operating.mute(request.path_params["name"], asked["identity"], asked["track"])
        return answer({})

    async def history(request: Request) -> Response:
        kind = request.path_params["kind"]
        limit = _number(request, "limit", _PAGE_SIZE, 1, MAX_PAGE_SIZE)
        offset = _number(request, "offset", 0, 0, 1 << 31)
        reader = await _history(operated)
        page = await reader.page(kind, _filter(request), limit=limit, offset=offset)
        return answer({"rows": [_camel(row) for row in page.rows], "total": page.total})

    async def export(request: Request) -> Response:
        kind = request.path_params["kind"]
        lines = csv_lines(await _history(operated), kind, _filter(request))
        # What cannot be read at all is said as such; once it streams, it can only be cut off.
        first = [await anext(lines), await anext(lines, "")]

        async def all_lines() -> AsyncGenerator[str]:
            for line in first:
                yield line
            async for line in lines:
                yield line

        headers = NO_STORE | {"Content-Disposition": f'attachment; filename="visavis-{kind}.csv"'}
        return StreamingResponse(all_lines(), media_type="text/csv; charset=utf-8", headers=headers)

    def route(path: str, endpoint: Endpoint, method: str = "GET") -> Route:
        return Route(f"/api/admin{path}", _guarded(operated.guard, endpoint), methods=[method])

    routes: list[BaseRoute] = [route("/overview", overview), route("/rooms", rooms)]
    for name, endpoint in (("end", end), ("remove", remove), ("mute", mute)):
        routes.append(route(f"/rooms/{{name:anything}}/{name}", endpoint, "POST"))
    routes.append(route("/rooms/{name:anything}", room))
    for kind in KINDS:
        routes.append(route(f"/history/{kind}", _of_kind(history, kind)))
        routes.append(route(f"/history/{kind}.csv", _of_kind(export, kind)))
    # Whatever else is asked here says first whether the API is on.
    routes.append(route("/{rest:path}", _nothing))
    return routes


def _of_kind(endpoint: Endpoint, kind: str) -> Endpoint:
    async def wrapped(request: Request) -> Response:
        request.path_params["kind"] = kind
        return await endpoint(request)

    return wrapped


async def _nothing(request: Request) -> Response:
    raise VisavisError(ErrorKind.INVALID_REQUEST, f"there is nothing at {request.url.path}: see docs/admin.md")


def _guarded(guard: Guard, endpoint: Endpoint) -> Endpoint:
    async def checked(request: Request) -> Response:
        await guard.check(request)
        return await endpoint(request)

    answered = telling_errors(checked)

    async def wrapped(request: Request) -> Response:
        response = await answered(request)
        if response.status_code == STATUS[ErrorKind.TOO_MANY_REQUESTS]:
            response.headers["Retry-After"] = "60"
        return response

    return wrapped


async def _texts(request: Request, *names: str) -> dict[str, str]:
    said = await body_of(request)
    texts: dict[str, str] = {}
    for name in names:
        text = said.get(name)
        if not isinstance(text, str) or not text:
            raise VisavisError(
                ErrorKind.INVALID_REQUEST, f"{name!r} is missing: send JSON with {' and '.join(map(repr, names))}"
            )
        texts[name] = text
    return texts


async def _history(operated: Operated) -> "History":
    if operated.history is None:
        raise VisavisError(
            ErrorKind.HISTORY_OFF, "there is no history: database_url is empty; name a database and start again"
        )
    recorder = operated.backend.recorder
    if recorder is not None:
        await operated.backend.start()
        await recorder.opened()
        await recorder.caught_up()
    return operated.history


def _filter(request: Request) -> HistoryFilter:
    asked = request.query_params
    since, until = (_number(request, name, -1, 0, 1 << 53) for name in ("since", "until"))
    return HistoryFilter(
        room=asked.get("room", "").strip(),
        person=asked.get("person", "").strip(),
        since=None if since < 0 else since,
        until=None if until < 0 else until,
    )


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise VisavisError(ErrorKind.INVALID_REQUEST, f"{name}={text!r} is no whole number from {least} to {most}")
    return int(text)


def _camel(row: Row) -> dict[str, Any]:
    return {camel_case(name): value for name, value in row.items() if name != "server_id"}
