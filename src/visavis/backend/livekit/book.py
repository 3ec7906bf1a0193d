"""What holds in each room, written down where all processes read it: its rules, and who was given tokens for it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from visavis.auth import Claims, Holder, holder_from_json, holder_to_json
from visavis.backend.livekit.shared import Shared
from visavis.rooms import Moderation, RoomSettings

T = TypeVar("T")

RESERVED_SECONDS = 60.0
# A room that the cluster has made may be entered before anybody has said so.
_BEGINS_WITHIN_SECONDS = 60.0
# Of rooms that live: whose end nobody saw are forgotten so.
_KEPT_SECONDS = 7 * 86400.0


@dataclass(slots=True)
class Page:
    """Of one room.

    Attributes:
        sid: of the room that lives; empty: it is reserved for who makes it.
        until: when the reservation ends, in seconds since the epoch.
        rules: what holds.
    """

    sid: str
    until: float
    rules: Moderation


@dataclass(frozen=True, slots=True)
class Given:
    """The last token for an identity in a room.

    Attributes:
        holder: who got it; None: the host signed for it.
        at: when, in seconds since the epoch.
    """

    holder: Holder | None
    at: float


class Book:
    """All rooms.

    Args:
        shared: where.
        token_ttl: seconds that tokens are valid.
    """

    def __init__(self, shared: Shared, *, token_ttl: float) -> None:
        self._shared = shared
        self._token_ttl = token_ttl

    async def read(self, room: str, sid: str | None, now: float) -> Page | None:
        """The page of the room that lives as `sid`, or of the one that is reserved; see `valid`."""
        [found] = await self._shared.read([_key(room)])
        return valid(_parsed(found), sid, now)

    async def change(
        self, room: str, sid: str | None, now: float, decide: Callable[[Page | None], tuple[Page | None, T]]
    ) -> T:
        """Changes the page in one step. `decide` may be called again, and so changes nothing else."""

        def change(found: bytes | None) -> tuple[bytes | None, T]:
            page, answer = decide(valid(_parsed(found), sid, now))
            return None if page is None else _written(page), answer

        seconds = _KEPT_SECONDS if sid else RESERVED_SECONDS + _BEGINS_WITHIN_SECONDS
        return await self._shared.change(_key(room), change, seconds=seconds)

    async def settings(self, rooms: Sequence[tuple[str, str]]) -> list[RoomSettings]:
        """What holds in the rooms of these names and ids that live."""
        found = await self._shared.read([_key(name) for name, _ in rooms])
        return [_settings(value, sid) for value, (_, sid) in zip(found, rooms, strict=True)]

    async def end(self, room: str, sid: str) -> None:
        """The room is over."""

        def change(found: bytes | None) -> tuple[bytes | None, bool]:
            page = _parsed(found)
            is_this = page is not None and page.sid == sid
            return (None if is_this else found), is_this

        if await self._shared.change(_key(room), change, seconds=_KEPT_SECONDS):
            await self._shared.forget(_given_key(room))

    async def give(self, room: str, claims: Claims, now: float) -> None:
        """Remembers who got a token."""
        holder = None if claims.holder is None else holder_to_json(claims.holder)
        value = json.dumps({"holder": holder, "at": now}).encode()
        # Until the token is worth nothing; whoever is inside then is not asked who it was any more.
        await self._shared.put(_given_key(room), claims.identity, value, seconds=self._token_ttl + 60)

    async def given(self, room: str, identities: Sequence[str]) -> list[Given | None]:
        """Who got the last token for each identity."""
        found = await self._shared.fields(_given_key(room), identities)
        read: list[Given | None] = []
        for value in found:
            written: Mapping[str, Any] | None = None if value is None else json.loads(value)
            read.append(None if written is None else Given(holder_from_json(written["holder"]), written["at"]))
        return read

    async def claims(self, room: str, identities: Sequence[str]) -> list[Claims]:
        """Of those who are inside under these identities, as far as the rules ask for them."""
        given = await self.given(room, identities)
        return [
            Claims(identity=identity, holder=None if each is None else each.holder)
            for identity, each in zip(identities, given, strict=True)
        ]


def valid(page: Page | None, sid: str | None, now: float) -> Page | None:
    """The page, if it is of the room that lives as `sid`, or with None of one that is reserved and does not live."""
    if page is None or page.sid == (sid or "-"):
        return page
    if page.sid:
        # Of an earlier room of this name: nothing of it is left for this one.
        return None
    return page if page.until + (0.0 if sid is None else _BEGINS_WITHIN_SECONDS) > now else None


def settings_to_json(settings: RoomSettings) -> dict[str, bool]:
    """For the other processes."""
    return asdict(settings)


def _key(room: str) -> str:
    return f"room:{room}"


def _given_key(room: str) -> str:
    return f"given:{room}"


def _parsed(value: bytes | None) -> Page | None:
    if value is None:
        return None
    read: Mapping[str, Any] = json.loads(value)
    return Page(read["sid"], read["until"], Moderation.from_json(read["rules"]))


def _settings(value: bytes | None, sid: str) -> RoomSettings:
    """Without the rest of the page: all rooms are read every few seconds."""
    read: Mapping[str, Any] | None = None if value is None else json.loads(value)
    return RoomSettings() if read is None or read["sid"] not in ("", sid) else RoomSettings(**read["rules"]["settings"])


def _written(page: Page) -> bytes:
    # The same text for the same page: whoever changes nothing writes nothing.
    return json.dumps({"sid": page.sid, "until": page.until, "rules": page.rules.to_json()}, sort_keys=True).encode()
