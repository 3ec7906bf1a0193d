"""The REST of rooms under `/api/video/rooms`: making, entering and waiting, and what those who moderate one do."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from visavis.backend.base import Backend, RoomState
from visavis.errors import ErrorKind, VisavisError
from visavis.rest import answer, body_of, entry_answer, held_token, telling_errors
from visavis.rooms import RoomSettings
from visavis.signalling.moderation import SOURCES

WAIT_SECONDS = 20.0

_SETTINGS: Mapping[str, str] = {
    "locked": "is_locked",
    "waitingRoom": "has_waiting_room",
    "listed": "is_listed",
    "showPeople": "shows_people",
    "mayUnmute": "may_unmute",
    "mayShareScreen": "may_share_screen",
}

Command = Callable[[str, str, Mapping[str, object]], Awaitable[Mapping[str, object]]]


def moderation_routes(backend: Backend) -> list[BaseRoute]:
    """The routes, for an application or a mount."""
    entrance, moderating = backend.entrance, backend.moderating

    async def create(request: Request) -> Response:
        body = dict(await body_of(request))
        name = _text(body, "name")
        del body["name"]
        entry = await entrance.create(held_token(request), name, RoomSettings(**_settings(body)))
        return entry_answer(request, backend, entry, of_room=True)

    async def token(request: Request) -> Response:
        try:
            entry = await entrance.exchange(held_token(request), request.path_params["name"])
        except VisavisError as error:
            if error.kind is ErrorKind.MUST_KNOCK:
                return answer({"waiting": True}, 202)
            raise
        return entry_answer(request, backend, entry, of_room=True)

    async def wait(request: Request) -> Response:
        # Read whole first: what is received after that is the end of the request.
        await body_of(request)
        token, room = held_token(request), request.path_params["name"]
        gone = asyncio.create_task(_end_of(request))
        try:
            entry = await entrance.wait(token, room, seconds=WAIT_SECONDS, gone=gone)
        finally:
            gone.cancel()
        return answer({"waiting": True}, 202) if entry is None else entry_answer(request, backend, entry, of_room=True)

    async def read(request: Request) -> Response:
        return _state_answer(await moderating.state(held_token(request), request.path_params["name"]))

    async def change(request: Request) -> Response:
        changes = _settings(await body_of(request))
        return _state_answer(await moderating.set(held_token(request), request.path_params["name"], changes))

    async def end(request: Request) -> Response:
        await moderating.end(held_token(request), request.path_params["name"])
        return answer({})

    async def mute(token: str, room: str, body: Mapping[str, object]) -> Mapping[str, object]:
        identity = _text(body, "identity") if "identity" in body else None
        return {"muted": await moderating.mute(token, room, identity, _source(body))}

    async def ask_to_unmute(token: str, room: str, body: Mapping[str, object]) -> Mapping[str, object]:
        await moderating.ask_to_unmute(token, room, _text(body, "identity"), _source(body))
        return {}

    async def remove(token: str, room: str, body: Mapping[str, object]) -> Mapping[str, object]:
        await moderating.remove(token, room, _text(body, "identity"))
        return {}

    async def appoint(token: str, room: str, body: Mapping[str, object]) -> Mapping[str, object]:
        await moderating.appoint(token, room, _text(body, "identity"))
        return {}

    async def admit(token: str, room: str, body: Mapping[str, object]) -> Mapping[str, object]:
        return {"admitted": await moderating.decide(token, room, _who_waits(body), is_admitted=True)}

    async def refuse(token: str, room: str, body: Mapping[str, object]) -> Mapping[str, object]:
        return {"refused": await moderating.decide(token, room, _who_waits(body), is_admitted=False)}

    commands: Mapping[str, Command] = {
        "mute": mute,
        "ask-to-unmute": ask_to_unmute,
        "remove": remove,
        "moderators": appoint,
        "admit": admit,
        "refuse": refuse,
    }
    of_room = "/api/video/rooms/{name:anything}"
    return [
        Route("/api/video/rooms", telling_errors(create), methods=["POST"]),
        Route(f"{of_room}/token", telling_errors(token), methods=["POST"]),
        Route(f"{of_room}/wait", telling_errors(wait), methods=["POST"]),
        *(
            Route(f"{of_room}/{name}", telling_errors(_command(command)), methods=["POST"])
            for name, command in commands.items()
        ),
        Route(of_room, telling_errors(read), methods=["GET"]),
        Route(of_room, telling_errors(change), methods=["PATCH"]),
        Route(of_room, telling_errors(end), methods=["DELETE"]),
    ]


def _command(command: Command) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        held = held_token(request)
        return answer(await command(held, request.path_params["name"], await body_of(request)))

    return endpoint


async def _end_of(request: Request) -> None:
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return


def _state_answer(state: RoomState) -> Response:
    body: dict[str, object] = {"id": state.id, "name": state.name, "moderator": state.is_moderator}
    body |= {name: getattr(state.settings, setting) for name, setting in _SETTINGS.items()}
    if state.is_moderator:
        body["waiting"] = [
            {"id": each.id, "name": each.name, "secondsAgo": round(each.seconds, 3)} for each in state.waiting
        ]
    return answer(body)


def _settings(body: Mapping[str, object]) -> dict[str, bool]:
    changes: dict[str, bool] = {}
    for name, value in body.items():
        setting = _SETTINGS.get(name)
        if setting is None:
            raise _invalid(f"there is no setting {name!r}: there are {', '.join(_SETTINGS)}")
        if not isinstance(value, bool):
            raise _invalid(f"{name} is {value!r}: send true or false")
        changes[setting] = value
    return changes


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(f"{name} is {value!r}: send a text")
    return value


def _source(body: Mapping[str, object]) -> str:
    source = body.get("source", "microphone")
    if not isinstance(source, str) or source not in SOURCES:
        raise _invalid(f"source is {source!r}: send one of {', '.join(SOURCES)}")
    return source


def _who_waits(body: Mapping[str, object]) -> str | None:
    if body.get("all") is True:
        return None
    return _text(body, "id")


def _invalid(message: str) -> VisavisError:
    return VisavisError(ErrorKind.INVALID_REQUEST, message)
