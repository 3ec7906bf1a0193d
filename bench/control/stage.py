"""The real parts: app processes, Redis, PostgreSQL; and what each has cost so far."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from redis.asyncio import Redis

ROOT = Path(__file__).parents[2]
# Servers are started here as in the tests.
sys.path.append(str(ROOT / "tests"))

from databases import Postgres, postgres  # noqa: E402
from ports import port  # noqa: E402
from servers import MediaServer, RedisServer, redis_server, visavis_server  # noqa: E402

_TICKS = os.sysconf("SC_CLK_TCK")
_CLUSTER, _REDIS, _POSTGRES, _APPS = port(0), port(1), port(2), port(10)


@dataclass(frozen=True, slots=True)
class Costs:
    """At one moment.

    Attributes:
        at: seconds, monotonic.
        apps: CPU seconds of each app process.
        redis: CPU seconds.
        postgres: CPU seconds of all its processes that live.
        generator: CPU seconds of this process, the stand-in included.
        redis_commands: how many Redis has done.
        commits: transactions of PostgreSQL.
    """

    at: float
    apps: tuple[float, ...]
    redis: float
    postgres: float
    generator: float
    redis_commands: int
    commits: int


@dataclass(slots=True)
class Stage:
    """What runs.

    Attributes:
        apps: app processes.
        redis: that they share.
        database: that they share.
        url: of the database.
        start: starts an app process, the one of that number.
    """

    apps: list[MediaServer]
    redis: RedisServer
    database: Postgres
    url: str
    start: Callable[[int], contextlib.AbstractContextManager[MediaServer]]

    @property
    def key(self) -> tuple[str, str]:
        """API key and secret of the cluster."""
        key = MediaServer("", 0, 0)
        return key.api_key, key.api_secret

    async def costs(self) -> Costs:
        """So far."""
        told = await self._redis_info()
        return Costs(
            at=time.monotonic(),
            apps=tuple(cpu(pid) for pid in self._pids),
            redis=told["used_cpu_sys"] + told["used_cpu_user"],
            postgres=sum(_cpu_of_children(self.database.pid), cpu(self.database.pid)),
            generator=time.process_time(),
            redis_commands=told["total_commands_processed"],
            commits=await self.select("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"),
        )

    @contextlib.asynccontextmanager
    async def another(self) -> AsyncGenerator[MediaServer]:
        """One more app process, until it is wanted no more; it listens, and may not answer yet."""
        # They ask the cluster, which is in this thread, before they answer.
        starting = self.start(len(self.apps))
        app = await asyncio.to_thread(starting.__enter__)
        try:
            yield app
        finally:
            await asyncio.to_thread(starting.__exit__, None, None, None)

    def memory_mb(self) -> list[float]:
        """Resident, of each app process."""
        return [memory_kb(pid) / 1024 for pid in self._pids]

    async def redis_mb(self) -> float:
        """What Redis says it uses."""
        return (await self._redis_info())["used_memory"] / 2**20

    async def database_mb(self) -> float:
        """On disk, indexes included."""
        return await self.select("SELECT pg_database_size(current_database())") / 2**20

    async def rows(self) -> dict[str, tuple[int, int]]:
        """How many rooms, sessions and tracks the history has, and how many of these are open."""
        found: dict[str, tuple[int, int]] = {}
        for table in ("rooms", "sessions", "tracks"):
            # Of no one's input.
            every = await self.select(f"SELECT count(*) FROM {table}")
            found[table] = every, await self.select(f"SELECT count(*) FROM {table} WHERE ended_at IS NULL")
        return found

    async def select(self, statement: str) -> Any:
        """One value."""
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    @property
    def _pids(self) -> list[int]:
        return [app.process.pid for app in self.apps if app.process is not None]

    async def _redis_info(self) -> Mapping[str, Any]:
        async with Redis.from_url(self.redis.url) as client:
            return await client.info()


def cluster_port() -> int:
    """Where the stand-in answers."""
    return _CLUSTER


@contextlib.asynccontextmanager
async def stage(processes: int) -> AsyncGenerator[Stage]:
    """Starts all of it, and ends it. The cluster must answer before."""
    async with contextlib.AsyncExitStack() as stack:
        redis = stack.enter_context(redis_server(_REDIS))
        database = stack.enter_context(postgres(_POSTGRES, is_durable=True))
        url = await database.make_database()
        settings = {
            "backend": "livekit",
            "livekit_url": f"http://127.0.0.1:{cluster_port()}",
            "redis_url": redis.url,
            "database_url": url,
        }

        def start(number: int) -> contextlib.AbstractContextManager[MediaServer]:
            return visavis_server(_APPS + 10 * number, **settings)

        running = Stage([], redis, database, url, start)
        for _ in range(processes):
            running.apps.append(await stack.enter_async_context(running.another()))
        yield running


def cpu(pid: int) -> float:
    """Seconds that it has had: user and system time of all its threads; see `processes.Server.cpu_seconds`."""
    return time.clock_gettime((~pid << 3) | 2)


def _cpu_of_children(pid: int) -> list[float]:
    found: list[float] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the command (proc(5)): state, parent, …, utime and stime as fields 14 and 15.
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append((int(fields[11]) + int(fields[12])) / _TICKS)
    return found


def memory_kb(pid: int) -> int:
    """Resident now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
