"""Who may enter a room, who moderates it, and what moderators have set. Decides only; `signalling.moderation` acts.

Kept here by holder (see `visavis.auth.Holder`) and not in tokens: so it can be taken back, and ends with the room.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from visavis.auth import Claims, holder_from_json, holder_to_json
from visavis.errors import ErrorKind, VisavisError
from visavis.rooms.waiting_room import WaitingRoom

ROLE_ATTRIBUTE = "visavis.role"
"""Only the server sets it."""
# So long somebody who left comes back without being let in again, and a room may be without a moderator.
ABSENCE_SECONDS = 30.0

_SOUND = frozenset({"microphone", "unknown"})
_SETS = ("moderators", "present", "removed", "removed_identities", "may_speak")
_SCREEN = frozenset({"screen_share", "screen_share_audio", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSettings:
    """What the moderators of a room have set.

    Attributes:
        is_locked: nobody comes in any more, but moderators, agents, and who was inside a moment ago.
        has_waiting_room: who comes waits until a moderator lets it in.
        is_listed: the list of rooms has it.
        shows_people: the list of rooms tells who is inside.
        may_unmute: people who do not moderate may use their microphones.
        may_share_screen: people who do not moderate may share their screens.
    """

    is_locked: bool = False
    has_waiting_room: bool = False
    is_listed: bool = True
    shows_people: bool = True
    may_unmute: bool = True
    may_share_screen: bool = True


def without_reserved(attributes: Mapping[str, str]) -> dict[str, str]:
    """The attributes that a client may set."""
    return {key: value for key, value in attributes.items() if key != ROLE_ATTRIBUTE}


class Moderation:
    """Of one room, from the moment that somebody is given a token to make it, until it ends."""

    def __init__(self, *, now: float, settings: RoomSettings | None = None, maker: str | None = None) -> None:
        """Nobody inside yet.

        Args:
            now: of the monotonic clock, as all times here are.
            settings: as the room begins.
            maker: the holder id of its first moderator. A room with none is the host's, and nobody follows.
        """
        self.settings = settings or RoomSettings()
        self.waiting = WaitingRoom()
        self._is_led = maker is not None
        self._moderators: set[str] = set() if maker is None else {maker}
        self._present: set[str] = set()
        self._alone_since = now
        self._removed: set[str] = set()
        self._removed_identities: set[str] = set()
        self._may_speak: set[str] = set()
        self._left: dict[str, tuple[float, Claims]] = {}

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> "Moderation":
        """As it was when `to_json` was asked."""
        rules = cls(now=json["aloneSince"], settings=RoomSettings(**json["settings"]))
        rules.waiting = WaitingRoom.from_json(json["waiting"])
        rules._is_led = json["isLed"]
        for name in _SETS:
            getattr(rules, f"_{name}").update(json[name])
        for identity, (at, holder) in json["left"].items():
            rules._left[identity] = (at, Claims(identity=identity, holder=holder_from_json(holder)))
        return rules

    def to_json(self) -> dict[str, Any]:
        """All of it, for where processes share it. Its times are of the clock that `now` was told by."""
        left = {
            identity: [at, None if claims.holder is None else holder_to_json(claims.holder)]
            for identity, (at, claims) in self._left.items()
        }
        return {
            "settings": asdict(self.settings),
            "waiting": self.waiting.to_json(),
            "isLed": self._is_led,
            "aloneSince": self._alone_since,
            "left": left,
            **{name: sorted(getattr(self, f"_{name}")) for name in _SETS},
        }

    # -- who moderates -------------------------------------------------------------------------------------------------
    def is_moderator(self, claims: Claims, room: str) -> bool:
        """Whether the holder of `claims` moderates the room, whose name is `room`."""
        holder = claims.holder
        if claims.moderates(room):
            return True
        if holder is None or self._is_removed(claims):
            return False
        return holder.moderates is True or holder.id in self._moderators

    def appoint(self, holder: str) -> None:
        """Makes the holder a moderator for as long as the room lives."""
        self._is_led = True
        self._moderators.add(holder)

    def moderator_came(self, sid: str) -> None:
        """A moderator is inside, as this participant."""
        self._present.add(sid)

    @property
    def moderators(self) -> Iterator[str]:
        """The participant ids of the moderators inside."""
        return iter(self._present)

    def needs_moderator(self, now: float) -> bool:
        """Whether the moderators have been gone for so long that somebody else becomes one."""
        return self._is_led and not self._present and now - self._alone_since >= ABSENCE_SECONDS

    # -- who may enter -------------------------------------------------------------------------------------------------
    def check_entry(self, claims: Claims, room: str, *, present: Claims | None, is_dependent: bool, now: float) -> None:
        """Checks that the holder of `claims` may enter now.

        Args:
            claims: of its token.
            room: the room's name.
            present: the claims of who is inside under the same identity, if anybody is.
            is_dependent: it is an agent or a recorder.
            now: of the monotonic clock.

        Raises:
            VisavisError: it may not; `MUST_KNOCK` if it may ask to be let in.
        """
        if is_dependent or claims.moderates(room):
            return
        if self._is_removed(claims):
            raise VisavisError(ErrorKind.REMOVED, f"a moderator removed you from room {room!r}: you cannot come back")
        if present is not None and not claims.are_for(present):
            raise VisavisError(
                ErrorKind.IDENTITY_TAKEN,
                f"somebody else is in room {room!r} as {claims.identity!r}: ask for a token with another identity, "
                "or send the one that you had with the request for a new one",
            )
        if not (self.settings.is_locked or self.settings.has_waiting_room):
            return
        if present is not None or self.is_moderator(claims, room) or self._left_just_now(claims, now):
            return
        if self.settings.is_locked:
            raise VisavisError(
                ErrorKind.ROOM_LOCKED, f"room {room!r} is locked: ask somebody inside to unlock it, or try later"
            )
        if self.settings.has_waiting_room and claims.holder is not None and not self.waiting.admits(claims.holder.id):
            raise VisavisError(
                ErrorKind.MUST_KNOCK,
                f"room {room!r} has a waiting room: ask to be let in at POST …/api/video/rooms/{{name}}/wait",
            )

    def left(self, sid: str, claims: Claims, *, now: float) -> None:
        """Somebody has left; for a while it may come back as if it had not."""
        self._left.pop(claims.identity, None)
        self._left[claims.identity] = (now, claims)
        while now - next(iter(self._left.values()))[0] >= ABSENCE_SECONDS:
            del self._left[next(iter(self._left))]
        if sid in self._present:
            self._present.remove(sid)
            self._alone_since = now

    def remove(self, claims: Claims) -> None:
        """Keeps the holder, and who comes under the same identity, out for as long as the room lives."""
        self._removed_identities.add(claims.identity)
        if claims.holder is not None:
            self._removed.add(claims.holder.id)
            self._moderators.discard(claims.holder.id)

    def _is_removed(self, claims: Claims) -> bool:
        return claims.identity in self._removed_identities or (
            claims.holder is not None and claims.holder.id in self._removed
        )

    def _left_just_now(self, claims: Claims, now: float) -> bool:
        at, former = self._left.get(claims.identity, (now, None))
        return former is not None and now - at < ABSENCE_SECONDS and claims.are_for(former)

    # -- what people may publish ---------------------------------------------------------------------------------------
    def allow_to_speak(self, identity: str) -> None:
        """Lets one person use its microphone where others may not: it has been asked to."""
        self._may_speak.add(identity)

    def set(self, settings: RoomSettings) -> None:
        """Sets what holds from now on. Who was asked to unmute before nobody might is one of all then."""
        if self.settings.may_unmute and not settings.may_unmute:
            self._may_speak.clear()
        self.settings = settings

    def disallow_to_speak(self, identity: str) -> None:
        """Takes that back."""
        self._may_speak.discard(identity)

    def denied_sources(self, claims: Claims, room: str) -> frozenset[str]:
        """What somebody who is inside may not publish, by the names of the sources."""
        if self.is_moderator(claims, room):
            return frozenset()
        denied: frozenset[str] = frozenset()
        if not self.settings.may_unmute and claims.identity not in self._may_speak:
            denied |= _SOUND
        if not self.settings.may_share_screen:
            denied |= _SCREEN
        return denied
