"""What each socket waits by. As asyncio's own, without the queues that these keep for many who wait: 0.8 kB each."""

import asyncio
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Flag:
    """An `asyncio.Event`."""

    __slots__ = ("_is_set", "_waiters")

    def __init__(self) -> None:
        """Not set."""
        self._is_set = False
        self._waiters: list[asyncio.Future[None]] = []

    def is_set(self) -> bool:
        """Whether nobody has to wait."""
        return self._is_set

    def set(self) -> None:
        """Wakes all who wait, and lets all who come pass."""
        self._is_set = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def clear(self) -> None:
        """From now on who comes waits."""
        self._is_set = False

    async def wait(self) -> None:
        """Until it is set."""
        if self._is_set:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)


class Unread(Generic[Item]):
    """An `asyncio.Queue` without a limit, for the few items that one socket has."""

    __slots__ = ("_has_items", "_items")

    def __init__(self) -> None:
        """Empty."""
        self._items: list[Item] = []
        self._has_items = Flag()

    def qsize(self) -> int:
        """How many there are."""
        return len(self._items)

    def empty(self) -> bool:
        """Whether there are none."""
        return not self._items

    def put_nowait(self, item: Item) -> None:
        """Adds one."""
        self._items.append(item)
        self._has_items.set()

    async def get(self) -> Item:
        """Waits for one, and takes it."""
        while not self._items:
            self._has_items.clear()
            await self._has_items.wait()
        return self.get_nowait()

    def get_nowait(self) -> Item:
        """Takes one that is there."""
        return self._items.pop(0)
