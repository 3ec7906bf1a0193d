"""What this process knows of the cluster's rooms: the room list, from webhooks and what the cluster says itself.

No I/O, no clock. Events may come twice, in any order, and not at all; what the cluster says when it is asked heals
that. Not here: who may do what (`book`).
"""

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from visavis.backend.base import RoomSummary
from visavis.rooms import RoomSettings

VISITOR_ATTRIBUTE = "visavis.visitor"
"""Of who came with a token of the API, and so is shown in the list of rooms."""

MIRRORED = frozenset(
    {"room_started", "room_finished", "participant_joined", "participant_left", "participant_connection_aborted"}
)
"""The events that it takes in."""

_MAX_GONE = 200_000
_MAX_LISTED_PEOPLE = 20
# A room without a capacity of its own is shown with the most that can be set here.
_NO_CAPACITY = 10_000
_DEPENDENT = (models.ParticipantInfo.AGENT, models.ParticipantInfo.EGRESS)


def subject_of(event: WebhookEvent) -> str:
    """The id of whom or what it tells of: a room, or a participant."""
    return event.room.sid if event.event.startswith("room_") else event.participant.sid


def is_dependent(info: models.ParticipantInfo) -> bool:
    """Whether it is there for others: an agent or a recorder, which counts for no capacity."""
    return info.kind in _DEPENDENT or info.permission.agent or info.permission.recorder


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a room.

    Attributes:
        sid: participant id.
        identity: unique in the room.
        name: as others see it.
        kind: LiveKit's.
        joined_at: milliseconds since the epoch.
        counts: whether it is one of those that `Room.num_participants` has.
        is_shown: whether the list of rooms counts it.
        is_named: whether the list of rooms names it.
        seen_at: when this was known, of the mirror's own clock.
    """

    sid: str
    identity: str
    name: str
    kind: models.ParticipantInfo.Kind
    joined_at: int
    counts: bool
    is_shown: bool
    is_named: bool
    seen_at: float


@dataclass(frozen=True, slots=True)
class Vanished:
    """What is not there any more, although nobody has told of its end: that is under way, or nobody is left to tell.

    Attributes:
        room_sid: which room it was, or was in.
        room_name: of that room.
        person: who; None: the room itself.
        at: when, of the mirror's own clock.
    """

    room_sid: str
    room_name: str
    person: Person | None
    at: float


class MirroredRoom:
    """A room of the cluster.

    Its line in the list is worked out once, and anew when something of this is set or somebody comes or goes: there is
    no other way to change it.

    Attributes:
        sid: LiveKit's.
        name: unique among those that live.
        created_at: milliseconds since the epoch.
        max_participants: capacity; 0: none is set.
        seen_at: when it was heard of, of the mirror's own clock.
        settings: what its moderators have set; None: not known yet, and so not listed.
        told_count: how many there were when the cluster was asked, while `people` is not known.
        missed: participant ids that the cluster's last answer did not have.
        order: of the list, by creation.
    """

    __slots__ = (
        "_counted",
        "_people",
        "_summary",
        "created_at",
        "max_participants",
        "missed",
        "name",
        "order",
        "seen_at",
        "settings",
        "sid",
        "told_count",
    )

    def __init__(self, sid: str, name: str, created_at: int, max_participants: int, seen_at: float) -> None:
        """Nobody is known to be in it."""
        self._summary: RoomSummary | None = None
        self._counted: int | None = None
        self._people: dict[str, Person] = {}
        self.sid = sid
        self.name = name
        self.created_at = created_at
        self.max_participants = max_participants
        self.seen_at = seen_at
        self.settings: RoomSettings | None = None
        self.told_count: int | None = None
        self.missed: frozenset[str] = frozenset()
        self.order = (created_at, sid)

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name not in ("_summary", "_counted"):
            self._summary = self._counted = None

    @property
    def people(self) -> Mapping[str, Person]:
        """Who is inside, by participant id."""
        return self._people

    def enter(self, person: Person) -> None:
        """Somebody is inside."""
        self._people[person.sid] = person
        self._summary = self._counted = None

    def leave(self, sid: str) -> bool:
        """A participant is not inside any more; returns whether it was."""
        self._summary = self._counted = None
        return self._people.pop(sid, None) is not None

    @property
    def counted(self) -> int:
        """How many are known that `Room.num_participants` has."""
        if self._counted is None:
            self._counted = sum(1 for each in self.people.values() if each.counts)
        return self._counted

    @property
    def summary(self) -> RoomSummary:
        """Its line in the list; the same object until something has changed."""
        if self._summary is None:
            self._summary = RoomSummary(
                id=self.sid,
                name=self.name,
                participant_count=self.count,
                max_participants=self.max_participants or _NO_CAPACITY,
                people=self.names,
                settings=self.settings or RoomSettings(),
            )
        return self._summary

    @property
    def count(self) -> int:
        """People that the others can see."""
        if self.told_count is not None:
            return self.told_count
        return sum(1 for each in self.people.values() if each.is_shown)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the first people, if they may be shown."""
        if self.settings is None or not self.settings.shows_people:
            return ()
        named = (each.name for each in self.people.values() if each.is_shown and each.is_named and each.name)
        return tuple(itertools.islice(named, _MAX_LISTED_PEOPLE))

    def by_identity(self, identity: str, *, but: str = "") -> Person | None:
        """Who is inside under this identity, apart from the participant of the id `but`."""
        return next((each for each in self.people.values() if each.identity == identity and each.sid != but), None)


