"""Brings the core's events into the event loop: waits for its descriptor, drains it, hands over one by one."""

import asyncio
from collections.abc import Callable

import structlog

from visavis.media.engine import MediaEngine
from visavis.media.events import Event

_log = structlog.stdlib.get_logger(__name__)


class Dispatcher:
    """Calls `handle` for each event of `engine`, in order, in the event loop that started it."""

    def __init__(self, engine: MediaEngine, handle: Callable[[Event], None]) -> None:
        self._engine = engine
        self._handle = handle
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fileno = -1

    def start(self) -> None:
        """Begins to listen in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._fileno = self._engine.fileno()
        self._loop.add_reader(self._fileno, self.dispatch)

    def stop(self) -> None:
        """Ends; twice is fine."""
        if self._loop is not None:
            self._loop.remove_reader(self._fileno)
            self._loop = None

    def dispatch(self) -> None:
        """Handles all events that wait now."""
        for event in self._engine.drain():
            try:
                self._handle(event)
            except Exception:
                # A bug in handling one event must not take the events of all other rooms with it.
                _log.exception("event_failed", media_event=type(event).__name__)
