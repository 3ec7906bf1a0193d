"""One run: people come, then come and go, and at last all that is told must be what happened."""

import asyncio
import base64
import itertools
import json
import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from control.cluster import Cluster, Person, Room
from control.pages import Page, listed
from control.plan import Plan
from control.stage import Costs, Stage, cluster_port, cpu, memory_kb, stage
from control.webhooks import Poster, Signer
from control.wire import Wire
from figures import percentile

Run = dict[str, Any]

# One of so many rooms is looked for in the lists of all pages.
_LOOKED_FOR = 20
_EXACT_WITHIN_SECONDS = 10.0
_WRITTEN_WITHIN_SECONDS = 60.0
_BEGUN_WITHIN_SECONDS = 600.0
# Of whoever is there before anything begins: no claims but a name.
_TOKEN = f".{base64.urlsafe_b64encode(json.dumps({'attributes': {'visavis.visitor': '1'}}).encode()).decode()}."
# Less than that is looking after things: it reads the cluster again every ten seconds.
_QUIET_CORES = 0.15


class SimulationError(Exception):
    """What is not as it must be, in a sentence."""


async def simulate(plan: Plan, say: Callable[[str], None]) -> Run:
    """Runs it.

    Raises:
        SimulationError: a list or the history is wrong.
    """
    cluster = Cluster()
    if plan.found:
        for room, identity in plan.arrivals():
            cluster.join(room, identity, _TOKEN)
    await cluster.start(cluster_port())
    try:
        async with stage(0 if plan.found else plan.processes) as running:
            apps = [Wire(app.http_port) for app in running.apps]
            pages = [Page(app) for app in apps for _ in range(plan.pages)]
            crowd = _Crowd(plan, cluster, running, apps, pages)
            try:
                await asyncio.gather(*(page.open() for page in pages))
                return await crowd.run(say)
            finally:
                await asyncio.gather(*(page.aclose() for page in pages))
                await asyncio.gather(*(app.aclose() for app in apps))
    finally:
        await cluster.aclose()


