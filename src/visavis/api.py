"""The REST under `/api/video`: tokens, list of rooms, what was said in a room's chat, connection tests."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from visavis.backend.base import Backend
from visavis.identity import Identify, caller_of
from visavis.rest import answer, bearer, entry_answer, held_token, signalling_url, telling_errors
from visavis.room_list import RoomList


def api_routes(backend: Backend, identify: Identify | None) -> list[BaseRoute]:
    """The routes, for an application or a mount."""
    listed = RoomList(backend)

    async def token(request: Request) -> Response:
        caller = await caller_of(request, identify)
        room = request.query_params.get("room")
        entry = await backend.entrance.token(caller, room, held=bearer(request))
        return entry_answer(request, backend, entry, of_room=room is not None)

    async def checkup(request: Request) -> Response:
        # Whom the host refuses tests nothing. Who it is does not matter: the test's participants are nobody.
        await caller_of(request, identify)
        begun = await backend.checkup("" if request.client is None else request.client.host)
        body = {
            "url": signalling_url(request, backend),
            "room": begun.room,
            "sender": begun.sender,
            "hearer": begun.hearer,
            "probes": list(begun.probes),
            "seconds": begun.seconds,
            "backend": begun.backend,
        }
        return answer(body, 201)

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
            for said in await backend.chat(held_token(request), request.path_params["name"])
        ]
        return answer({"messages": messages})

    async def rooms(request: Request) -> Response:
        # Whom the host refuses sees no rooms either.
        await caller_of(request, identify)
        return await listed.answer(request)

    return [
        Route("/api/video/token", telling_errors(token), methods=["GET"]),
        Route("/api/video/rooms/{name:anything}/chat", telling_errors(chat), methods=["GET"]),
        Route("/api/video/checkup", telling_errors(checkup), methods=["POST"]),
        Route("/api/video/rooms", telling_errors(rooms), methods=["GET"]),
    ]
