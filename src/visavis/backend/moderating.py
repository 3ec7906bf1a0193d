"""Implements `Moderating` for rooms of this process: checks who wants it, then has `signalling.moderation` do it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from visavis.auth import Claims, KeyRing
from visavis.backend.base import RoomState, Waiting
from visavis.errors import ErrorKind, VisavisError
from visavis.signalling import LiveRoom, RoomRegistry, Session, moderation
from visavis.signalling.messages import Reason


class EmbeddedModerating:
    """What moderators do."""

    def __init__(self, keys: KeyRing, registry: Callable[[], RoomRegistry | None]) -> None:
        """Nothing yet.

        Args:
            keys: verify tokens.
            registry: the rooms; None while not started.
        """
        self._keys = keys
        self._registry = registry

    async def state(self, token: str, room: str) -> RoomState:
        """The room, for who is inside or moderates it."""
        live, claims = self._live(token, room)
        present = live.room.by_identity(claims.identity)
        is_inside = present is not None and claims.are_for(present.claims)
        if not is_inside and not live.room.moderation.is_moderator(claims, room):
            raise VisavisError(ErrorKind.NOT_IN_ROOM, f"{claims.identity!r} is not in room {room!r}: join it first")
        return _state_of(live, claims)

    async def set(self, token: str, room: str, changes: Mapping[str, bool]) -> RoomState:
        """Changes some settings."""
        live, claims = self._led(token, room)
        moderation.change_settings(live, replace(live.room.moderation.settings, **changes))
        return _state_of(live, claims)

    async def mute(self, token: str, room: str, identity: str | None, source: str) -> int:
        """Mutes one person, or all but the moderators."""
        live, _ = self._led(token, room)
        if identity is None:
            return moderation.mute_all(live, source)
        return moderation.mute_source(live, _session(live, identity), source)

    async def ask_to_unmute(self, token: str, room: str, identity: str, source: str) -> None:
        """Asks one person to unmute."""
        live, _ = self._led(token, room)
        moderation.ask_to_unmute(live, _session(live, identity), source)

    async def remove(self, token: str, room: str, identity: str) -> None:
        """Puts one person out for as long as the room lives."""
        live, _ = self._led(token, room)
        moderation.expel(live, _session(live, identity))

    async def appoint(self, token: str, room: str, identity: str) -> None:
        """Makes one person a moderator."""
        live, _ = self._led(token, room)
        session = _session(live, identity)
        if session.participant.claims.holder is None:
            raise VisavisError(
                ErrorKind.NOT_PERMITTED,
                f"{identity!r} came with a token that the host application signed: "
                "the grant roomAdmin in it would make it a moderator",
            )
        moderation.appoint(live, session)

    async def decide(self, token: str, room: str, waiting: str | None, *, is_admitted: bool) -> int:
        """Lets who waits in or not."""
        live, _ = self._led(token, room)
        decided = live.room.moderation.waiting.decide(waiting, is_admitted=is_admitted)
        if not decided and waiting is not None:
            raise VisavisError(
                ErrorKind.NO_SUCH_PERSON, f"nobody waits as {waiting!r} any more: ask anew who waits (GET the room)"
            )
        moderation.tell_waiting(live)
        return decided

    async def end(self, token: str, room: str) -> None:
        """Ends the room for all."""
        live, _ = self._led(token, room)
        registry = self._registry()
        if registry is not None:
            registry.end_room(live, Reason.ROOM_DELETED)

    def _live(self, token: str, room: str) -> tuple[LiveRoom, Claims]:
        claims = self._keys.verify(token)
        if claims.video is None or claims.video.room != room:
            named = "no room" if claims.video is None or not claims.video.room else f"room {claims.video.room!r}"
            raise VisavisError(ErrorKind.WRONG_ROOM, f"this token is for {named}, not {room!r}")
        registry = self._registry()
        live = None if registry is None else registry.get(room)
        if live is None:
            raise VisavisError(ErrorKind.ROOM_NOT_FOUND, f"there is no room {room!r} now: join it, which makes it")
        return live, claims

    def _led(self, token: str, room: str) -> tuple[LiveRoom, Claims]:
        live, claims = self._live(token, room)
        if not live.room.moderation.is_moderator(claims, room):
            raise VisavisError(
                ErrorKind.NOT_A_MODERATOR,
                f"{claims.identity!r} does not moderate room {room!r}: ask one of its moderators",
            )
        return live, claims


def _session(live: LiveRoom, identity: str) -> Session:
    participant = live.room.by_identity(identity)
    if participant is None:
        raise VisavisError(ErrorKind.NO_SUCH_PERSON, f"{identity!r} is not in room {live.room.name!r} (any more)")
    return live.sessions[participant.sid]


def _state_of(live: LiveRoom, claims: Claims) -> RoomState:
    rules, now = live.room.moderation, time.monotonic()
    is_moderator = rules.is_moderator(claims, live.room.name)
    waiting = rules.waiting.waiting(now) if is_moderator else []
    return RoomState(
        id=live.room.sid,
        name=live.room.name,
        settings=rules.settings,
        is_moderator=is_moderator,
        waiting=tuple(Waiting(each.id, each.name, max(0.0, now - each.since)) for each in waiting),
    )
