"""One worker: a process of somebody's agents, known by its socket."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from livekit.protocol import agent, models

from visavis.auth import Claims, KeyRing
from visavis.rooms import Permissions
from visavis.rooms.ids import new_id

ANSWER_SECONDS = 10.0
TOKEN_SECONDS = 3600.0
_AGENT_NAME_ATTRIBUTE = "lk.agent_name"
_ALL_THAT_AGENTS_NEED = Permissions(can_update_metadata=True)

Send = Callable[[agent.ServerMessage], Awaitable[None]]


class Worker:
    """A registered worker, and the jobs that it runs."""

    def __init__(self, registration: agent.RegisterWorkerRequest, send: Send) -> None:
        self.id = new_id("AW_")
        self.agent_name = registration.agent_name
        self.namespace = registration.namespace
        self.deployment = registration.deployment
        self.type = registration.type
        self.permissions = (
            Permissions.from_message(registration.allowed_permissions)
            if registration.HasField("allowed_permissions")
            else _ALL_THAT_AGENTS_NEED
        )
        self.status = agent.WorkerStatus.WS_AVAILABLE
        self.load = 0.0
        self.jobs: dict[str, agent.Job] = {}
        self._send = send
        self._answers: dict[str, asyncio.Future[agent.AvailabilityResponse]] = {}

    def fits(self, job: agent.Job) -> bool:
        """Whether it is for jobs of this kind."""
        mine = (self.agent_name, self.namespace, self.deployment, self.type)
        return mine == (job.agent_name, job.namespace, job.deployment, job.type)

    async def offer(self, job: agent.Job, keys: KeyRing) -> bool:
        """Offers a job, and hands it over with a token if the worker wants it; returns whether the job is dealt with.

        Raises:
            TimeoutError: it did not answer in time.
            ConnectionError: it is gone.
        """
        now = time.time_ns()
        job.state.CopyFrom(
            agent.JobState(
                status=agent.JobStatus.JS_RUNNING, worker_id=self.id, agent_id=self.id, started_at=now, updated_at=now
            )
        )
        answer = self._answers[job.id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._send(agent.ServerMessage(availability=agent.AvailabilityRequest(job=job)))
                response = await answer
        finally:
            del self._answers[job.id]
        if response.terminate:
            job.state.status = agent.JobStatus.JS_SUCCESS
            job.state.ended_at = time.time_ns()
            return True
        if not response.available:
            return False
        job.state.participant_identity = response.participant_identity
        token = keys.mint(self._claims(job, response), ttl=TOKEN_SECONDS)
        self.jobs[job.id] = job
        await self._send(agent.ServerMessage(assignment=agent.JobAssignment(job=job, token=token)))
        return True

    async def handle(self, message: agent.WorkerMessage) -> None:
        """Takes what the worker says after its registration."""
        match message.WhichOneof("message"):
            case "availability":
                answer = self._answers.get(message.availability.job_id)
                if answer is not None and not answer.done():
                    answer.set_result(message.availability)
            case "update_worker":
                self.status = message.update_worker.status
                self.load = message.update_worker.load
            case "update_job":
                self._update_job(message.update_job)
            case "ping":
                pong = agent.WorkerPong(last_timestamp=message.ping.timestamp, timestamp=int(time.time() * 1000))
                await self._send(agent.ServerMessage(pong=pong))
            case _:
                # simulate_job and migrate_job are of LiveKit's cloud.
                pass

    async def terminate(self, job: str) -> None:
        """Tells the worker to end a job that it runs."""
        if self.jobs.pop(job, None) is not None:
            await self._send(agent.ServerMessage(termination=agent.JobTermination(job_id=job)))

    def gone(self) -> None:
        """Its socket is closed: nobody waits for it any more."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the worker is gone"))

    def _update_job(self, update: agent.UpdateJobStatus) -> None:
        job = self.jobs.get(update.job_id)
        if job is None:
            return
        now = time.time_ns()
        job.state.status, job.state.error, job.state.updated_at = update.status, update.error, now
        if update.status > agent.JobStatus.JS_RUNNING:
            job.state.ended_at = now
            del self.jobs[update.job_id]

    def _claims(self, job: agent.Job, response: agent.AvailabilityResponse) -> Claims:
        return Claims(
            identity=response.participant_identity,
            name=response.participant_name,
            metadata=response.participant_metadata,
            attributes={**response.participant_attributes, _AGENT_NAME_ATTRIBUTE: self.agent_name},
            kind=models.ParticipantInfo.Kind.Name(models.ParticipantInfo.AGENT).lower(),  # pyright: ignore[reportAttributeAccessIssue]
            video=self.permissions.to_grants(room=job.room.name, agent=True),
        )