class Mirror:
    """The cluster's rooms. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._rooms: dict[str, MirroredRoom] = {}
        # What has ended; what is told of it later is late.
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._vanished: dict[str, Vanished] = {}

    def __iter__(self) -> Iterator[MirroredRoom]:
        return iter(self._rooms.values())

    def __len__(self) -> int:
        return len(self._rooms)

    def get(self, name: str) -> MirroredRoom | None:
        """The room of this name that lives now."""
        return self._rooms.get(name)

    def apply(self, event: WebhookEvent, *, now: float) -> bool:
        """Takes in what a webhook tells; returns whether the list has changed."""
        match event.event:
            case "room_started":
                return self._begin(event.room, now)
            case "room_finished":
                self._vanished.pop(event.room.sid, None)
                return self.end(event.room.sid, event.room.name, now=now)
            case "participant_joined":
                room = self._room_of(event, now)
                if room is None or event.participant.sid in self._gone:
                    return False
                return self._enter(room, event.participant, now)
            case "participant_left" | "participant_connection_aborted":
                self._forget(event.participant.sid)
                self._vanished.pop(event.participant.sid, None)
                room = self._rooms.get(event.room.name)
                if room is None or room.sid != event.room.sid:
                    return False
                return room.leave(event.participant.sid)
            case _:
                return False

    def end(self, sid: str, name: str, *, now: float) -> bool:
        """A room is over; returns whether the list has changed."""
        self._forget(sid)
        room = self._rooms.get(name)
        if room is None or room.sid != sid:
            return False
        del self._rooms[name]
        for each in room.people.values():
            self._vanish(room, each, now)
        return True

    def take_vanished(self, *, before: float) -> list[Vanished]:
        """What has vanished before that time, and nobody has told of since; each is returned once."""
        found = [(sid, each) for sid, each in self._vanished.items() if each.at < before]
        for sid, _ in found:
            del self._vanished[sid]
        return [each for _, each in found]

    def know(self, name: str, sid: str, settings: RoomSettings) -> bool:
        """What the moderators of a room have set; returns whether the list has changed."""
        room = self._rooms.get(name)
        if room is None or room.sid != sid or room.settings == settings:
            return False
        room.settings = settings
        return True

    def read_rooms(self, told: Iterable[models.Room], *, asked_at: float) -> tuple[list[MirroredRoom], bool]:
        """Takes in what rooms the cluster says there are.

        Args:
            told: its answer.
            asked_at: when it was asked: what was heard of since is not in the answer.

        Returns:
            The rooms that have ended unheard, and whether the list has changed.
        """
        found = {room.name: room for room in told}
        ended = [
            room
            for room in self._rooms.values()
            if room.seen_at < asked_at and (room.name not in found or found[room.name].sid != room.sid)
        ]
        changed = bool(ended)
        for room in ended:
            self.end(room.sid, room.name, now=asked_at)
        for room in found.values():
            if self._begin(room, asked_at):
                # Until its people are read.
                self._rooms[room.name].told_count = room.num_participants
                changed = True
            known = self._rooms.get(room.name)
            if known is not None and known.sid == room.sid:
                if known.max_participants != room.max_participants:
                    known.max_participants, changed = room.max_participants, True
                if known.told_count is not None and known.told_count != room.num_participants:
                    known.told_count, changed = room.num_participants, True
        return ended, changed

    def unread(self, told: Sequence[models.Room]) -> list[str]:
        """The rooms in which the cluster counts other people than are known here."""
        names: list[str] = []
        for room in told:
            known = self._rooms.get(room.name)
            if known is None or known.sid != room.sid:
                continue
            if known.told_count is not None or known.counted != room.num_participants:
                names.append(room.name)
        return names

    def read_people(
        self, name: str, sid: str, told: Iterable[models.ParticipantInfo], *, asked_at: float
    ) -> tuple[list[models.ParticipantInfo], list[Person]]:
        """Takes in who the cluster says is in a room; returns who is new here, and who has left unheard.

        Only who is missing twice has left: when somebody takes the place of its own former session, the end of that one
        takes both out of the cluster's list for a moment. `MirroredRoom.missed` tells whether to ask again soon.
        """
        room = self._rooms.get(name)
        if room is None or room.sid != sid:
            return [], []
        infos = {
            info.sid: info
            for info in told
            if info.sid not in self._gone and info.state != models.ParticipantInfo.DISCONNECTED
        }
        missing = [each for each in room.people.values() if each.sid not in infos and each.seen_at < asked_at]
        left = [each for each in missing if each.sid in room.missed]
        room.missed = frozenset(each.sid for each in missing) - {each.sid for each in left}
        for each in left:
            self._forget(each.sid)
            room.leave(each.sid)
        # Who is still connecting is asked for again, for until then the numbers differ.
        active = (info for info in infos.values() if info.state == models.ParticipantInfo.ACTIVE)
        came = [info for info in active if info.sid not in room.people]
        for info in came:
            self._enter(room, info, asked_at)
        room.told_count = None
        return came, left

    def _room_of(self, event: WebhookEvent, now: float) -> MirroredRoom | None:
        """The room that somebody has entered; its beginning may come later, or was lost."""
        self._begin(event.room, now)
        room = self._rooms.get(event.room.name)
        return room if room is not None and room.sid == event.room.sid else None

    def _begin(self, room: models.Room, now: float) -> bool:
        known = self._rooms.get(room.name)
        created_at = room.creation_time_ms or room.creation_time * 1000
        if room.sid in self._gone or (known is not None and (known.sid == room.sid or known.created_at > created_at)):
            return False
        if known is not None:
            # Its end was not heard, or will be.
            self.end(known.sid, known.name, now=now)
            self._vanished[known.sid] = Vanished(known.sid, known.name, None, now)
        self._rooms[room.name] = MirroredRoom(room.sid, room.name, created_at, room.max_participants, now)
        return True

    def _forget(self, sid: str) -> None:
        self._gone[sid] = None
        self._gone.move_to_end(sid)
        while len(self._gone) > _MAX_GONE:
            self._gone.popitem(last=False)

    def _enter(self, room: MirroredRoom, info: models.ParticipantInfo, now: float) -> bool:
        if info.sid in room.people:
            return False
        # Who came before under the same identity was put out by this one, or died with the room's node.
        for each in [each for each in room.people.values() if each.identity == info.identity]:
            room.leave(each.sid)
            self._vanish(room, each, now)
        dependent, hidden = is_dependent(info), info.permission.hidden
        person = Person(
            info.sid,
            info.identity,
            info.name,
            info.kind,
            info.joined_at_ms or info.joined_at * 1000,
            counts=not dependent,
            is_shown=not dependent and not hidden,
            is_named=VISITOR_ATTRIBUTE in info.attributes,
            seen_at=now,
        )
        room.enter(person)
        return True

    def _vanish(self, room: MirroredRoom, person: Person, now: float) -> None:
        if person.sid not in self._gone:
            self._vanished[person.sid] = Vanished(room.sid, room.name, person, now)
