"""Implements `Moderating` in front of a cluster: checks who wants it, and has the cluster do it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from livekit.protocol import models

from visavis.auth import Claims, KeyRing
from visavis.backend.base import RoomState, Waiting
from visavis.backend.livekit.book import Book, Page
from visavis.backend.livekit.cluster import Cluster
from visavis.backend.livekit.keeper import Keeper, is_restrictable
from visavis.backend.livekit.telling import Telling
from visavis.errors import ErrorKind, VisavisError
from visavis.rooms import Moderation, RoomSettings
from visavis.signalling.moderation import ASKED_TO_UNMUTE, SETTINGS_CHANGED, matches

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Live:
    """A room that lives, and who asks.

    Attributes:
        name: of the room.
        sid: LiveKit's.
        rules: what holds in it.
        claims: of who asks.
    """

    name: str
    sid: str
    rules: Moderation
    claims: Claims

    @property
    def is_led(self) -> bool:
        """Whether who asks moderates it."""
        return self.rules.is_moderator(self.claims, self.name)


class LiveKitModerating:
    """What moderators do.

    Args:
        keys: verify tokens.
        cluster: where it is done.
        book: what holds in rooms.
        telling: the rooms that live, and who is to be told.
        keeper: has it hold for those inside.
        ended: called with the id of a room that somebody has ended.
        wall: seconds since the epoch.
    """

    def __init__(
        self,
        keys: KeyRing,
        cluster: Cluster,
        book: Book,
        telling: Telling,
        keeper: Keeper,
        ended: Callable[[str], None],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._cluster = cluster
        self._book = book
        self._telling = telling
        self._keeper = keeper
        self._ended = ended
        self._wall = wall

    async def state(self, token: str, room: str) -> RoomState:
        """The room, for who is inside or moderates it."""
        live = await self._live(token, room)
        if not live.is_led and not await self.is_inside(live.claims, room):
            raise VisavisError(
                ErrorKind.NOT_IN_ROOM, f"{live.claims.identity!r} is not in room {room!r}: join it first"
            )
        return self._state_of(live)

    async def set(self, token: str, room: str, changes: Mapping[str, bool]) -> RoomState:
        """Changes some settings."""
        live = await self._led(token, room)

        def change(rules: Moderation) -> RoomSettings:
            before = rules.settings
            rules.set(replace(before, **changes))
            now = rules.settings
            if (before.is_locked, before.has_waiting_room) != (now.is_locked, now.has_waiting_room):
                rules.waiting.disperse()
            return before

        before, rules = await self._change(live, change)
        if before != rules.settings:
            await self._telling.settings(room, live.sid, rules.settings)
            await self._keeper.restrict_all(room, rules)
            await self._telling.packet(room, SETTINGS_CHANGED, {})
            await self._telling.wake(room)
        return self._state_of(replace(live, rules=rules))

    async def mute(self, token: str, room: str, identity: str | None, source: str) -> int:
        """Mutes one person, or all but the moderators."""
        live = await self._led(token, room)
        if identity is not None:
            return await self._mute(live, [await self._person(room, identity)], source)
        infos = [info for info in await self._cluster.participants(room) if is_restrictable(info)]
        claims = await self._book.claims(room, [info.identity for info in infos])
        people = [info for info, each in zip(infos, claims, strict=True) if not live.rules.is_moderator(each, room)]
        return await self._mute(live, people, source)

    async def ask_to_unmute(self, token: str, room: str, identity: str, source: str) -> None:
        """Asks one person to unmute."""
        live = await self._led(token, room)
        info = await self._person(room, identity)
        if source == "microphone":
            _, rules = await self._change(live, lambda rules: rules.allow_to_speak(identity))
            await self._restrict(room, [info], rules)
        await self._telling.packet(room, ASKED_TO_UNMUTE, {"source": source}, to=[info.sid])

    async def remove(self, token: str, room: str, identity: str) -> None:
        """Puts one person out for as long as the room lives."""
        live = await self._led(token, room)
        await self._person(room, identity)
        [claims] = await self._book.claims(room, [identity])
        await self._change(live, lambda rules: rules.remove(claims))
        await self._cluster.remove(room, identity)

    async def appoint(self, token: str, room: str, identity: str) -> None:
        """Makes one person a moderator."""
        live = await self._led(token, room)
        info = await self._person(room, identity)
        [claims] = await self._book.claims(room, [identity])
        if claims.holder is None:
            raise VisavisError(
                ErrorKind.NOT_PERMITTED,
                f"{identity!r} came with a token that the host application signed: "
                "the grant roomAdmin in it would make it a moderator",
            )
        await self._keeper.appoint(room, live.sid, info, claims)

    async def decide(self, token: str, room: str, waiting: str | None, *, is_admitted: bool) -> int:
        """Lets who waits in or not."""
        live = await self._led(token, room)
        decided, _ = await self._change(live, lambda rules: rules.waiting.decide(waiting, is_admitted=is_admitted))
        if not decided and waiting is not None:
            raise VisavisError(
                ErrorKind.NO_SUCH_PERSON, f"nobody waits as {waiting!r} any more: ask anew who waits (GET the room)"
            )
        await self._telling.wake(room)
        await self._telling.waiting(room)
        return decided

    async def end(self, token: str, room: str) -> None:
        """Ends the room for all."""
        live = await self._led(token, room)
        self._ended(live.sid)
        await self._cluster.delete_room(room)
        # At once, and not when its webhook has come: who waits may make the next one of this name.
        await self._book.end(room, live.sid)
        await self._telling.ended(room, live.sid)

    async def is_inside(self, claims: Claims, room: str) -> bool:
        """Whether the holder of the claims is in the room, by the cluster's word."""
        if await self._cluster.participant(room, claims.identity) is None:
            return False
        [present] = await self._book.claims(room, [claims.identity])
        return claims.are_for(present)

    async def _live(self, token: str, room: str) -> _Live:
        claims = self._keys.verify(token)
        if claims.video is None or claims.video.room != room:
            named = "no room" if claims.video is None or not claims.video.room else f"room {claims.video.room!r}"
            raise VisavisError(ErrorKind.WRONG_ROOM, f"this token is for {named}, not {room!r}")
        sid, now = await self._telling.sid(room), self._wall()
        if sid is None:
            raise VisavisError(ErrorKind.ROOM_NOT_FOUND, f"there is no room {room!r} now: join it, which makes it")
        page = await self._book.read(room, sid, now)
        return _Live(room, sid, Moderation(now=now) if page is None else page.rules, claims)

    async def _led(self, token: str, room: str) -> _Live:
        live = await self._live(token, room)
        if not live.is_led:
            raise VisavisError(
                ErrorKind.NOT_A_MODERATOR,
                f"{live.claims.identity!r} does not moderate room {room!r}: ask one of its moderators",
            )
        return live

    async def _person(self, room: str, identity: str) -> models.ParticipantInfo:
        info = await self._cluster.participant(room, identity)
        if info is None:
            raise VisavisError(ErrorKind.NO_SUCH_PERSON, f"{identity!r} is not in room {room!r} (any more)")
        return info

    async def _change(self, live: _Live, change: Callable[[Moderation], T]) -> tuple[T, Moderation]:
        now = self._wall()

        def decide(page: Page | None) -> tuple[Page | None, tuple[T, Moderation]]:
            page = page or Page(live.sid, now, Moderation(now=now))
            page.sid = live.sid
            return page, (change(page.rules), page.rules)

        return await self._book.change(live.name, live.sid, now, decide)

    async def _mute(self, live: _Live, infos: list[models.ParticipantInfo], source: str) -> int:
        wanted = [
            (info, track) for info in infos for track in info.tracks if not track.muted and matches(track, source)
        ]
        muted = await asyncio.gather(
            *(self._cluster.mute(live.name, info.identity, track.sid) for info, track in wanted)
        )
        if source == "microphone":

            def silence(rules: Moderation) -> None:
                for info in infos:
                    rules.disallow_to_speak(info.identity)

            _, rules = await self._change(live, silence)
            await self._restrict(live.name, infos, rules)
        return sum(muted)

    async def _restrict(self, room: str, infos: list[models.ParticipantInfo], rules: Moderation) -> None:
        claims = await self._book.claims(room, [info.identity for info in infos])
        await asyncio.gather(
            *(
                self._keeper.restrict(room, info, rules.denied_sources(each, room))
                for info, each in zip(infos, claims, strict=True)
            )
        )

    def _state_of(self, live: _Live) -> RoomState:
        now = self._wall()
        waiting = live.rules.waiting.waiting(now) if live.is_led else []
        return RoomState(
            id=live.sid,
            name=live.name,
            settings=live.rules.settings,
            is_moderator=live.is_led,
            waiting=tuple(Waiting(each.id, each.name, max(0.0, now - each.since)) for each in waiting),
        )
