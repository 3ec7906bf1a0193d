"""Throw-away rooms in which one person tests the own connection: how many there may be, and for how long. No I/O.

Such a room is a room like any other to media and signalling. It is left out of the room list and of what happens,
because nobody meets in it.
"""

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from visavis.auth import Claims, KeyRing, VideoGrants
from visavis.errors import ErrorKind, VisavisError

# A test takes half a minute; who reads what it says and then speaks into the microphone takes longer.
LIFE_SECONDS = 300.0
# A token is taken for a minute after its end, so its room may come to life again for so long.
_LEEWAY_SECONDS = 60.0
# Behind one address there may be a whole school.
PER_CALLER_AND_MINUTE = 12
IN_ALL = 60
# Its own two, and one for each hop that is tried by itself.
PROBES = 6


@dataclass(frozen=True, slots=True)
class Checkup:
    """What the page needs for one test.

    Attributes:
        room: made by whoever comes first, with one of the tokens.
        sender: token of who publishes.
        hearer: token of who receives it.
        probes: tokens of those who try one way of connecting each.
        seconds: how long all of it is good.
        backend: who carries the media, by the name of the setting: what is to be set where something fails is its.
    """

    room: str
    sender: str
    hearer: str
    probes: tuple[str, ...]
    seconds: float
    backend: Literal["embedded", "livekit"]

    @classmethod
    def in_room(cls, room: str, keys: KeyRing, backend: Literal["embedded", "livekit"]) -> "Checkup":
        """A test in this room, with tokens that `keys` sign."""

        def mint(identity: str) -> str:
            # By the tokens, because the room is made by whoever of the test comes first.
            configuration = {"maxParticipants": PROBES + 2, "emptyTimeout": 5, "departureTimeout": 5}
            grants = VideoGrants(room_join=True, room=room, can_publish=True, can_subscribe=True, can_publish_data=True)
            claims = Claims(identity=identity, video=grants, room_config=configuration)
            return keys.mint(claims, ttl=LIFE_SECONDS)

        probes = tuple(mint(f"probe-{number}") for number in range(1, PROBES + 1))
        return cls(room, mint("sender"), mint("hearer"), probes, LIFE_SECONDS, backend)


class Checkups:
    """The rooms of the tests that were begun lately."""

    def __init__(self, now: Callable[[], float]) -> None:
        """None yet.

        Args:
            now: seconds of a monotonic clock.
        """
        self._now = now
        self._begun: dict[str, float] = {}
        self._by_caller: dict[str, deque[float]] = {}

    def __contains__(self, room: str) -> bool:
        return room in self._begun

    def begin(self, caller: str) -> str:
        """The name of a new room, which nobody can guess.

        Args:
            caller: whose number of tests is limited: an address, for instance.

        Raises:
            VisavisError: `TOO_MANY_REQUESTS`.
        """
        now = self._now()
        self._forget(now)
        times = self._by_caller.setdefault(caller, deque())
        if len(times) >= PER_CALLER_AND_MINUTE:
            raise VisavisError(
                ErrorKind.TOO_MANY_REQUESTS,
                f"{len(times)} connection tests were begun from this address within a minute: wait a minute",
            )
        if sum(1 for begun in self._begun.values() if now - begun < LIFE_SECONDS) >= IN_ALL:
            raise VisavisError(
                ErrorKind.TOO_MANY_REQUESTS,
                f"{IN_ALL} connection tests run on this server now: try again in a few minutes",
            )
        times.append(now)
        room = f"checkup-{secrets.token_urlsafe(12)}"
        self._begun[room] = now
        return room

    def over(self) -> list[str]:
        """The rooms that are to end, if they live."""
        now = self._now()
        self._forget(now)
        return [room for room, begun in self._begun.items() if now - begun >= LIFE_SECONDS]

    def _forget(self, now: float) -> None:
        for room in [name for name, begun in self._begun.items() if now - begun >= LIFE_SECONDS + _LEEWAY_SECONDS + 1]:
            del self._begun[room]
        for caller, times in list(self._by_caller.items()):
            while times and now - times[0] >= 60.0:
                times.popleft()
            if not times:
                del self._by_caller[caller]
