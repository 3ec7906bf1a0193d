"""What the processes in front of one cluster share, in Redis. Its loss is told in words, and mends by itself."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from visavis.backend.livekit.ending import end
from visavis.backend.livekit.shared import Change, Claim
from visavis.errors import ErrorKind, VisavisError

_log = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")

_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 3.0
_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
# A connection over which nothing comes for so long is asked whether it is there.
_SILENCE_SECONDS = 5.0
_MAX_CHANGES_IN_A_ROW = 100
_MAX_TOGETHER = 256
# One that asks and one that listens; and those that end.
_MAX_CONNECTIONS = 8
_DUE_AT_ONCE = 100

# Sets a value if it is still what it was made of; an empty text stands for none.
_SWAP = """
local found = redis.call('GET', KEYS[1]) or ''
if found ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""
_TAKE_DUE = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
if #due > 0 then redis.call('ZREM', KEYS[1], unpack(due)) end
return due
"""
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
"""


class RedisShared:
    """For any number of processes.

    Args:
        url: of Redis, as in the setting `redis_url`.
        prefix: of all keys; installations that share a Redis differ in it.
        wall: seconds since the epoch.
    """

    is_alone = False

    def __init__(self, url: str, prefix: str, wall: Callable[[], float] = time.time) -> None:
        self.prefix, self._wall = prefix, wall
        try:
            # Its types are those of its client without asyncio, too.
            self._redis: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
                url,
                socket_connect_timeout=_CONNECT_SECONDS,
                socket_timeout=_ANSWER_SECONDS,
                health_check_interval=_SILENCE_SECONDS,
                max_connections=_MAX_CONNECTIONS,
                # Once more, over a new connection: the one from before a restart is dead.
                retry=Retry(NoBackoff(), 1),
            )
        except ValueError as error:
            raise VisavisError(ErrorKind.INVALID_SETTING, f"redis_url cannot be used: {error}") from error
        self.tries = _RedisTries(self)
        self._me = secrets.token_urlsafe(9)
        self._channel = f"{prefix}told"
        self._listener: asyncio.Task[None] | None = None
        self._asked: list[tuple[tuple[object, ...], asyncio.Future[Any]]] = []
        self._carrier: asyncio.Task[None] | None = None
        self._is_lost = False

    async def start(self, hear: Callable[[Mapping[str, object]], None], resumed: Callable[[], None]) -> None:
        """See `Shared`."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(hear, resumed), name="listen to the other processes")

    async def aclose(self) -> None:
        """See `Shared`."""
        await end(*(task for task in (self._listener, self._carrier) if task is not None))
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `Shared`."""
        if not keys:
            return []
        return list(await self.ask("MGET", *(self.prefix + key for key in keys)))

    async def change(self, key: str, change: Change[T], *, seconds: float) -> T:
        """See `Shared`."""
        for _ in range(_MAX_CHANGES_IN_A_ROW):
            [found] = await self.read([key])
            value, answer = change(found)
            if value == found:
                return answer
            if await self.run(_SWAP, key, found or b"", value or b"", int(seconds * 1000)):
                return answer
        raise VisavisError(ErrorKind.TOO_MANY_REQUESTS, "too much happens in this room at once: try again in a moment")

    async def put(self, key: str, field: str, value: bytes, *, seconds: float) -> None:
        """See `Shared`."""
        name = self.prefix + key
        await asyncio.gather(self.ask("HSET", name, field, value), self.ask("EXPIRE", name, int(seconds)))

    async def fields(self, key: str, names: Sequence[str]) -> list[bytes | None]:
        """See `Shared`."""
        if not names:
            return []
        return list(await self.ask("HMGET", self.prefix + key, *names))

    async def forget(self, key: str) -> None:
        """See `Shared`."""
        await self.ask("DEL", self.prefix + key)

    async def claim(self, key: str, *, seconds: float) -> Claim:
        """See `Shared`."""
        name = self.prefix + key
        if await self.ask("SET", name, Claim.SOMEBODYS.value, "NX", "PX", int(seconds * 1000)):
            return Claim.MINE
        found = await self.ask("GET", name)
        return Claim.SOMEBODYS if found is None else Claim(found.decode())

    async def settle(self, key: str, *, seconds: float, claim: Claim = Claim.DONE) -> None:
        """See `Shared`."""
        if seconds:
            await self.ask("SET", self.prefix + key, claim.value, "PX", int(seconds * 1000))
        else:
            await self.ask("DEL", self.prefix + key)

    async def schedule(self, name: str, at: float) -> None:
        """See `Shared`."""
        await self.ask("ZADD", f"{self.prefix}due", "LT", at, name)

    async def due(self) -> list[str]:
        """See `Shared`."""
        found = await self.run(_TAKE_DUE, "due", self._wall(), _DUE_AT_ONCE)
        return [name.decode() for name in cast(list[bytes], found)]

    async def tell(self, message: Mapping[str, object]) -> None:
        """See `Shared`."""
        await self.ask("PUBLISH", self._channel, json.dumps({**message, "by": self._me}))

    async def check(self) -> None:
        """See `Shared`."""
        await self.ask("PING")

    async def run(self, script: str, key: str, *arguments: object) -> Any:
        """What a script answers that reads and writes one key."""
        return await self.ask("EVAL", script, 1, self.prefix + key, *arguments)

    async def ask(self, *command: object) -> Any:
        """What Redis answers to one command.

        Those that wait at the same time go together: most of what a command costs is the round trip.

        Raises:
            VisavisError: `REDIS_UNREACHABLE`.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append((command, answer))
        if self._carrier is None or self._carrier.done():
            self._carrier = asyncio.create_task(self._carry(), name="ask Redis")
        try:
            return await answer
        except (RedisError, OSError, TimeoutError) as error:
            raise self._unreachable(error) from error

    async def _carry(self) -> None:
        """Asks for as long as there is something to ask; what comes meanwhile goes with the next round trip."""
        while self._asked:
            these, self._asked = self._asked[:_MAX_TOGETHER], self._asked[_MAX_TOGETHER:]
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for command, _ in these:
                        pipeline.execute_command(*command)
                    answers: list[Any] = await pipeline.execute(raise_on_error=False)
            except (RedisError, OSError, TimeoutError) as error:
                answers = [error] * len(these)
            except BaseException:
                for _, future in these + self._asked:
                    future.cancel()
                self._asked = []
                raise
            for (_, future), answer in zip(these, answers, strict=True):
                if future.done():
                    continue  # Whoever asked has gone.
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    def _unreachable(self, error: Exception) -> VisavisError:
        said = str(error) or type(error).__name__
        return VisavisError(
            ErrorKind.REDIS_UNREACHABLE,
            f"Redis does not answer ({said}): try again in a moment; see that redis_url is where it runs",
        )

    async def _listen(self, hear: Callable[[Mapping[str, object]], None], resumed: Callable[[], None]) -> None:
        failures = 0
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(self._channel)
                    await self._hear_all(pubsub, hear, resumed)
            except (RedisError, OSError, TimeoutError) as error:
                if failures == 0 and not self._is_lost:
                    _log.error(
                        "redis_lost",
                        reason=str(error) or type(error).__name__,
                        hint="see that redis_url is where it runs; calls go on, and so does this when it is back",
                    )
                failures = 0 if not self._is_lost else failures + 1
                self._is_lost = True
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])

    async def _hear_all(
        self, pubsub: Any, hear: Callable[[Mapping[str, object]], None], resumed: Callable[[], None]
    ) -> None:
        while True:
            message = await pubsub.get_message(timeout=_SILENCE_SECONDS)
            if message is None:
                await pubsub.ping()
                continue
            if message["type"] == "subscribe":
                if self._is_lost:
                    _log.info("redis_found_again")
                self._is_lost = False
                resumed()
            if message["type"] != "message":
                continue
            told = cast(Mapping[str, object], json.loads(message["data"]))
            if told.get("by") == self._me:
                continue
            try:
                hear(told)
            except Exception:
                # One message that cannot be read keeps none of the others away.
                _log.exception("message_failed")


class _RedisTries:
    """Counts over all processes."""

    def __init__(self, shared: RedisShared) -> None:
        self._shared = shared

    async def count(self, key: str) -> tuple[int, float]:
        """See `Tries`."""
        name = f"{self._shared.prefix}tries:{key}"
        found, left = await asyncio.gather(self._shared.ask("GET", name), self._shared.ask("PTTL", name))
        return (0, 0.0) if found is None else (int(found), max(0, int(left)) / 1000)

    async def add(self, key: str, within: float) -> int:
        """See `Tries`."""
        return int(await self._shared.run(_COUNT, f"tries:{key}", int(within * 1000)))

    async def forget(self, key: str) -> None:
        """See `Tries`."""
        await self._shared.forget(f"tries:{key}")
