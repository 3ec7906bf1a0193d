"""`/agent`: a worker's WebSocket, from its registration to its end."""

import asyncio
from contextlib import suppress
from typing import Protocol

import structlog
from google.protobuf import json_format
from google.protobuf.message import DecodeError
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
from visavis.signalling.messages import server_info

_log = structlog.stdlib.get_logger(__name__)

REGISTER_SECONDS = 10.0
SEND_SECONDS = 10.0


class AgentSource(Protocol):
    """What the route needs of a backend."""

    keys: KeyRing
    agents: AgentDispatcher


class _BadMessage(Exception):
    """What no worker says; its connection ends."""


class _Socket:
    """Messages over a WebSocket, in whichever encoding the worker speaks: protobuf, or JSON in text frames."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._speaks_json = False
        self._turn = asyncio.Lock()

    async def receive(self) -> agent.WorkerMessage:
        """The next message.

        Raises:
            _BadMessage: it is none.
            WebSocketDisconnect: the worker is gone.
        """
        frame = await self._websocket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1005))
        message = agent.WorkerMessage()
        try:
            if (text := frame.get("text")) is not None:
                self._speaks_json = True
                return json_format.Parse(text, message, ignore_unknown_fields=True)
            message.ParseFromString(frame["bytes"])
        except (DecodeError, json_format.ParseError, RecursionError) as error:
            raise _BadMessage(str(error)) from error
        return message

    async def send(self, message: agent.ServerMessage) -> None:
        """Sends a message.

        Raises:
            ConnectionError: it cannot be sent (in time).
        """
        try:
            async with asyncio.timeout(SEND_SECONDS), self._turn:
                if self._speaks_json:
                    await self._websocket.send_text(json_format.MessageToJson(message))
                else:
                    await self._websocket.send_bytes(message.SerializeToString())
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
    except _BadMessage as error:
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
