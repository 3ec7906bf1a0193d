"""What all processes in front of one cluster share, and how they tell each other; `LocalShared` is for a single one."""

import bisect
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

from visavis.tries import LocalTries, Tries

T = TypeVar("T")

Change = Callable[[bytes | None], tuple[bytes | None, T]]
"""Makes of what there is what shall be, None: nothing; and an answer. It may be asked again, if somebody was faster."""


class Claim(StrEnum):
    """Whose something is that may be done only once."""

    MINE = "mine"
    """Nobody has done it: it is to be done here."""
    SOMEBODYS = "somebodys"
    """Somebody is at it."""
    DONE = "done"
    """It was done."""
    GUESSED = "guessed"
    """It was done, by somebody who did not know all of it."""


class Shared(Protocol):
    """Small values by key, messages to all processes, and times at which one of them shall do something.

    All raise `VisavisError` `REDIS_UNREACHABLE` when what is shared cannot be reached.
    """

    @property
    def is_alone(self) -> bool:
        """Whether there are no other processes."""
        ...

    @property
    def tries(self) -> Tries:
        """Counts over all processes."""
        ...

    async def start(self, hear: Callable[[Mapping[str, object]], None], resumed: Callable[[], None]) -> None:
        """Begins to listen; returns at once, whether or not anything answers.

        Args:
            hear: is called with what the others `tell`.
            resumed: is called when messages may have been missed, and come again from now on.
        """
        ...

    async def aclose(self) -> None:
        """Ends."""
        ...

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values."""
        ...

    async def change(self, key: str, change: Change[T], *, seconds: float) -> T:
        """Changes a value in one step, which then is kept for so many seconds."""
        ...

    async def put(self, key: str, field: str, value: bytes, *, seconds: float) -> None:
        """Keeps one of several values under one key, which all are kept for so many seconds."""
        ...

    async def fields(self, key: str, names: Sequence[str]) -> list[bytes | None]:
        """Those that `put` keeps."""
        ...

    async def forget(self, key: str) -> None:
        """There is nothing under this key any more."""
        ...

    async def claim(self, key: str, *, seconds: float) -> Claim:
        """Whether something is to be done here; for so many seconds nobody else is told to, unless it is settled."""
        ...

    async def settle(self, key: str, *, seconds: float, claim: Claim = Claim.DONE) -> None:
        """It was done, which is remembered for so many seconds; 0: it was not, and somebody else may."""
        ...

    async def schedule(self, name: str, at: float) -> None:
        """Somebody shall look after `name` then (seconds since the epoch), or before, if that was said already."""
        ...

    async def due(self) -> list[str]:
        """What is due, for the one who asks first."""
        ...

    async def tell(self, message: Mapping[str, object]) -> None:
        """Tells the other processes, those that listen now."""
        ...

    async def check(self) -> None:
        """Raises what it raises if it does not answer."""
        ...


class LocalShared:
    """For one process alone.

    Args:
        wall: seconds since the epoch.
    """

    is_alone = True

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self.tries: Tries = LocalTries(wall)
        self._values: dict[str, tuple[float, bytes]] = {}
        self._fields: dict[str, tuple[float, dict[str, bytes]]] = {}
        self._claims: OrderedDict[str, tuple[float, Claim]] = OrderedDict()
        self._due: list[tuple[float, str]] = []
        self._swept_at = wall()

    async def start(self, hear: Callable[[Mapping[str, object]], None], resumed: Callable[[], None]) -> None:
        """See `Shared`. Nobody else tells anything."""

    async def aclose(self) -> None:
        """See `Shared`."""

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `Shared`."""
        return [self._value(key) for key in keys]

    async def change(self, key: str, change: Change[T], *, seconds: float) -> T:
        """See `Shared`."""
        self._sweep()
        value, answer = change(self._value(key))
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = (self._wall() + seconds, value)
        return answer

    async def put(self, key: str, field: str, value: bytes, *, seconds: float) -> None:
        """See `Shared`."""
        _, fields = self._fields.get(key, (0.0, {}))
        fields[field] = value
        self._fields[key] = (self._wall() + seconds, fields)

    async def fields(self, key: str, names: Sequence[str]) -> list[bytes | None]:
        """See `Shared`."""
        until, fields = self._fields.get(key, (0.0, {}))
        return [fields.get(name) if until > self._wall() else None for name in names]

    async def forget(self, key: str) -> None:
        """See `Shared`."""
        self._values.pop(key, None)
        self._fields.pop(key, None)

    async def claim(self, key: str, *, seconds: float) -> Claim:
        """See `Shared`."""
        now = self._wall()
        until, claim = self._claims.get(key, (0.0, Claim.MINE))
        if until > now:
            return claim
        self._claims[key] = (now + seconds, Claim.SOMEBODYS)
        self._claims.move_to_end(key)
        while self._claims and next(iter(self._claims.values()))[0] <= now:
            self._claims.popitem(last=False)
        return Claim.MINE

    async def settle(self, key: str, *, seconds: float, claim: Claim = Claim.DONE) -> None:
        """See `Shared`."""
        if seconds:
            self._claims[key] = (self._wall() + seconds, claim)
            self._claims.move_to_end(key)
        else:
            self._claims.pop(key, None)

    async def schedule(self, name: str, at: float) -> None:
        """See `Shared`."""
        if not any(each == name and before <= at for before, each in self._due):
            self._due = [each for each in self._due if each[1] != name]
            bisect.insort(self._due, (at, name))

    async def due(self) -> list[str]:
        """See `Shared`."""
        now = self._wall()
        due = [name for at, name in self._due if at <= now]
        self._due = self._due[len(due) :]
        return due

    async def tell(self, message: Mapping[str, object]) -> None:
        """See `Shared`."""

    async def check(self) -> None:
        """See `Shared`."""

    def _value(self, key: str) -> bytes | None:
        until, value = self._values.get(key, (0.0, b""))
        return value if until > self._wall() else None

    def _sweep(self) -> None:
        """Once a minute, what nobody keeps any more."""
        now = self._wall()
        if now - self._swept_at < 60.0:
            return
        self._swept_at = now
        self._values = {key: each for key, each in self._values.items() if each[0] > now}
        self._fields = {key: each for key, each in self._fields.items() if each[0] > now}
