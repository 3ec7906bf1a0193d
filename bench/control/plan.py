"""How large the simulation is."""

import itertools
import random
from dataclasses import dataclass

# Ten people a room on average, none with as many as another nine.
_SIZES = (2, 4, 6, 8, 10, 10, 12, 14, 16, 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run.

    Attributes:
        people: who come in all; hundreds.
        processes: app processes.
        at_once: joins under way at the same time.
        filling: rooms that fill at the same time.
        pages: open at home, at each app process; they fetch the list when the hub says so.
        churn: people who leave in each second of the second phase; as many come.
        steady: seconds of the second phase.
        empties: at the end everybody leaves, and that is measured too.
        found: nothing of that: all are there before the first process begins, with nothing in the history, and that is
            measured.
    """

    people: int
    processes: int
    at_once: int = 32
    filling: int = 200
    pages: int = 2
    churn: int = 30
    steady: float = 30.0
    empties: bool = False
    found: bool = False

    @property
    def rooms(self) -> int:
        """How many there are."""
        return len(self.sizes)

    @property
    def sizes(self) -> list[int]:
        """Of the rooms."""
        sizes: list[int] = []
        left, cycle = self.people, itertools.cycle(_SIZES)
        while left > 0:
            sizes.append(min(next(cycle), left))
            left -= sizes[-1]
        return sizes

    def arrivals(self) -> list[tuple[str, str]]:
        """Room and identity of all who come, in the order in which they do; the same for each run."""
        at_random = random.Random(1)
        coming = [
            (room + at_random.random() * self.filling, f"room-{room:05}", f"person-{room:05}-{number:02}")
            for room, size in enumerate(self.sizes)
            for number in range(size)
        ]
        return [(room, identity) for _, room, identity in sorted(coming)]
