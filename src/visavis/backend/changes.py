"""Who wants to know that rooms or counts have changed."""

from collections.abc import Callable

import structlog

_log = structlog.stdlib.get_logger(__name__)


class Changes:
    """Calls back."""

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[[], None]] = {}

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls `callback` after each change of rooms or counts; returns what ends that."""
        key = object()
        self._callbacks[key] = callback

        def end() -> None:
            self._callbacks.pop(key, None)

        return end

    def __call__(self) -> None:
        """There was a change."""
        for callback in list(self._callbacks.values()):
            try:
                callback()
            except Exception:
                # A listener's bug is not a reason to fail a join.
                _log.exception("change_callback_failed")
