"""`/agent`: a worker's WebSocket, from its registration to its end."""

import asyncio
from contextlib import suppress
from typing import Protocol

import structlog
from livekit.protocol import agent
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from visavis.agents.dispatcher import AgentDispatcher
from visavis.agents.worker import Worker
from visavis.auth import KeyRing
from visavis.errors import VisavisError
from visavis.signalling.connect import bearer_token
from visavis.signalling.frames import BadFrame, Frames, decode
from visavis.signalling.messages import server_info

_log = structlog.stdlib.get_logger(__name__)

REGISTER_SECONDS = 10.0
SEND_SECONDS = 10.0


class AgentSource(Protocol):
    """What the route needs of a backend."""

    keys: KeyRing
    agents: AgentDispatcher


class _Socket:
    """Messages over a worker's WebSocket, from several tasks at once."""

    def __init__(self, websocket: WebSocket) -> None:
        self._frames = Frames(websocket, answer=agent.ServerMessage)
        self._turn = asyncio.Lock()

    async def receive(self) -> agent.WorkerMessage:
        """The next message.

        Raises:
            BadFrame: it is none.
            WebSocketDisconnect: the worker is gone.
        """
        return decode(await self._frames.receive(), agent.WorkerMessage)

    async def send(self, message: agent.ServerMessage) -> None:
        """Sends a message.

        Raises:
            ConnectionError: it cannot be sent (in time).
        """
        try:
            async with asyncio.timeout(SEND_SECONDS), self._turn:
                await self._frames.send(message.SerializeToString())
        except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:
            # RuntimeError is Starlette's for a socket that is closed.
            raise ConnectionError("the worker does not read or is gone") from error


def agent_routes(source: AgentSource) -> list[BaseRoute]:
    """The route, for an application or a mount."""

    async def connect(websocket: WebSocket) -> None:
        try:
            claims = source.keys.verify(bearer_token(websocket.query_params, websocket.headers))
        except VisavisError as error:
            await websocket.send_denial_response(PlainTextResponse(error.message, error.status))
            return
        if claims.video is None or not claims.video.agent:
            text = "permissions denied: the token does not grant video.agent"
            await websocket.send_denial_response(PlainTextResponse(text, 401))
            return
        await websocket.accept()
        with suppress(WebSocketDisconnect, ConnectionError):
            await _serve(_Socket(websocket), source.agents)
        with suppress(RuntimeError, WebSocketDisconnect):
            await websocket.close()

    return [Route("/agent", _no_upgrade, methods=["GET"]), WebSocketRoute("/agent", connect)]


async def _no_upgrade(_: Request) -> Response:
    return Response(status_code=404)


async def _serve(socket: _Socket, agents: AgentDispatcher) -> None:
    try:
        worker = await _register(socket)
        if worker is None:
            return
        agents.register(worker)
        try:
            while True:
                await worker.handle(await socket.receive())
        finally:
            agents.deregister(worker)
    except BadFrame as error:
        _log.warning("worker_makes_no_sense", error=str(error))


async def _register(socket: _Socket) -> Worker | None:
    """Waits for the registration; the answer to it is the first that a worker hears."""
    with suppress(TimeoutError):
        async with asyncio.timeout(REGISTER_SECONDS):
            while True:
                message = await socket.receive()
                if message.WhichOneof("message") == "register":
                    worker = Worker(message.register, socket.send)
                    answer = agent.RegisterWorkerResponse(worker_id=worker.id, server_info=server_info(""))
                    await socket.send(agent.ServerMessage(register=answer))
                    return worker
    _log.warning("worker_never_registered")
    return None
