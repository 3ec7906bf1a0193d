"""Where rooms live: the port that the API, the hub and the web page know. Implementations stand beside this file."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from starlette.routing import BaseRoute

from visavis.checkup import Checkup
from visavis.hub import Fanout
from visavis.identity import Caller
from visavis.rooms import RoomSettings
from visavis.tries import Tries
from visavis.webhooks import Listeners

if TYPE_CHECKING:
    from visavis.store.recorder import Recorder


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
        people: names of the first who came with a token of the API; none where moderators do not want that.
        settings: what its moderators have set.
    """

    id: str
    name: str
    participant_count: int
    max_participants: int
    people: tuple[str, ...] = ()
    settings: RoomSettings = field(default_factory=RoomSettings)


@dataclass(frozen=True, slots=True)
class Entry:
    """A token that joins a room.

    Attributes:
        token: for LiveKit clients.
        identity: whose it is.
        is_moderator: whether its holder moderates the room.
    """

    token: str
    identity: str
    is_moderator: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits to be let in.

    Attributes:
        id: for the moderators' decision.
        name: that it gives; may be empty.
        seconds: since when.
    """

    id: str
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RoomState:
    """A room as who is inside may know it.

    Attributes:
        id: LiveKit's room sid, ``RM_…``.
        name: of the room.
        settings: what the moderators have set.
        is_moderator: whether who asks moderates it.
        waiting: who waits to be let in; told to moderators only.
    """

    id: str
    name: str
    settings: RoomSettings
    is_moderator: bool
    waiting: tuple[Waiting, ...]


class Entrance(Protocol):
    """Gives out tokens to who asks the API, by the rules of the rooms. All raise `VisavisError` with why not."""

    async def token(self, caller: Caller, room: str | None, *, held: str | None) -> Entry:
        """A token for `caller`; with no `room` it joins nowhere until exchanged for one that does.

        With `held`, an earlier token of the same identity, the caller stays who it was. One that is no good is ignored.
        """
        ...

    async def exchange(self, token: str, room: str) -> Entry:
        """The token for `room` of whoever holds a token that names none: same identity, name and expiry."""
        ...

    async def create(self, token: str, room: str, settings: RoomSettings) -> Entry:
        """As `exchange`, for a room that there is not yet and that begins with these settings."""
        ...

    async def wait(self, token: str, room: str, *, seconds: float, gone: asyncio.Future[None]) -> Entry | None:
        """As `exchange`, for who has to be let in: waits for a moderator's word; None if there was none in time.

        Who waits is there as long as it asks; `gone` is done when the caller has ended its request.
        """
        ...


class Moderating(Protocol):
    """What those who moderate a room do. All raise `VisavisError` with why not; `token` tells who wants it."""

    async def state(self, token: str, room: str) -> RoomState:
        """The room, for who is inside or moderates it."""
        ...

    async def set(self, token: str, room: str, changes: Mapping[str, bool]) -> RoomState:
        """Changes some of the `RoomSettings`, by their names."""
        ...

    async def mute(self, token: str, room: str, identity: str | None, source: str) -> int:
        """Mutes one person, or all but the moderators; returns how many tracks that were."""
        ...

    async def ask_to_unmute(self, token: str, room: str, identity: str, source: str) -> None:
        """Asks one person to unmute."""
        ...

    async def remove(self, token: str, room: str, identity: str) -> None:
        """Puts one person out for as long as the room lives."""
        ...

    async def appoint(self, token: str, room: str, identity: str) -> None:
        """Makes one person a moderator."""
        ...

    async def decide(self, token: str, room: str, waiting: str | None, *, is_admitted: bool) -> int:
        """Lets who waits in or not: one, or all; returns how many that were."""
        ...

    async def end(self, token: str, room: str) -> None:
        """Ends the room for all."""
        ...


class Operating(Protocol):
    """What the operator sees and does, as JSON. Figures that nobody counts are None. All raise `VisavisError`."""

    async def overview(self) -> Mapping[str, Any]:
        """The sums over all rooms; `hasFigures` tells whether anybody counts what flows."""
        ...

    async def rooms(self) -> Sequence[Mapping[str, Any]]:
        """All rooms, also those that the public list leaves out."""
        ...

    async def room(self, room: str) -> Mapping[str, Any]:
        """One room, and everybody in it."""
        ...

    async def end(self, room: str) -> None:
        """Ends a room for all."""
        ...

    async def remove(self, room: str, identity: str) -> None:
        """Puts one person out, who may come back."""
        ...

    async def mute(self, room: str, identity: str, track: str) -> None:
        """Mutes one track for everybody."""
        ...


class Backend(Protocol):
    """Rooms, wherever they live."""

    listeners: Listeners
    """Functions of the host, told what happens."""
    recorder: "Recorder | None"
    """Writes the history of what happens; None: there is none."""
    history_owner: str | None
    """Of what happens elsewhere, and goes on when this process ends; None: it happens here."""
    tries: Tries
    """Counts what callers try, wherever it reaches us."""

    @property
    def entrance(self) -> Entrance:
        """Who comes in, as who asks the API."""
        ...

    @property
    def moderating(self) -> Moderating:
        """What moderators do."""
        ...

    @property
    def operating(self) -> Operating:
        """What the operator sees and does."""
        ...

    @property
    def fanout(self) -> Fanout | None:
        """The hubs of other processes in front of the same rooms; None: there are none."""
        ...

    @property
    def client_url(self) -> str | None:
        """Where LiveKit clients connect; None: where they have reached this application."""
        ...

    def routes(self) -> list[BaseRoute]:
        """What it serves by itself, beside the API."""
        ...

    async def start(self) -> None:
        """Opens what it needs. Called once, before anything else; idempotent."""

    async def stop(self) -> None:
        """Tells every participant (leave, server shutdown) and ends within two seconds. Idempotent."""

    def rooms(self) -> list[RoomSummary]:
        """The rooms that live now, in order of creation. From memory, in one step."""
        ...

    def token(self, identity: str, *, name: str = "", room: str | None = None) -> str:
        """A LiveKit token for `identity` by the host's word; with no `room` it joins nowhere until exchanged."""
        ...

    async def chat(self, token: str, room: str) -> list[SaidMessage]:
        """What was said in the chat of `room`, oldest first, for who holds a token for it and is inside now."""
        ...

    async def checkup(self, caller: str) -> Checkup:
        """Begins a test of a connection in a room that is not listed; so many for each caller."""
        ...

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls `callback` after each change of rooms or counts; returns what ends that."""
        ...
