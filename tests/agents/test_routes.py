"""Workers that do not behave: they end alone, and no job waits for them for ever."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import uvicorn
import websockets
from google.protobuf import json_format
from livekit import api
from livekit.protocol import agent, agent_dispatch
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection

from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions
from visavis.media.fake import FakeEngine

SECRET = "a secret of the tests, 32 bytes or more"


class Served:
    """A backend behind a listening socket, and workers that connect to it."""

    def __init__(self, backend: EmbeddedBackend, port: int, stack: AsyncExitStack) -> None:
        self.backend = backend
        self._port = port
        self._stack = stack

    async def connect(self) -> ClientConnection:
        token = api.AccessToken("devkey", SECRET).with_grants(api.VideoGrants(agent=True)).to_jwt()
        connect = websockets.connect(f"ws://127.0.0.1:{self._port}/agent?access_token={token}")
        return await self._stack.enter_async_context(connect)

    async def register(self) -> ClientConnection:
        worker = await self.connect()
        message = agent.WorkerMessage(register=agent.RegisterWorkerRequest(agent_name="a", type=agent.JobType.JT_ROOM))
        await worker.send(message.SerializeToString())
        await worker.recv()
        return worker

    async def dispatch(self) -> None:
        live = (await self.backend.registry()).open_room("r")
        self.backend.agents.create(live, agent_dispatch.CreateAgentDispatchRequest(agent_name="a"))


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    backend = EmbeddedBackend(EmbeddedOptions(keys={"devkey": SECRET}), engine=lambda _: FakeEngine())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(Starlette(routes=backend.routes()), lifespan="off", log_level="error")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        async with AsyncExitStack() as stack:
            yield Served(backend, listener.getsockname()[1], stack)
        await backend.stop()
        server.should_exit = True
        await serving


async def next_message(worker: ClientConnection) -> agent.ServerMessage:
    async with asyncio.timeout(5):
        return agent.ServerMessage.FromString(bytes(await worker.recv()))  # type: ignore[arg-type]


async def test_one_that_speaks_json_is_answered_in_json(served: Served) -> None:
    worker = await served.connect()
    await worker.send('{"register": {"agentName": "a", "type": "JT_ROOM"}}')
    answer = json_format.Parse(await worker.recv(), agent.ServerMessage())
    assert answer.register.worker_id.startswith("AW_")


async def test_one_that_goes_over_to_protobuf_is_answered_in_it(served: Served) -> None:
    worker = await served.connect()
    await worker.send('{"register": {"agentName": "a", "type": "JT_ROOM"}}')
    assert isinstance(await worker.recv(), str)
    await worker.send(agent.WorkerMessage(ping=agent.WorkerPing(timestamp=1)).SerializeToString())
    assert (await next_message(worker)).pong.last_timestamp == 1


@pytest.mark.parametrize("nonsense", [b"\xff\xff\xff", "{", '{"register": 5}'])
async def test_nonsense_ends_its_connection_only(served: Served, nonsense: bytes | str) -> None:
    good, bad = await served.register(), await served.register()
    await bad.send(nonsense)
    async with asyncio.timeout(5):
        await bad.wait_closed()
    await good.send(agent.WorkerMessage(ping=agent.WorkerPing(timestamp=1)).SerializeToString())
    assert (await next_message(good)).pong.last_timestamp == 1


async def test_one_that_never_registers_is_sent_away(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.agents.routes.REGISTER_SECONDS", 0.1)
    worker = await served.connect()
    async with asyncio.timeout(5):
        await worker.wait_closed()


async def test_one_that_does_not_answer_is_passed_over(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.agents.worker.ANSWER_SECONDS", 0.1)
    workers = [await served.register(), await served.register()]
    await served.dispatch()
    for worker in workers:
        assert (await next_message(worker)).WhichOneof("message") == "availability"


async def test_one_that_goes_while_it_is_asked_is_passed_over_at_once(served: Served) -> None:
    workers = {asyncio.create_task(next_message(each)): each for each in [await served.register() for _ in range(2)]}
    await served.dispatch()
    done, waiting = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
    await workers[done.pop()].close()
    assert (await waiting.pop()).WhichOneof("message") == "availability"
