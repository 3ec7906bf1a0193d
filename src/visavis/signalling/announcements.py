"""What all in a large room are told of those who come and go: a moment later, and together.

Told one by one, each of N who join is told of each of the others. That is N² frames, and writing frames is most of
what a join costs then. livekit-server gathers for three seconds what it tells of those who publish nothing.
"""

from collections.abc import Callable, Iterable

from livekit.protocol import models

from visavis.signalling import messages

SMALL_ROOM = 16
"""So many are told at once."""
_SECONDS_EACH = 0.01
_MAX_SECONDS = 1.0
"""Between two frames to all: who comes and goes costs a room of up to 100 no more than 100 frames a second."""


class Announcements:
    """The first in a while goes out at once; what follows soon after waits for a later one, or for the clock."""

    def __init__(self, send: Callable[[Iterable[bytes]], None], *, now: float) -> None:
        """Nothing waits; `send` sends frames to everybody in the room, `now` is of the monotonic clock."""
        self._send = send
        self._waiting: dict[str, models.ParticipantInfo] = {}
        self._pause_until = now

    def add(self, info: models.ParticipantInfo, *, audience: int, now: float) -> None:
        """Tells of one participant. `info` is not changed afterwards, and replaces what waits of the same one.

        Of one who is about to connect only together with that, or with others: in a moment there is more to tell.
        """
        self._waiting[info.sid] = info
        is_about_to_connect = info.state == models.ParticipantInfo.JOINED
        if audience <= SMALL_ROOM or (now >= self._pause_until and not is_about_to_connect):
            self._pause_until = now + min(audience * _SECONDS_EACH, _MAX_SECONDS)
            self.flush()

    def tick(self, *, audience: int, now: float) -> None:
        """Tells what waits, if it has waited long enough. To be called about twice a second."""
        if self._waiting and now >= self._pause_until:
            self._pause_until = now + min(audience * _SECONDS_EACH, _MAX_SECONDS)
            self.flush()

    def flush(self) -> None:
        """Tells what waits. To be called before all are told something else of participants: the order matters."""
        if self._waiting:
            infos = list(self._waiting.values())
            self._waiting.clear()
            self._send(messages.updates(infos))
