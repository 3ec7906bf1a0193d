"""What is asked of the history, and what is found: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_PAGE_SIZE = 500
KINDS = ("rooms", "sessions", "tracks")
"""What there is a history of."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """What to find. Empty or None: anything.

    Attributes:
        room: part of a room's name, or a room's id.
        person: part of a name or identity, or a session's id.
        since: ms since the epoch: what was still going on then, or later.
        until: ms since the epoch: what had begun by then.
    """

    room: str = ""
    person: str = ""
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was found.

    Attributes:
        rows: by column; rooms have `people`, the number of sessions.
        total: how many there are in all.
    """

    rows: list[Row]
    total: int
