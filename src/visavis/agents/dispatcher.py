"""Which agents a room wants, and finding a worker for each job that follows from that."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterable

import structlog
from livekit.protocol import agent, agent_dispatch, models
from livekit.protocol.webhook import WebhookEvent

from visavis.agents.worker import Worker
from visavis.auth import KeyRing
from visavis.rooms import Participant, Room
from visavis.rooms.ids import new_id
from visavis.signalling import LiveRoom
from visavis.signalling.messages import Reason

_log = structlog.stdlib.get_logger(__name__)

TARGET_LOAD = 0.7
# A worker whose job is called off has so long to leave the room by itself.
_LEAVE_SECONDS = 5.0


class AgentDispatcher:
    """The workers of this server, and the dispatches of its rooms."""

    def __init__(self, keys: KeyRing, find_room: Callable[[str], LiveRoom | None]) -> None:
        """No workers and no dispatches yet.

        Args:
            keys: sign the agents' tokens.
            find_room: the room of a name that lives now.
        """
        self._keys = keys
        self._find_room = find_room
        self._workers: dict[str, Worker] = {}
        self._dispatches: dict[str, dict[str, agent_dispatch.AgentDispatch]] = {}
        self._publishers: dict[str, set[str]] = {}
        """By room: those who have published already."""
        self._tasks: set[asyncio.Task[None]] = set()

    def register(self, worker: Worker) -> None:
        """From now on it is offered jobs."""
        self._workers[worker.id] = worker
        _log.info("worker_registered", worker=worker.id, agent_name=worker.agent_name)

    def deregister(self, worker: Worker) -> None:
        """It is gone."""
        self._workers.pop(worker.id, None)
        worker.gone()
        _log.info("worker_gone", worker=worker.id, agent_name=worker.agent_name)

    def happened(self, event: WebhookEvent) -> None:
        """Does what an event asks for: rooms that begin and end, people who publish for the first time."""
        live = self._find_room(event.room.name)
        match event.event:
            case "room_started" if live is not None:
                for wanted in live.room.agents or [agent_dispatch.RoomAgentDispatch()]:
                    self._launch_for_room(live.room, self._add(live.room.name, wanted))
            case "room_finished":
                self._dispatches.pop(event.room.name, None)
                self._publishers.pop(event.room.name, None)
            case "track_published" if live is not None:
                participant = live.room.by_sid(event.participant.sid)
                publishers = self._publishers.setdefault(live.room.name, set())
                if participant is not None and participant.sid not in publishers:
                    publishers.add(participant.sid)
                    self._launch_for(self._of(live.room.name), agent.JobType.JT_PUBLISHER, live.room, participant)
            case _:
                pass

    def entered(self, room: Room, participant: Participant) -> None:
        """Somebody joined a room: its agents need not wait until their media comes up."""
        self._launch_for(self._of(room.name), agent.JobType.JT_PARTICIPANT, room, participant)

    def create(self, live: LiveRoom, wanted: agent_dispatch.CreateAgentDispatchRequest) -> agent_dispatch.AgentDispatch:
        """Adds a dispatch to a room and starts what follows from it."""
        dispatch = self._add(live.room.name, wanted)
        self._launch_for_room(live.room, dispatch)
        for participant in live.room.participants:
            if participant.is_publisher:
                self._launch_for([dispatch], agent.JobType.JT_PUBLISHER, live.room, participant)
            self._launch_for([dispatch], agent.JobType.JT_PARTICIPANT, live.room, participant)
        return dispatch

    def delete(self, room: str, dispatch_id: str) -> agent_dispatch.AgentDispatch | None:
        """Takes a dispatch away: its jobs are called off; None if there is none of this id."""
        dispatch = self._dispatches.get(room, {}).pop(dispatch_id, None)
        if dispatch is not None:
            dispatch.state.deleted_at = time.time_ns()
            for job in dispatch.state.jobs:
                self._start(self._call_off(room, job))
        return dispatch

    def listed(self, room: str, dispatch_id: str = "") -> list[agent_dispatch.AgentDispatch]:
        """The dispatches of a room, or the one of this id."""
        return [each for each in self._of(room) if dispatch_id in ("", each.id)]

    async def aclose(self) -> None:
        """Ends what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _of(self, room: str) -> Iterable[agent_dispatch.AgentDispatch]:
        return self._dispatches.get(room, {}).values()

    def _add(
        self, room: str, wanted: agent_dispatch.RoomAgentDispatch | agent_dispatch.CreateAgentDispatchRequest
    ) -> agent_dispatch.AgentDispatch:
        dispatch = agent_dispatch.AgentDispatch(
            id=new_id("AD_"),
            agent_name=wanted.agent_name,
            room=room,
            metadata=wanted.metadata,
            restart_policy=wanted.restart_policy,
            deployment=wanted.deployment,
            attributes=wanted.attributes,
            state=agent_dispatch.AgentDispatchState(created_at=time.time_ns()),
        )
        self._dispatches.setdefault(room, {})[dispatch.id] = dispatch
        return dispatch

    def _launch_for_room(self, room: Room, dispatch: agent_dispatch.AgentDispatch) -> None:
        self._launch(dispatch, agent.Job(type=agent.JobType.JT_ROOM, room=room.info()))

    def _launch_for(
        self,
        dispatches: Iterable[agent_dispatch.AgentDispatch],
        kind: agent.JobType,
        room: Room,
        participant: Participant,
    ) -> None:
        if participant.is_dependent or not self._workers:
            return
        for dispatch in dispatches:
            self._launch(dispatch, agent.Job(type=kind, room=room.info(), participant=participant.info()))

    def _launch(self, dispatch: agent_dispatch.AgentDispatch, job: agent.Job) -> None:
        job.id = new_id("AJ_")
        job.dispatch_id, job.agent_name = dispatch.id, dispatch.agent_name
        job.metadata, job.deployment = dispatch.metadata, dispatch.deployment
        job.attributes.update(dispatch.attributes)
        # Most rooms want no agent, and most servers have none.
        if any(worker.fits(job) for worker in self._workers.values()):
            self._start(self._assign(dispatch, job))

    async def _assign(self, dispatch: agent_dispatch.AgentDispatch, job: agent.Job) -> None:
        asked: set[str] = set()
        while (worker := self._choose(job, asked)) is not None:
            asked.add(worker.id)
            try:
                if await worker.offer(job, self._keys):
                    dispatch.state.jobs.append(job)
                    _log.info("job_assigned", job=job.id, worker=worker.id, room=job.room.sid)
                    if dispatch.id not in self._dispatches.get(dispatch.room, {}):
                        await self._call_off(dispatch.room, job)
                    return
            except (TimeoutError, ConnectionError) as error:
                _log.info("worker_does_not_answer", job=job.id, worker=worker.id, error=str(error))
        _log.warning("job_without_worker", job=job.id, agent_name=job.agent_name, room=job.room.sid)

    def _choose(self, job: agent.Job, asked: set[str]) -> Worker | None:
        """At random among those with room for more, the less loaded rather."""
        fitting = [
            worker
            for worker in self._workers.values()
            if worker.fits(job)
            and worker.id not in asked
            and worker.status == agent.WorkerStatus.WS_AVAILABLE
            and worker.load < TARGET_LOAD
        ]
        # Not for secrets.
        return random.choices(fitting, [1 - worker.load for worker in fitting])[0] if fitting else None  # noqa: S311

    async def _terminate(self, job: agent.Job) -> None:
        worker = self._workers.get(job.state.worker_id)
        if worker is not None:
            await worker.terminate(job.id)

    async def _call_off(self, room: str, job: agent.Job) -> None:
        await self._terminate(job)
        await asyncio.sleep(_LEAVE_SECONDS)
        live = self._find_room(room)
        participant = None if live is None else live.room.by_identity(job.state.participant_identity)
        if live is not None and participant is not None and participant.kind == models.ParticipantInfo.AGENT:
            live.remove(live.sessions[participant.sid], Reason.PARTICIPANT_REMOVED)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _guarded(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except ConnectionError:
        pass  # a worker that is gone needs to be told nothing
    except Exception:
        _log.exception("agent_dispatch_failed")
