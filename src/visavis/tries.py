"""How often somebody has tried something lately: what limits of rates are made of."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

# Who has more of them than this forgets the oldest.
_MAX_KEYS = 4096


class Tries(Protocol):
    """Counts tries by key; a count begins with the first and is forgotten so many seconds later."""

    async def count(self, key: str) -> tuple[int, float]:
        """How many there were, and in how many seconds they are forgotten."""
        ...

    async def add(self, key: str, within: float) -> int:
        """One more; returns how many that makes.

        Args:
            key: of whom and what.
            within: seconds after the first in which all are counted.
        """
        ...

    async def forget(self, key: str) -> None:
        """From now on there were none."""
        ...


class LocalTries:
    """Of this process alone.

    Args:
        now: seconds of a monotonic clock.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._counted: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def count(self, key: str) -> tuple[int, float]:
        """See `Tries`."""
        tries, until = self._counted.get(key, (0, 0.0))
        left = until - self._now()
        if left <= 0:
            self._counted.pop(key, None)
            return 0, 0.0
        return tries, left

    async def add(self, key: str, within: float) -> int:
        """See `Tries`."""
        tries, left = await self.count(key)
        self._counted[key] = (tries + 1, self._now() + (left or within))
        self._counted.move_to_end(key)
        while len(self._counted) > _MAX_KEYS:
            self._counted.popitem(last=False)
        return tries + 1

    async def forget(self, key: str) -> None:
        """See `Tries`."""
        self._counted.pop(key, None)
