"""Functions of the host application that are called when something happens in a room."""

import asyncio
import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import structlog
from livekit.protocol.webhook import WebhookEvent

from visavis.webhooks.happenings import EVENT_NAMES, EventName

_log = structlog.stdlib.get_logger(__name__)

Listener: TypeAlias = Callable[[WebhookEvent], Awaitable[None] | None]
ListenerT = TypeVar("ListenerT", bound=Listener)


class Listeners:
    """Calls them in the event loop, each event's in the order in which they were added."""

    def __init__(self) -> None:
        self._by_name: defaultdict[str, list[Listener]] = defaultdict(list)
        self._running: set[asyncio.Future[None]] = set()

    def on(self, name: EventName) -> Callable[[ListenerT], ListenerT]:
        """Decorates a function, plain or async, that takes the event.

        Raises:
            ValueError: there is no such event.
        """
        if name not in EVENT_NAMES:
            raise ValueError(f"there is no event {name!r}: choose one of {', '.join(sorted(EVENT_NAMES))}")

        def add(listener: ListenerT) -> ListenerT:
            self._by_name[name].append(listener)
            return listener

        return add

    def has_any(self, name: str) -> bool:
        """Whether there is one for this event."""
        return name in self._by_name

    def __call__(self, event: WebhookEvent) -> None:
        """Tells the listeners. Their errors are logged and disturb nobody."""
        for listener in self._by_name.get(event.event, ()):
            try:
                result = listener(event)
            except Exception:
                _log.exception("listener_failed", event_name=event.event)
                continue
            if inspect.isawaitable(result):
                task = asyncio.ensure_future(_logged(result, event.event))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def finished(self) -> None:
        """Waits for the async ones that run."""
        while self._running:
            await asyncio.gather(*self._running)


async def _logged(result: Awaitable[None], name: str) -> None:
    try:
        await result
    except Exception:
        _log.exception("listener_failed", event_name=name)