class _Crowd:
    """All who come and go."""

    def __init__(
        self, plan: Plan, cluster: Cluster, running: Stage, apps: Sequence[Wire], pages: Sequence[Page]
    ) -> None:
        self._plan, self._cluster, self._stage, self._apps, self._pages = plan, cluster, running, apps, pages
        self._next_app = itertools.cycle(apps)
        self._poster = Poster(apps, Signer(*running.key))
        self._token_ms: list[float] = []
        self._expects = itertools.cycle(range(_LOOKED_FOR))
        self._inside: list[tuple[Room, str]] = []
        self._rooms_begun = self._sessions = self._newcomers = 0

    async def run(self, say: Callable[[str], None]) -> Run:
        """All phases."""
        told: Run = {"plan": asdict(self._plan) | {"rooms": self._plan.rooms}}
        if self._plan.found:
            self._rooms_begun, self._sessions = len(self._cluster.rooms), self._plan.people
            told["restart"] = await self._begins_anew()
            told["load_average"] = os.getloadavg()
            return told
        before = await self._stage.costs()
        memory_before, database_before = self._stage.memory_mb(), await self._stage.database_mb()
        redis_before = await self._stage.redis_mb()
        arrivals = iter(self._plan.arrivals())

        async def comes() -> None:
            for room, identity in arrivals:
                await self._comes(room, identity)

        await _together([comes() for _ in range(self._plan.at_once)])
        told["ramp"] = self._figures(before, await self._stage.costs(), self._plan.people)
        say(f"{self._plan.people} people have come, {told['ramp']['joins_per_second']:.0f} a second")
        told["exact_after_seconds"] = await self._until_exact()
        told["written_after_seconds"] = await self._until_written()
        memory, rows = self._stage.memory_mb(), await self._stage.rows()
        told["memory"] = {
            "app_mb": memory,
            "app_mb_empty": memory_before,
            "app_kb_per_person": (max(memory) - max(memory_before)) * 1024 / self._plan.people,
            "redis_mb": await self._stage.redis_mb() - redis_before,
            "database_mb": await self._stage.database_mb() - database_before,
            "rows": {table: every for table, (every, _) in rows.items()},
        }
        self._forget()
        told["restart"] = await self._begins_anew()
        say(f"a process that begins has all of it after {told['restart']['exact_after_seconds']:.1f} s")
        self._forget()
        before = await self._stage.costs()
        changes = await self._come_and_go()
        told["steady"] = self._figures(before, await self._stage.costs(), changes)
        told["steady"]["exact_after_seconds"] = await self._until_exact()
        await self._until_written()
        say(f"{changes} have left and come; the lists and the history are right")
        if self._plan.empties:
            before = await self._stage.costs()
            self._forget()
            await _together([self._leave() for _ in range(self._plan.at_once)])
            told["emptying"] = self._figures(before, await self._stage.costs(), self._plan.people)
            await self._until_exact()
            await self._until_written()
        told["load_average"] = os.getloadavg()
        return told

    # -- what people do ------------------------------------------------------------------------------------------------
    async def _comes(self, room_name: str, identity: str) -> None:
        began = time.perf_counter()
        query = urlencode({"room": room_name, "identity": identity, "name": identity.title()})
        answer = await next(self._next_app).ask("GET", f"/api/video/token?{query}")
        if answer.status != 200:
            raise SimulationError(f"{identity} got no token for {room_name}: {answer.status} {answer.body.decode()}")
        self._token_ms.append((time.perf_counter() - began) * 1e3)
        room, person, is_new = self._cluster.join(room_name, identity, json.loads(answer.body)["token"])
        self._sessions += 1
        self._rooms_begun += is_new
        self._inside.append((room, identity))

        def begins() -> None:
            if is_new and next(self._expects) == 0:
                for page in self._pages:
                    page.expect(room_name)

        await self._poster.came(room, person, is_new=is_new, begins=begins)

    async def _goes(self, room: Room, identity: str) -> None:
        person: Person
        person, is_last = self._cluster.leave(room, identity)
        await self._poster.left(room, person, is_last=is_last)

    async def _leave(self) -> None:
        while self._inside:
            await self._goes(*self._inside.pop())

    async def _begins_anew(self) -> Run:
        """One more process begins, as after a restart: until it lists what there is, and has written what it found."""
        self._cluster.calls.clear()
        redis_before, began = (await self._stage.costs()).redis_commands, time.monotonic()
        async with self._stage.another() as server:
            assert server.process is not None
            pid, app = server.process.pid, Wire(server.http_port)
            found = await listed(app)
            answers = time.monotonic() - began
            while found != self._cluster.counts:
                if time.monotonic() - began > _BEGUN_WITHIN_SECONDS:
                    raise SimulationError(f"a process that began {_BEGUN_WITHIN_SECONDS} s ago lists something else")
                await asyncio.sleep(0.05)
                found = await listed(app)
            exact, used = time.monotonic() - began, cpu(pid)
            # What it found it writes to the history, whether or not that has it.
            await self._until_written(_BEGUN_WITHIN_SECONDS)
            before, quiet = cpu(pid), 0
            while quiet < 3:
                await asyncio.sleep(1.0)
                after = cpu(pid)
                quiet, before = (quiet + 1 if after - before < _QUIET_CORES else 0), after
            told = {
                "load_average": os.getloadavg()[0],
                "answers_after_seconds": answers,
                "exact_after_seconds": exact,
                "cpu_seconds": used,
                "quiet_after_seconds": time.monotonic() - began - quiet,
                "cpu_seconds_until_quiet": cpu(pid),
                "memory_mb": memory_kb(pid) / 1024,
                "cluster_calls": sum(self._cluster.calls.values()),
                "cluster_mb": sum(self._cluster.bytes.values()) / 2**20,
                "redis_commands": (await self._stage.costs()).redis_commands - redis_before,
            }
            await app.aclose()
        await self._until_exact()
        await self._until_written()
        return told

    async def _come_and_go(self) -> int:
        """So many in each second, whether or not the ones before are done; some who come make rooms."""
        at_random = random.Random(2)
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in itertools.count():
                at = number / self._plan.churn
                if at >= self._plan.steady:
                    break
                await asyncio.sleep(max(0.0, began + at - time.monotonic()))
                room, identity = self._inside.pop(at_random.randrange(len(self._inside)))
                group.create_task(self._goes(room, identity))
                self._newcomers += 1
                name = room.name if number % 5 else f"later-{number:05}"
                group.create_task(self._comes(name, f"newcomer-{self._newcomers:06}"))
        return number

    # -- what must be so -----------------------------------------------------------------------------------------------
    async def _until_exact(self) -> float:
        """Seconds until every app process lists what there is."""
        began = time.monotonic()
        for app in self._apps:
            while (found := await listed(app)) != self._cluster.counts:
                if time.monotonic() - began > _EXACT_WITHIN_SECONDS:
                    wrong = sorted(set(found.items()) ^ set(self._cluster.counts.items()))
                    raise SimulationError(f"the list at port {app.port} is wrong: {wrong[:6]}")
                await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def _until_written(self, within: float = _WRITTEN_WITHIN_SECONDS) -> float:
        """Seconds until the history has every room, session and track, and those open that are."""
        live, inside = len(self._cluster.rooms), sum(self._cluster.counts.values())
        wanted = {
            "rooms": (self._rooms_begun, live),
            "sessions": (self._sessions, inside),
            "tracks": (2 * self._sessions, 2 * inside),
        }
        began = time.monotonic()
        while (found := await self._stage.rows()) != wanted:
            if time.monotonic() - began > within:
                raise SimulationError(f"the history has {found} (all, open) and not {wanted}")
            await asyncio.sleep(0.1)
        return time.monotonic() - began

    # -- figures -------------------------------------------------------------------------------------------------------
    def _forget(self) -> None:
        self._token_ms.clear()
        self._poster.took_ms.clear()
        self._poster.posted.clear()
        self._poster.tried_again.clear()
        self._cluster.calls.clear()
        self._cluster.bytes.clear()
        for page in self._pages:
            page.forget()

    def _figures(self, before: Costs, after: Costs, joins: int) -> Run:
        """Of one phase."""
        for page in self._pages:
            if page.failure is not None:
                raise SimulationError(f"a page has failed: {page.failure!r}")
        seconds = after.at - before.at
        apps = sum(after.apps) - sum(before.apps)
        webhooks = sum(self._poster.posted.values())
        return {
            "seconds": seconds,
            "joins_per_second": joins / seconds,
            "webhooks_per_second": webhooks / seconds,
            "webhooks_tried_again": dict(self._poster.tried_again),
            "token_ms": _spread(self._token_ms),
            "webhook_ms": _spread(self._poster.took_ms),
            "list_ms": _spread([each for page in self._pages for each in page.list_ms]),
            "list_kb": _spread([each / 1024 for page in self._pages for each in page.list_bytes]),
            "lag_ms": _spread([each for page in self._pages for each in page.taken_lag()]),
            "lists_per_second": sum(len(page.list_ms) for page in self._pages) / seconds,
            "notices_per_second": sum(page.notices for page in self._pages) / seconds / max(1, len(self._pages)),
            "app_cpu": [(now - then) / seconds for then, now in zip(before.apps, after.apps, strict=True)],
            "app_cpu_ms_per_join": apps * 1e3 / joins,
            "redis_cpu": (after.redis - before.redis) / seconds,
            "redis_cpu_us_per_join": (after.redis - before.redis) * 1e6 / joins,
            "redis_commands_per_second": (after.redis_commands - before.redis_commands) / seconds,
            "redis_commands_per_join": (after.redis_commands - before.redis_commands) / joins,
            "postgres_cpu": (after.postgres - before.postgres) / seconds,
            "postgres_cpu_us_per_join": (after.postgres - before.postgres) * 1e6 / joins,
            "commits_per_second": (after.commits - before.commits) / seconds,
            "generator_cpu": (after.generator - before.generator) / seconds,
            "cluster_calls_per_second": {name: count / seconds for name, count in self._cluster.calls.items()},
            "cluster_kb_per_second": {name: size / 1024 / seconds for name, size in self._cluster.bytes.items()},
        }


def _spread(values: Sequence[float]) -> Run:
    if not values:
        return {"count": 0}
    return {
        "count": len(values),
        "p50": percentile(values, 50),
        "p99": percentile(values, 99),
        "most": max(values),
    }


async def _together(work: Sequence[Awaitable[None]]) -> None:
    """All of it; the first that fails ends the others."""
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)  # pyright: ignore[reportArgumentType]
