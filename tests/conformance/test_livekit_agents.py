"""An unmodified worker of PyPI `livekit-agents` gets jobs, hears who is in the room, answers with sound and data."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from caller import Caller
from livekit import api, rtc
from livekit.protocol.room import RoomConfiguration
from participant import token

from media import MICROPHONE, pitch, playing_tone
from servers import MediaServer

_PYTHON = Path(os.environ.get("TEST_AGENTS_PYTHON", "") or "~/.cache/visavis/livekit-agents/bin/python").expanduser()
_WORKER = Path(__file__).parent / "octave_agent.py"
STARTING = 60.0
"""Seconds that a worker may take to start, and a job of it: it is many modules to load."""


class Worker:
    """A worker's process, and what it printed."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.printed: list[str] = []

    async def prints(self, what: str) -> None:
        """Waits until a line with `what` is printed, or has been."""
        assert self.process.stdout is not None
        if any(what in line for line in self.printed):
            return
        try:
            async with asyncio.timeout(STARTING):
                while line := (await self.process.stdout.readline()).decode():
                    self.printed.append(line)
                    if what in line:
                        return
        except TimeoutError:
            pass
        raise AssertionError(f"the worker never printed {what!r}:\n{''.join(self.printed)}")

    async def end(self) -> int:
        """Asks it to end, as Ctrl-C does; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(self.process.communicate(), STARTING)
        assert self.process.returncode is not None
        return self.process.returncode


StartWorker = Callable[[str], Awaitable[Worker]]
Enter = Callable[..., Awaitable[Caller]]


@pytest.fixture
async def start_worker(server: MediaServer) -> AsyncIterator[StartWorker]:
    """Starts workers: ``worker = await start_worker("name")``."""
    assert _PYTHON.is_file(), f"there is no {_PYTHON}: run `make setup-test`"
    workers: list[Worker] = []

    async def start(name: str) -> Worker:
        account = {"URL": server.url, "API_KEY": server.api_key, "API_SECRET": server.api_secret}
        environment = {f"LIVEKIT_{key}": value for key, value in account.items()} | {"AGENT_NAME": name}
        line = [str(_PYTHON), str(_WORKER), "start"]
        process = await asyncio.create_subprocess_exec(*line, stdout=PIPE, stderr=STDOUT, env=os.environ | environment)
        worker = Worker(process)
        workers.append(worker)
        await worker.prints("registered worker")
        return worker

    yield start
    for worker in workers:
        if worker.process.returncode is None:
            assert await worker.end() == 0, "".join(worker.printed)


@pytest.fixture
async def enter(server: MediaServer, room: str) -> AsyncIterator[Enter]:
    """Lets the PyPI client join: ``alice = await enter("alice")``."""
    async with AsyncExitStack() as stack:

        async def enter(identity: str, access: str = "") -> Caller:
            caller = Caller(identity)
            stack.push_async_callback(caller.room.disconnect)
            await caller.room.connect(server.url, access or token(server, identity, room))
            return caller

        yield enter


@pytest.fixture
async def moderator(server: MediaServer) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as client:
        yield client


async def sings_along(alice: Caller, metadata: str) -> None:
    """The agent hears Alice's tone and answers an octave higher, and in words."""
    async with playing_tone(alice, 440):
        [agent] = await alice.until(lambda: list(alice.room.remote_participants.values()), "an agent", STARTING)
        assert agent.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        sound = await alice.track_of(Caller(agent.identity), MICROPHONE, within=STARTING)
        assert await pitch(sound) == pytest.approx(880, abs=4)
        (packet,) = await alice.event("data_received", lambda packet: packet.topic == "octave")
        assert packet.data.decode() == f"I hear you; my job says {metadata!r}"


async def test_a_nameless_worker_sings_along_in_every_room(
    start_worker: StartWorker, enter: Enter, moderator: api.LiveKitAPI, room: str
) -> None:
    worker = await start_worker("")
    await sings_along(await enter("alice"), "")
    await moderator.room.delete_room(api.DeleteRoomRequest(room=room))
    await worker.prints(f"job ended in {room}: room disconnected")
    assert await worker.end() == 0


@pytest.mark.slow
async def test_a_named_worker_comes_when_it_is_dispatched_or_named_by_a_token(
    server: MediaServer, start_worker: StartWorker, enter: Enter, moderator: api.LiveKitAPI, room: str
) -> None:
    worker = await start_worker("singer")
    alice = await enter("alice")
    request: Any = api.CreateAgentDispatchRequest(room=room, agent_name="singer", metadata="by name")
    await moderator.agent_dispatch.create_dispatch(request)
    await sings_along(alice, "by name")
    await moderator.room.delete_room(api.DeleteRoomRequest(room=room))
    await worker.prints(f"job ended in {room}: room disconnected")

    other = f"{room}-other"
    wanted = RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name="singer", metadata="by token")])
    grants = api.VideoGrants(room_join=True, room=other)
    access = api.AccessToken(server.api_key, server.api_secret).with_identity("bob").with_room_config(wanted)
    bob = await enter("bob", access.with_grants(grants).to_jwt())
    await sings_along(bob, "by token")
    await bob.room.disconnect()
    await worker.prints(f"job ended in {other}: room disconnected")
    assert await worker.end() == 0
