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
from visavis.admin.live import describe_people, describe_room
from visavis.admin.process import memory_bytes
from visavis.backend.embedded import EmbeddedBackend
from visavis.camel_case import camel_case
from visavis.errors import STATUS, ErrorKind, VisavisError
from visavis.figures import Observation
from visavis.rest import NO_STORE, Endpoint, answer, body_of, telling_errors
from visavis.signalling import LiveRoom
from visavis.signalling.messages import Reason
from visavis.signalling.moderation import mute as mute_track
from visavis.signalling.session import Session
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

    backend: EmbeddedBackend
    history: "History | None"
    guard: Guard


def admin_routes(operated: Operated) -> list[BaseRoute]:
    """The routes, for an application or a mount."""
    backend = operated.backend
    started_at = time.time()

    async def overview(_: Request) -> Response:
        seen = await _observe(backend)
        rooms = list(await backend.registry())
        return answer(
            {
                "version": version("visavis"),
                "startedAt": int(started_at * 1000),
                "uptime": time.time() - started_at,
                "cpu": seen.cpu,
                "workers": list(seen.workers),
                "cores": os.cpu_count() or 1,
                "memory": memory_bytes(),
                "bitrateIn": seen.bitrate_in,
                "bitrateOut": seen.bitrate_out,
                "packetsIn": seen.packets_in,
                "packetsOut": seen.packets_out,
                "packetsDropped": seen.packets_dropped,
                "rooms": len(rooms),
                "people": sum(live.room.people_count for live in rooms),
                "hasHistory": operated.history is not None,
            }
        )

    async def rooms(_: Request) -> Response:
        seen = await _observe(backend)
        return answer([describe_room(live, seen) for live in await backend.registry()])

    async def room(request: Request) -> Response:
        seen = await _observe(backend)
        live = await _room(backend, request)
        return answer(describe_room(live, seen) | {"people": describe_people(live, seen)})

    async def end(request: Request) -> Response:
        registry = await backend.registry()
        registry.end_room(await _room(backend, request), Reason.ROOM_DELETED)
        return answer({})

    async def remove(request: Request) -> Response:
        live = await _room(backend, request)
        live.remove(_session(live, await _texts(request, "identity")), Reason.PARTICIPANT_REMOVED)
        return answer({})

    async def mute(request: Request) -> Response:
        live = await _room(backend, request)
        asked = await _texts(request, "identity", "track")
        if mute_track(live, _session(live, asked), asked["track"]) is None:
            raise VisavisError(
                ErrorKind.TRACK_NOT_FOUND,
                f"{asked['identity']!r} publishes no track {asked['track']!r} (any more): load the room again",
            )
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
        guard.check(request)
        return await endpoint(request)

    answered = telling_errors(checked)

    async def wrapped(request: Request) -> Response:
        response = await answered(request)
        if response.status_code == STATUS[ErrorKind.TOO_MANY_REQUESTS]:
            response.headers["Retry-After"] = "60"
        return response

    return wrapped


async def _observe(backend: EmbeddedBackend) -> Observation:
    await backend.registry()
    watch = backend.watch
    if watch is None:
        raise VisavisError(ErrorKind.SERVER_STOPPING, "the server is stopping: try again in a moment")
    return await watch.observe()


async def _room(backend: EmbeddedBackend, request: Request) -> LiveRoom:
    name = request.path_params["name"]
    live = (await backend.registry()).get(name)
    if live is None:
        raise VisavisError(ErrorKind.ROOM_NOT_FOUND, f"there is no room {name!r} (any more): load the list again")
    return live


def _session(live: LiveRoom, asked: dict[str, str]) -> Session:
    participant = live.room.by_identity(asked["identity"])
    if participant is None:
        raise VisavisError(ErrorKind.NOT_IN_ROOM, f"{asked['identity']!r} is not in room {live.room.name!r} (any more)")
    return live.sessions[participant.sid]


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
        await operated.backend.registry()
        await recorder.opened()
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
