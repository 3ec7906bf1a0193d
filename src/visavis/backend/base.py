"""Where rooms live: the port that the API, the hub and the web page know. Implementations stand beside this file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from visavis.checkup import Checkup


@dataclass(frozen=True, slots=True)
class SaidMessage:
    """One message of a room's chat.

    Attributes:
        id: the sender's; unique among its own.
        identity: of the sender.
        name: what the sender was called then.
        text: as it was sent.
        attributes: of the text stream.
        seconds_ago: since it was said; clocks differ, so no time of day.
    """

    id: str
    identity: str
    name: str
    text: str
    attributes: Mapping[str, str]
    seconds_ago: float


@dataclass(frozen=True, slots=True)
class RoomSummary:
    """One line of the room list.

    Attributes:
        id: LiveKit's room sid, ``RM_…``.
        name: unique among the rooms that live now.
        participant_count: people connected (not agents, not hidden).
        max_participants: capacity.
    """

    id: str
    name: str
    participant_count: int
    max_participants: int


class Backend(Protocol):
    """Rooms, wherever they live."""

    async def start(self) -> None:
        """Opens what it needs. Called once, before anything else; idempotent."""

    async def stop(self) -> None:
        """Tells every participant (leave, server shutdown) and ends within two seconds. Idempotent."""

    def rooms(self) -> list[RoomSummary]:
        """The rooms that live now, in order of creation. From memory, in one step."""
        ...

    def token(self, identity: str, *, name: str = "", room: str | None = None) -> str:
        """A LiveKit token for `identity`; with no `room` it joins nowhere until exchanged for one that does."""
        ...

    def exchange(self, token: str, room: str) -> str:
        """The token for `room` of whoever holds a token that names none: same identity, name and expiry."""
        ...

    def identity_of(self, token: str) -> str:
        """Whose token it is."""
        ...

    def chat(self, token: str, room: str) -> list[SaidMessage]:
        """What was said in the chat of `room`, oldest first, for who holds a token for it and is inside now."""
        ...

    def checkup(self, caller: str) -> Checkup:
        """Begins a test of a connection in a room that is not listed; so many for each caller."""
        ...

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls `callback` after each change of rooms or counts; returns what ends that."""
        ...
