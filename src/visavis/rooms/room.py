"""A room: its participants and tracks, its capacity, and when it ends."""

from collections.abc import Iterable
from dataclasses import dataclass
from secrets import token_urlsafe

from livekit.protocol import models
from livekit.protocol.agent_dispatch import RoomAgentDispatch

from visavis.errors import ErrorKind, VisavisError
from visavis.rooms.ids import new_id
from visavis.rooms.moderation import Moderation
from visavis.rooms.participant import Participant, Standing
from visavis.rooms.tracks import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLimits:
    """What a room allows, and how long it lasts without people.

    Attributes:
        max_participants: people, agents and recorders not counted.
        departure_timeout: seconds that it stays after the last one left.
        empty_timeout: seconds that it stays if nobody ever joined.
    """

    max_participants: int = 50
    departure_timeout: float = 20.0
    empty_timeout: float = 300.0


_NOBODY = Standing(0, 0, 0, 0, 0)


class Room:
    """One room from its first participant to its end."""

    def __init__(
        self,
        name: str,
        limits: RoomLimits,
        *,
        created_at: float,
        now: float,
        mime_types: Iterable[str] = (),
        moderation: Moderation | None = None,
    ) -> None:
        """An empty room.

        Args:
            name: valid (see `parse_room_name`).
            limits: capacity and timeouts.
            created_at: seconds since the epoch.
            now: seconds of the monotonic clock that `is_over` will be asked with.
            mime_types: the codecs that are enabled, in order of preference.
            moderation: who may do what in it; None: nobody moderates it.
        """
        self.sid = new_id("RM_")
        self.name = name
        self.limits = limits
        self.created_at = created_at
        self.mime_types = tuple(mime_types)
        self.trailer = token_urlsafe(32).encode()
        """Ends the frames that the server puts into encrypted tracks; clients take no other for the server's."""
        self.moderation = moderation or Moderation(now=now)
        self.metadata = ""
        self.agents: tuple[RoomAgentDispatch, ...] = ()
        """Whom it wants when it begins; none named: agents without a name."""
        self.playout_delay: tuple[int, int] | None = None
        """Shortest and longest time in ms (0: not told) that receivers hold pictures back; None: as they like."""
        self.sync_streams = False
        """Receivers play the tracks of one stream in sync."""
        self._by_sid: dict[str, Participant] = {}
        self._by_identity: dict[str, Participant] = {}
        self._publishers: dict[str, Participant] = {}
        self._standings: dict[str, Standing] = {}
        self._counts = _NOBODY
        """The sum of all standings: kept, because every join asks for it several times."""
        self._constants = models.Room(
            sid=self.sid,
            name=self.name,
            empty_timeout=int(limits.empty_timeout),
            departure_timeout=int(limits.departure_timeout),
            max_participants=limits.max_participants,
            creation_time=int(created_at),
            creation_time_ms=int(created_at * 1000),
            enabled_codecs=[models.Codec(mime=mime) for mime in self.mime_types],
        )
        self._info: tuple[tuple[Standing, str], models.Room] | None = None
        self._empty_since = now
        self._was_joined = False

    @property
    def participants(self) -> Iterable[Participant]:
        """All, hidden ones included, in the order of joining."""
        return self._by_sid.values()

    @property
    def people_count(self) -> int:
        """Those that count for capacity."""
        return self._counts.person

    @property
    def shown_count(self) -> int:
        """People that the others can see: what a room list tells."""
        return self._counts.shown_person

    @property
    def is_recorded(self) -> bool:
        """Whether anybody here records."""
        return self._counts.recording > 0

    @property
    def has_hidden(self) -> bool:
        """Whether anybody here is hidden."""
        return self._counts.hidden > 0

    @property
    def has_shown_publishers(self) -> bool:
        """Whether anybody whom the others may know of publishes, or has."""
        return self._counts.shown_publisher > 0

    def by_sid(self, sid: str) -> Participant | None:
        """The participant of this id."""
        return self._by_sid.get(sid)

    def by_identity(self, identity: str) -> Participant | None:
        """The participant that is this person's present session."""
        return self._by_identity.get(identity)

    def admit(self, identity: str, *, is_dependent: bool) -> None:
        """Checks that `identity` may join now; one who is inside already is replaced, and so always may.

        Raises:
            VisavisError: `ROOM_FULL`.
        """
        if is_dependent or identity in self._by_identity:
            return
        count = self.people_count
        if count >= self.limits.max_participants:
            raise VisavisError(
                ErrorKind.ROOM_FULL,
                f"room {self.name!r} is full ({count} of {self.limits.max_participants}): "
                "wait until somebody leaves, or use another room",
            )

    def add(self, participant: Participant) -> None:
        """Joins a participant whose identity is not in the room."""
        if participant.identity in self._by_identity:
            raise ValueError(f"{participant.identity!r} is in the room already: remove that session first")
        self._by_sid[participant.sid] = participant
        self._by_identity[participant.identity] = participant
        participant.recount = self._recount
        self._recount(participant)
        self._was_joined = self._was_joined or not participant.is_dependent

    def remove(self, participant: Participant, *, now: float) -> None:
        """Takes a participant and its tracks out. One who is gone already is ignored."""
        if self._by_sid.pop(participant.sid, None) is None:
            return
        participant.recount = None
        self._count(self._standings.pop(participant.sid), _NOBODY)
        del self._by_identity[participant.identity]
        for track in participant.tracks.published:
            self._publishers.pop(track, None)
        if not participant.is_dependent:
            self._empty_since = now

    def track_published(self, participant: Participant, track: Track) -> None:
        """Makes the published track findable by its id."""
        self._publishers[track.sid] = participant

    def track_gone(self, track: str) -> None:
        """Forgets the track."""
        self._publishers.pop(track, None)

    def publisher_of(self, track: str) -> Participant | None:
        """Who publishes the track; None if it is not published (any more)."""
        return self._publishers.get(track)

    def others(self, participant: Participant) -> list[Participant]:
        """Those that `participant` may know of."""
        others = [each for each in self._by_sid.values() if each is not participant]
        return [each for each in others if not each.is_hidden] if self.has_hidden else others

    def is_over(self, now: float) -> bool:
        """Whether it has been without people for so long that it ends."""
        if self.people_count:
            return False
        patience = self.limits.departure_timeout if self._was_joined else self.limits.empty_timeout
        return now - self._empty_since >= patience

    def info(self) -> models.Room:
        """As clients read it. The message is shared and must not be changed."""
        said = (self._counts, self.metadata)
        if self._info is None or self._info[0] != said:
            self._info = (said, self._make_info())
        return self._info[1]

    def _make_info(self) -> models.Room:
        info = models.Room()
        info.CopyFrom(self._constants)
        info.metadata = self.metadata
        info.num_participants = self.shown_count
        info.num_publishers = self._counts.shown_publisher
        info.active_recording = self.is_recorded
        return info

    def _recount(self, participant: Participant) -> None:
        before = self._standings.get(participant.sid, _NOBODY)
        self._standings[participant.sid] = now = participant.standing
        self._count(before, now)

    def _count(self, before: Standing, after: Standing) -> None:
        if before != after:
            self._counts = Standing(
                *(count - was + is_ for count, was, is_ in zip(self._counts, before, after, strict=True))
            )
