"""Keeps the rules of rooms: what is to be done when somebody has come or left, and when something is due.

The cluster lets in whoever has a token, so who may not be inside any more is put out here, as soon as it has come.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from visavis.auth import Claims
from visavis.backend.livekit.book import Book, Page
from visavis.backend.livekit.cluster import Cluster
from visavis.backend.livekit.entrance import SOURCES
from visavis.backend.livekit.mirror import Mirror, is_dependent
from visavis.backend.livekit.telling import Telling
from visavis.errors import ErrorKind, VisavisError
from visavis.rooms import Moderation, RoomSettings
from visavis.rooms.moderation import ABSENCE_SECONDS, ROLE_ATTRIBUTE

_log = structlog.stdlib.get_logger(__name__)

# Who comes so soon after a room has begun, and nobody had reserved it, has made it.
_MAKES_WITHIN_MS = 5_000
_TRACK_SOURCES = {
    "camera": models.TrackSource.CAMERA,
    "microphone": models.TrackSource.MICROPHONE,
    "screen_share": models.TrackSource.SCREEN_SHARE,
    "screen_share_audio": models.TrackSource.SCREEN_SHARE_AUDIO,
    "unknown": models.TrackSource.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class _Entered:
    """What holds for somebody who has come in.

    Attributes:
        settings: of the room.
        refused: why it may not be here; None: it may.
        is_moderator: whether it moderates.
        denied: what it may not publish.
    """

    settings: RoomSettings
    refused: ErrorKind | None
    is_moderator: bool
    denied: frozenset[str]


class Keeper:
    """Does what the rules ask for.

    Args:
        cluster: where it is done.
        mirror: the rooms as they are known here.
        book: what holds in rooms.
        telling: who is to be told.
        wall: seconds since the epoch.
    """

    def __init__(
        self,
        cluster: Cluster,
        mirror: Mirror,
        book: Book,
        telling: Telling,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._cluster = cluster
        self._mirror = mirror
        self._book = book
        self._telling = telling
        self._wall = wall

    async def happened(self, event: WebhookEvent) -> RoomSettings | None:
        """Does what is to be done when something has happened; returns what holds in the room, if that is known.

        Raises:
            VisavisError: `REDIS_UNREACHABLE`.
        """
        match event.event:
            case "room_started":
                return await self._began(event.room)
            case "room_finished":
                await self._book.end(event.room.name, event.room.sid)
                self._telling.wake_here(event.room.name)
            case "participant_joined":
                return await self.entered(event.room, event.participant)
            case "participant_left" | "participant_connection_aborted":
                await self._left(event.room, event.participant)
            case _:
                pass
        return None

    async def entered(self, room: models.Room, info: models.ParticipantInfo) -> RoomSettings:
        """Somebody is inside: gives it the rights that the room gives it, or puts it out.

        Raises:
            VisavisError: `REDIS_UNREACHABLE`.
        """
        [claims] = await self._book.claims(room.name, [info.identity])
        now = self._wall()
        known = self._mirror.get(room.name)
        is_back = known is not None and known.by_identity(info.identity, but=info.sid) is not None
        dependent = is_dependent(info)

        def decide(page: Page | None) -> tuple[Page | None, _Entered]:
            page = page or Page(room.sid, now, Moderation(now=now, maker=_maker(room, info, claims)))
            page.sid = room.sid
            rules = page.rules
            try:
                present = claims if is_back else None
                rules.check_entry(claims, room.name, present=present, is_dependent=dependent, now=now)
            except VisavisError as error:
                return page, _Entered(rules.settings, error.kind, False, frozenset())
            is_moderator = rules.is_moderator(claims, room.name)
            if is_moderator:
                rules.moderator_came(info.sid)
            return page, _Entered(rules.settings, None, is_moderator, rules.denied_sources(claims, room.name))

        found = await self._book.change(room.name, room.sid, now, decide)
        try:
            if found.refused is not None:
                _log.info("put_out", room=room.sid, participant=info.sid, reason=found.refused)
                await self._cluster.remove(room.name, info.identity)
                return found.settings
            if info.attributes.get(ROLE_ATTRIBUTE, "") != ("moderator" if found.is_moderator else ""):
                await self.show_role(room.name, info.identity, is_moderator=found.is_moderator)
            await self.restrict(room.name, info, found.denied)
        except VisavisError as error:
            # It will be seen again when the cluster is asked who is there.
            _log.warning("rules_not_applied", room=room.sid, participant=info.sid, reason=error.message)
        return found.settings

    async def show_role(self, room: str, identity: str, *, is_moderator: bool) -> None:
        """Shows the others whether somebody moderates."""
        await self._cluster.update(room, identity, attributes={ROLE_ATTRIBUTE: "moderator" if is_moderator else ""})

    async def restrict(self, room: str, info: models.ParticipantInfo, denied: frozenset[str]) -> None:
        """Has it hold for a participant, now, that it may not publish these sources."""
        if not is_restrictable(info):
            return
        wanted = [source for source in SOURCES if source not in denied] if denied else []
        sources = [_TRACK_SOURCES[source] for source in wanted]
        if sorted(info.permission.can_publish_sources) == sorted(sources):
            return
        permission = models.ParticipantPermission()
        permission.CopyFrom(info.permission)
        permission.ClearField("can_publish_sources")
        permission.can_publish_sources.extend(sources)
        await self._cluster.update(room, info.identity, permission=permission)

    async def restrict_all(self, room: str, rules: Moderation) -> None:
        """Has it hold for everybody, now, what the rules deny."""
        infos = await self._cluster.participants(room)
        claims = await self._book.claims(room, [info.identity for info in infos])
        await asyncio.gather(
            *(
                self.restrict(room, info, rules.denied_sources(each, room))
                for info, each in zip(infos, claims, strict=True)
            )
        )

    async def look_after(self, room: str) -> None:
        """Does what is due: who waits no more is forgotten, and a room without a moderator gets one.

        Raises:
            VisavisError: something does not answer.
        """
        sid, now = await self._telling.sid(room), self._wall()

        def forget(page: Page | None) -> tuple[Page | None, tuple[bool, bool]]:
            if page is None:
                return None, (False, False)
            return page, (page.rules.waiting.forget_absent(now), page.rules.needs_moderator(now))

        is_forgotten, needs_moderator = await self._book.change(room, sid, now, forget)
        if is_forgotten:
            await self._telling.waiting(room)
        if sid is not None and needs_moderator:
            await self._appoint_successor(room, sid)

    async def appoint(self, room: str, sid: str, info: models.ParticipantInfo, claims: Claims) -> None:
        """Makes somebody who is inside, and has a token of the API, a moderator."""
        holder = claims.holder
        if holder is None:
            raise ValueError(f"{info.identity!r} came with a token that the host signed")

        def decide(page: Page | None) -> tuple[Page | None, tuple[frozenset[str], bool]]:
            if page is None:
                return None, (frozenset(), False)
            page.rules.appoint(holder.id)
            page.rules.moderator_came(info.sid)
            return page, (page.rules.denied_sources(claims, room), len(page.rules.waiting) > 0)

        denied, has_waiting = await self._book.change(room, sid, self._wall(), decide)
        await self.show_role(room, info.identity, is_moderator=True)
        await self.restrict(room, info, denied)
        if has_waiting:
            await self._telling.waiting(room)
        _log.info("moderator_appointed", room=sid, participant=info.sid)

    async def _appoint_successor(self, room: str, sid: str) -> None:
        infos = [info for info in await self._cluster.participants(room) if is_restrictable(info)]
        claims = await self._book.claims(room, [info.identity for info in infos])
        for info, each in zip(infos, claims, strict=True):
            may = each.holder is not None and each.holder.moderates is not False and not info.permission.hidden
            if may:
                return await self.appoint(room, sid, info, each)
        return None

    async def _began(self, room: models.Room) -> RoomSettings:
        def decide(page: Page | None) -> tuple[Page | None, RoomSettings]:
            if page is None:
                return None, RoomSettings()
            page.sid = room.sid
            return page, page.rules.settings

        return await self._book.change(room.name, room.sid, self._wall(), decide)

    async def _left(self, room: models.Room, info: models.ParticipantInfo) -> None:
        now = self._wall()
        [claims] = await self._book.claims(room.name, [info.identity])

        def decide(page: Page | None) -> tuple[Page | None, bool]:
            if page is None:
                return None, False
            was_moderator = info.sid in set(page.rules.moderators)
            page.rules.left(info.sid, claims, now=now)
            return page, was_moderator and not any(page.rules.moderators)

        if await self._book.change(room.name, room.sid, now, decide):
            await self._telling.look_after(room.name, now + ABSENCE_SECONDS)


def is_restrictable(info: models.ParticipantInfo) -> bool:
    """Whether moderators may deny it what they deny to all: agents, recorders and callers by phone need theirs."""
    return info.kind == models.ParticipantInfo.STANDARD and not is_dependent(info)


def _maker(room: models.Room, info: models.ParticipantInfo, claims: Claims) -> str | None:
    """Who made a room that nobody had reserved: its token is of an earlier one, or it took its time."""
    holder = claims.holder
    if holder is None or holder.moderates is False:
        return None
    began = room.creation_time_ms or room.creation_time * 1000
    return holder.id if info.joined_at_ms - began < _MAKES_WITHIN_MS else None
