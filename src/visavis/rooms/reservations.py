"""Rooms that somebody was given a token to make, and that do not live yet.

Kept for a moment, so that of two who make the same room at once one is its maker; bounded, because anybody may ask.
"""

from visavis.rooms.moderation import Moderation

RESERVED_SECONDS = 60.0
MAX_RESERVED = 1000


class Reservations:
    """By the name of the room."""

    def __init__(self) -> None:
        self._reserved: dict[str, tuple[float, Moderation]] = {}

    def get(self, name: str, *, now: float) -> Moderation | None:
        """The moderation of the room of this name, if it is reserved."""
        until, moderation = self._reserved.get(name, (now, None))
        return moderation if until > now else None

    def put(self, name: str, moderation: Moderation, *, now: float) -> None:
        """Reserves the name from now on. Where too many are, the oldest goes; its maker then must come first."""
        self._reserved.pop(name, None)
        self._reserved[name] = (now + RESERVED_SECONDS, moderation)
        while self._reserved:
            oldest = next(iter(self._reserved))
            if len(self._reserved) <= MAX_RESERVED and self._reserved[oldest][0] > now:
                break
            del self._reserved[oldest]

    def take(self, name: str, *, now: float) -> Moderation | None:
        """The moderation for the room that begins now."""
        until, moderation = self._reserved.pop(name, (now, None))
        return moderation if until > now else None
