"""Agent workers: what they are told, when they are offered jobs, and what they get with one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import websockets
from caller import Caller
from livekit import api
from livekit.protocol import agent, models
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration
from participant import PATIENCE, Join, claims_of, connected
from wiretap import Call

from media import playing_tone
from servers import MediaServer


class Worker:
    """A worker that is nothing but its socket."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.id = ""

    async def send(self, **message: Any) -> None:
        await self.socket.send(agent.WorkerMessage(**message).SerializeToString())

    async def until(self, kind: str) -> Any:
        """The next message of that kind."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    message = agent.ServerMessage.FromString(bytes(await self.socket.recv()))  # type: ignore[arg-type]
                    if message.WhichOneof("message") == kind:
                        return getattr(message, kind)
        except TimeoutError:
            raise AssertionError(f"the worker waited in vain for {kind}") from None

    async def hears_nothing(self, seconds: float = 0.5) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.socket.recv()

    async def takes(self, identity: str = "agent") -> tuple[agent.Job, str]:
        """Accepts the job that it is offered; returns that and the token."""
        job = (await self.until("availability")).job
        answer = agent.AvailabilityResponse(
            job_id=job.id, available=True, participant_identity=identity, participant_name="Agent"
        )
        await self.send(availability=answer)
        assignment = await self.until("assignment")
        assert assignment.job.id == job.id
        return assignment.job, assignment.token


Register = Callable[..., Awaitable[Worker]]


@pytest.fixture
async def register(server: MediaServer) -> AsyncIterator[Register]:
    """Registers workers: ``worker = await register("name")``."""
    async with AsyncExitStack() as stack:

        async def register(name: str = "", kind: agent.JobType = agent.JobType.JT_ROOM) -> Worker:
            token = api.AccessToken(server.api_key, server.api_secret).with_grants(api.VideoGrants(agent=True)).to_jwt()
            headers = {"Authorization": f"Bearer {token}"}
            connect = websockets.connect(f"{server.url}/agent", additional_headers=headers)
            worker = Worker(await stack.enter_async_context(connect))
            await worker.send(register=agent.RegisterWorkerRequest(type=kind, agent_name=name, version="1"))
            first = agent.ServerMessage.FromString(bytes(await worker.socket.recv()))  # type: ignore[arg-type]
            assert first.WhichOneof("message") == "register"
            worker.id = first.register.worker_id
            return worker

        yield register


@pytest.fixture
async def moderator(server: MediaServer) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as client:
        yield client


async def dispatch(moderator: api.LiveKitAPI, room: str, name: str, **more: Any) -> Any:
    request = api.CreateAgentDispatchRequest(room=room, agent_name=name, **more)
    return await moderator.agent_dispatch.create_dispatch(request)


@pytest.mark.parametrize("grants", [{}, {"room_join": True, "room": "r"}])
async def test_only_agents_register(server: MediaServer, grants: dict[str, Any]) -> None:
    token = api.AccessToken(server.api_key, server.api_secret).with_identity("a")
    token = token.with_grants(api.VideoGrants(**grants)).to_jwt()
    for headers in ({"Authorization": f"Bearer {token}"}, {}):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"{server.url}/agent", additional_headers=headers)
        assert refused.value.response.status_code == 401


async def test_a_worker_is_known_by_an_id_and_gets_pongs(register: Register) -> None:
    worker = await register("pinger")
    assert worker.id.startswith("AW_")
    await worker.send(ping=agent.WorkerPing(timestamp=1234))
    pong = await worker.until("pong")
    assert pong.last_timestamp == 1234
    assert pong.timestamp > 1_700_000_000_000


async def test_an_agent_is_dispatched_by_name(register: Register, moderator: api.LiveKitAPI, room: str) -> None:
    worker, other = await register("helper"), await register("other")
    made = await dispatch(moderator, room, "helper", metadata="do this")
    job, token = await worker.takes("helper-1")
    assert job.id.startswith("AJ_")
    assert (job.dispatch_id, job.agent_name, job.metadata) == (made.id, "helper", "do this")
    assert (job.room.name, job.type, job.state.status) == (room, agent.JobType.JT_ROOM, agent.JobStatus.JS_RUNNING)
    claims = claims_of(token)
    assert (claims["sub"], claims["name"], claims["kind"]) == ("helper-1", "Agent", "agent")
    assert claims["attributes"]["lk.agent_name"] == "helper"
    assert claims["video"]["room"] == room
    assert claims["video"]["agent"] is claims["video"]["roomJoin"] is True
    await other.hears_nothing()


async def test_a_nameless_agent_comes_into_every_room(register: Register, join: Join) -> None:
    worker = await register()
    await join("alice")
    job, _ = await worker.takes()
    assert job.agent_name == ""


async def test_a_token_can_ask_for_agents(server: MediaServer, register: Register, room: str) -> None:
    named, nameless = await register("asked-for"), await register()
    wanted = RoomConfiguration(
        agents=[RoomAgentDispatch(agent_name="asked-for", metadata="m")], metadata="of the token"
    )
    token = api.AccessToken(server.api_key, server.api_secret).with_identity("alice").with_room_config(wanted)
    access = token.with_grants(api.VideoGrants(room_join=True, room=room)).to_jwt()
    async with connected(server, access, "alice") as alice:
        assert (await alice.until("join")).room.metadata == "of the token"
        job, _ = await named.takes()
        assert job.metadata == "m"
        await nameless.hears_nothing()


async def test_who_makes_a_room_can_ask_for_agents(register: Register, moderator: api.LiveKitAPI, room: str) -> None:
    named, nameless = await register("asked-for"), await register()
    wanted = [RoomAgentDispatch(agent_name="asked-for", metadata="m")]
    made = await moderator.room.create_room(api.CreateRoomRequest(name=room, agents=wanted))
    job, _ = await named.takes()
    assert (job.metadata, job.room.sid) == ("m", made.sid)
    await nameless.hears_nothing()


async def test_who_declines_is_passed_over(register: Register, moderator: api.LiveKitAPI, room: str) -> None:
    first, second = await register("picky"), await register("picky")
    await dispatch(moderator, room, "picky")
    offers = {asyncio.create_task(worker.until("availability")): worker for worker in (first, second)}
    done, _ = await asyncio.wait(offers, return_when=asyncio.FIRST_COMPLETED)
    [offered] = done
    decliner = offers[offered]
    await decliner.send(availability=agent.AvailabilityResponse(job_id=offered.result().job.id, available=False))
    [waiting] = [task for task in offers if task is not offered]
    job = (await waiting).job
    await offers[waiting].send(
        availability=agent.AvailabilityResponse(job_id=job.id, available=True, participant_identity="a")
    )
    await offers[waiting].until("assignment")


async def test_a_full_worker_is_not_asked(register: Register, moderator: api.LiveKitAPI, room: str) -> None:
    full = await register("busy")
    await full.send(update_worker=agent.UpdateWorkerStatus(status=agent.WorkerStatus.WS_FULL, load=1.0))
    await full.send(ping=agent.WorkerPing(timestamp=1))
    await full.until("pong")
    await dispatch(moderator, room, "busy")
    await full.hears_nothing()


async def test_a_participants_agent_comes_when_one_joins(
    register: Register, moderator: api.LiveKitAPI, join: Join, room: str
) -> None:
    worker = await register("companion", agent.JobType.JT_PARTICIPANT)
    await dispatch(moderator, room, "companion")
    await worker.hears_nothing()
    await join("alice")
    job, _ = await worker.takes()
    assert (job.type, job.participant.identity) == (agent.JobType.JT_PARTICIPANT, "alice")
    await dispatch(moderator, room, "companion")
    job, _ = await worker.takes("another")
    assert job.participant.identity == "alice", "for who is there already, too"


async def test_a_publishers_agent_comes_once(
    register: Register, moderator: api.LiveKitAPI, call: Call, room: str
) -> None:
    worker = await register("assistant", agent.JobType.JT_PUBLISHER)
    await dispatch(moderator, room, "assistant")
    alice, _ = await call("alice")
    await worker.hears_nothing()
    for is_first in (True, False):
        async with playing_tone(alice, 440):
            if is_first:
                job, _ = await worker.takes()
                assert (job.type, job.participant.identity) == (agent.JobType.JT_PUBLISHER, "alice")
            else:
                await worker.hears_nothing()


async def test_dispatches_are_listed_and_deleted(register: Register, moderator: api.LiveKitAPI, room: str) -> None:
    worker = await register("listed")
    made = await dispatch(moderator, room, "listed")
    job, _ = await worker.takes()

    async def listed() -> list[Any]:
        return [each for each in await moderator.agent_dispatch.list_dispatch(room) if each.agent_name == "listed"]

    assert [each.id for each in await listed()] == [made.id]
    assert made.id.startswith("AD_")
    await moderator.agent_dispatch.delete_dispatch(made.id, room)
    assert (await worker.until("termination")).job_id == job.id
    assert not await listed()
    with pytest.raises(api.TwirpError) as refused:
        await moderator.agent_dispatch.delete_dispatch(made.id, room)
    assert refused.value.code == "not_found"


async def test_an_agent_hears_itself_that_it_is_sent_away(
    server: MediaServer, register: Register, moderator: api.LiveKitAPI, room: str
) -> None:
    worker = await register("leaver")
    await dispatch(moderator, room, "leaver")
    _, token = await worker.takes("leaver-1")
    leaver = Caller("leaver-1")
    await leaver.room.connect(server.url, token)
    await moderator.room.delete_room(api.DeleteRoomRequest(room=room))
    await leaver.event("disconnected")
    # The job's process is told by its client why it ends; to be terminated by its worker would tell it nothing.
    await worker.hears_nothing()


async def test_an_agent_in_the_room_does_not_count(
    server: MediaServer, register: Register, moderator: api.LiveKitAPI, join: Join, room: str
) -> None:
    worker = await register("guest")
    alice = await join("alice")
    await dispatch(moderator, room, "guest")
    _, token = await worker.takes("guest-1")
    async with connected(server, token, "guest-1") as guest:
        joined = await guest.until("join")
        assert joined.participant.kind == models.ParticipantInfo.AGENT
        seen = await alice.update_about("guest-1")
        assert (seen.kind, seen.permission.agent) == (models.ParticipantInfo.AGENT, True)
        [told] = (await moderator.room.list_rooms(api.ListRoomsRequest(names=[room]))).rooms
        assert told.num_participants <= 1
