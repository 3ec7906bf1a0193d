"""Who waits before a room, and what became of it. No clock: times come in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from visavis.errors import ErrorKind, VisavisError

MAX_WAITING = 50
MAX_POLLS = 4
MAX_SHOWN_NAME = 100
# A page asks again at once when an answer to its question has come; who takes longer has gone.
PATIENCE_SECONDS = 10.0
_MAX_REFUSED = 1000


class Verdict(StrEnum):
    """What became of somebody who waits."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    REFUSED = "refused"


@dataclass(slots=True, kw_only=True)
class Knock:
    """Somebody who waits.

    Attributes:
        id: of the holder.
        identity: that it claims.
        name: that it gives, cut to what can be shown.
        since: of the monotonic clock.
        polls: open questions whether it may come in. While there is one, it is there.
        asked_at: when the last of them ended.
    """

    id: str
    identity: str
    name: str
    since: float
    polls: int = 0
    asked_at: float
    wake: set[Callable[[], None]] = field(default_factory=set[Callable[[], None]])


class WaitingRoom:
    """Of one room."""

    def __init__(self) -> None:
        self._knocks: dict[str, Knock] = {}
        self._admitted: set[str] = set()
        self._refused: dict[str, None] = {}

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> "WaitingRoom":
        """As it was when `to_json` was asked; nobody is woken."""
        waiting = cls()
        for id_, identity, name, since, asked_at in json["knocks"]:
            waiting._knocks[id_] = Knock(id=id_, identity=identity, name=name, since=since, asked_at=asked_at)
        waiting._admitted = set(json["admitted"])
        waiting._refused = dict.fromkeys(json["refused"])
        return waiting

    def to_json(self) -> dict[str, Any]:
        """All but the questions that are open."""
        return {
            "knocks": [
                [each.id, each.identity, each.name, each.since, each.asked_at] for each in self._knocks.values()
            ],
            "admitted": sorted(self._admitted),
            "refused": list(self._refused),
        }

    def __len__(self) -> int:
        return len(self._knocks)

    def admits(self, holder: str) -> bool:
        """Whether a moderator has let the holder in."""
        return holder in self._admitted

    def verdict(self, holder: str) -> Verdict:
        """What became of the holder so far."""
        if holder in self._admitted:
            return Verdict.ADMITTED
        return Verdict.REFUSED if holder in self._refused else Verdict.WAITING

    def waiting(self, now: float) -> list[Knock]:
        """Who waits, the first first."""
        self.forget_absent(now)
        return list(self._knocks.values())

    def knock(self, holder: str, *, identity: str, name: str, now: float, wake: Callable[[], None]) -> bool:
        """Begins a question of the holder whether it may come in; returns whether it is new here.

        Args:
            holder: its id.
            identity: that it claims.
            name: that it gives.
            now: of the monotonic clock.
            wake: is called when there is a verdict.

        Raises:
            VisavisError: `TOO_MANY_REQUESTS`.
        """
        self.forget_absent(now)
        knock = self._knocks.get(holder)
        is_new = knock is None
        if knock is None:
            if len(self._knocks) >= MAX_WAITING:
                raise _too_many(f"{MAX_WAITING} people wait already: try again in a moment")
            knock = Knock(id=holder, identity=identity, name=_shown(name), since=now, asked_at=now)
            self._knocks[holder] = knock
        elif knock.polls >= MAX_POLLS:
            raise _too_many(f"you wait with {MAX_POLLS} requests already: wait for the answer to one")
        knock.polls += 1
        knock.wake.add(wake)
        return is_new

    def stop_asking(self, holder: str, *, now: float, wake: Callable[[], None]) -> None:
        """Ends a question, answered or not."""
        knock = self._knocks.get(holder)
        if knock is None or wake not in knock.wake:
            return
        knock.wake.remove(wake)
        knock.polls -= 1
        knock.asked_at = now

    def expect(self, holder: str, *, until: float) -> None:
        """Who waits is taken to ask until then, where nobody is told of the end of a question."""
        knock = self._knocks.get(holder)
        if knock is not None:
            knock.polls, knock.asked_at = 0, until

    def decide(self, holder: str | None, *, is_admitted: bool) -> int:
        """Lets somebody who waits in or not, or everybody (None); returns how many that were."""
        decided = (
            list(self._knocks.values()) if holder is None else [self._knocks[holder]] if holder in self._knocks else []
        )
        for knock in decided:
            del self._knocks[knock.id]
            if is_admitted:
                self._admitted.add(knock.id)
            else:
                self._refused[knock.id] = None
                if len(self._refused) > _MAX_REFUSED:
                    del self._refused[next(iter(self._refused))]
            _wake(knock)
        return len(decided)

    def disperse(self) -> None:
        """Has everybody who waits ask anew: the reason to wait is gone, or the room is."""
        knocks, self._knocks = self._knocks, {}
        for knock in knocks.values():
            _wake(knock)

    def forget_absent(self, now: float) -> bool:
        """Forgets who does not ask any more; returns whether there was any."""
        gone = [each.id for each in self._knocks.values() if not each.polls and now - each.asked_at >= PATIENCE_SECONDS]
        for holder in gone:
            del self._knocks[holder]
        return bool(gone)


def _wake(knock: Knock) -> None:
    for wake in list(knock.wake):
        wake()


def _shown(name: str) -> str:
    return "".join(character for character in name if character.isprintable())[:MAX_SHOWN_NAME].strip()


def _too_many(message: str) -> VisavisError:
    return VisavisError(ErrorKind.TOO_MANY_REQUESTS, message)
