"""Implements `Entrance` in front of a cluster: its own word is the token, for the cluster lets in whoever has one.

What a token cannot hold back is checked again when its holder has come in (`keeper`).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from visavis.auth import Claims, Holder, KeyRing, VideoGrants
from visavis.backend.base import Entry
from visavis.backend.entrance import holder_of, maker_claims, not_let_in, visitor_grants
from visavis.backend.livekit.book import RESERVED_SECONDS, Book, Page
from visavis.backend.livekit.mirror import VISITOR_ATTRIBUTE
from visavis.backend.livekit.options import LiveKitOptions
from visavis.backend.livekit.telling import Telling
from visavis.errors import ErrorKind, VisavisError
from visavis.identity import Caller
from visavis.rooms import Moderation, RoomSettings, parse_room_name
from visavis.rooms.moderation import ROLE_ATTRIBUTE
from visavis.rooms.waiting_room import MAX_POLLS, PATIENCE_SECONDS, Verdict

# Who was given a token for an identity has so long to come in before another one may get one for it.
_COMES_WITHIN_SECONDS = 10.0
SOURCES = ("camera", "microphone", "screen_share", "screen_share_audio", "unknown")
"""What can be published, by LiveKit's names."""


class LiveKitEntrance:
    """Who comes in.

    Args:
        keys: sign and verify tokens.
        options: how rooms begin.
        book: what holds in rooms.
        telling: the rooms that live, and who is to be told.
        wall: seconds since the epoch.
    """

    def __init__(
        self,
        keys: KeyRing,
        options: LiveKitOptions,
        book: Book,
        telling: Telling,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._options = options
        self._book = book
        self._telling = telling
        self._wall = wall
        self._polls: Counter[tuple[str, str]] = Counter()
        self._room_config: Mapping[str, Any] = {
            "maxParticipants": options.max_participants,
            "emptyTimeout": max(1, round(options.empty_timeout)),
            "departureTimeout": max(1, round(options.departure_timeout)),
        }

    async def token(self, caller: Caller, room: str | None, *, held: str | None) -> Entry:
        """A token for who asks; see `Entrance.token`.

        Raises:
            VisavisError: `INVALID_IDENTITY`, `INVALID_ROOM_NAME`, or the room does not let it in.
        """
        user = caller.user
        claims = Claims(identity=user.identity, name=user.name, video=visitor_grants(user, ""))
        claims = replace(claims, holder=holder_of(caller, held, self._keys))
        if room is None:
            return Entry(self._keys.mint(claims, ttl=self._options.token_ttl), user.identity, is_moderator=False)
        return await self._enter(claims, parse_room_name(room))

    async def exchange(self, token: str, room: str) -> Entry:
        """The token for `room` of whoever holds a token that names none; see `KeyRing.exchange`.

        Raises:
            VisavisError: the token is no good for that, or the room does not let its holder in.
        """
        return await self._enter(self._keys.claims_for(token, parse_room_name(room)), room)

    async def create(self, token: str, room: str, settings: RoomSettings) -> Entry:
        """As `exchange`, for a room that there is not yet.

        Raises:
            VisavisError: `ROOM_EXISTS`, or as `exchange`.
        """
        claims = maker_claims(self._keys, token, room)
        return await self._enter(claims, room, settings=settings)

    async def wait(self, token: str, room: str, *, seconds: float, gone: asyncio.Future[None]) -> Entry | None:
        """As `exchange`, for who has to be let in; see `Entrance.wait`.

        Raises:
            VisavisError: `REFUSED`, `TOO_MANY_REQUESTS`, or as `exchange`.
        """
        claims = self._keys.claims_for(token, parse_room_name(room))
        try:
            return await self._enter(claims, room)
        except VisavisError as error:
            if error.kind is not ErrorKind.MUST_KNOCK or claims.holder is None:
                raise
        if await self._verdict(claims.holder, room) is not Verdict.REFUSED:
            await self._knock(claims.holder, claims, room, seconds, gone)
        if await self._verdict(claims.holder, room) is Verdict.REFUSED:
            raise not_let_in(room)
        try:
            return await self._enter(claims, room)
        except VisavisError as error:
            if error.kind is ErrorKind.MUST_KNOCK:
                return None
            raise

    async def _verdict(self, holder: Holder, room: str) -> Verdict:
        page = await self._book.read(room, await self._telling.sid(room), self._wall())
        return Verdict.WAITING if page is None else page.rules.waiting.verdict(holder.id)

    async def _knock(
        self, holder: Holder, claims: Claims, room: str, seconds: float, gone: asyncio.Future[None]
    ) -> None:
        key = (room, holder.id)
        if self._polls[key] >= MAX_POLLS:
            raise VisavisError(
                ErrorKind.TOO_MANY_REQUESTS, f"you wait with {MAX_POLLS} requests already: wait for the answer to one"
            )
        self._polls[key] += 1
        with self._telling.waking(room) as woken:
            try:
                if await self._ask_until(holder, claims, room, self._wall() + seconds, is_new=True):
                    await self._telling.waiting(room)
                wakes = asyncio.ensure_future(woken.wait())
                try:
                    await asyncio.wait([wakes, gone], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    wakes.cancel()
            finally:
                self._polls[key] -= 1
                if not self._polls[key]:
                    del self._polls[key]
        if not woken.is_set():
            # Who asks no more is to be forgotten; who was woken has been decided about, or asks again.
            await self._ask_until(holder, claims, room, self._wall(), is_new=False)
            await self._telling.look_after(room, self._wall() + PATIENCE_SECONDS + 1)

    async def _ask_until(self, holder: Holder, claims: Claims, room: str, until: float, *, is_new: bool) -> bool:
        """Says until when the holder asks; returns whether it is new here."""
        now = self._wall()

        def decide(page: Page | None) -> tuple[Page | None, bool]:
            if page is None:
                return None, False
            waiting = page.rules.waiting
            if not is_new:
                waiting.expect(holder.id, until=until)
                return page, False
            came = waiting.knock(
                holder.id, identity=claims.identity, name=claims.name, now=now, wake=_nobody_sleeps_here
            )
            waiting.expect(holder.id, until=until)
            return page, came

        return await self._book.change(room, await self._telling.sid(room), now, decide)

    async def _enter(self, claims: Claims, room: str, *, settings: RoomSettings | None = None) -> Entry:
        now, holder = self._wall(), claims.holder
        sid = await self._telling.sid(room)
        present = await self._present(claims, room, now)

        def decide(page: Page | None) -> tuple[Page | None, tuple[bool, frozenset[str]]]:
            rules = None if page is None else page.rules
            if settings is not None and (sid is not None or (rules and not rules.is_moderator(claims, room))):
                raise VisavisError(
                    ErrorKind.ROOM_EXISTS, f"there is a room {room!r} already: join it, or choose another name"
                )
            if rules is not None:
                rules.check_entry(claims, room, present=present, is_dependent=False, now=now)
            if sid is None and (rules is None or rules.is_moderator(claims, room)):
                page = self._reserved(page, holder, settings, now)
            if page is None:
                return None, (claims.moderates(room), frozenset())
            return page, (page.rules.is_moderator(claims, room), page.rules.denied_sources(claims, room))

        is_moderator, denied = await self._book.change(room, sid, now, decide)
        await self._book.give(room, claims, now)
        token = self._keys.mint(self._claims(claims, room, is_moderator, denied), ttl=self._options.token_ttl)
        return Entry(token, claims.identity, is_moderator)

    async def _present(self, claims: Claims, room: str, now: float) -> Claims | None:
        """Who is inside under the identity, or will be in a moment."""
        [given] = await self._book.given(room, [claims.identity])
        present = Claims(identity=claims.identity, holder=None if given is None else given.holder)
        if self._telling.is_inside(room, claims.identity):
            return present
        comes = given is not None and now - given.at < _COMES_WITHIN_SECONDS
        # A host's token takes the place of who has the identity; to have had one keeps nobody out.
        return present if comes and present.holder is not None and not claims.are_for(present) else None

    def _reserved(
        self, page: Page | None, holder: Holder | None, settings: RoomSettings | None, now: float
    ) -> Page | None:
        """The page of a room that its maker has a while to make. Who has the host's word makes rooms of nobody."""
        if page is None:
            maker = None if holder is None or holder.moderates is False else holder.id
            if maker is None and settings is None:
                return None
            page = Page("", 0.0, Moderation(now=now, maker=maker))
        page.rules.settings = settings or page.rules.settings
        page.until = now + RESERVED_SECONDS
        return page

    def _claims(self, claims: Claims, room: str, is_moderator: bool, denied: frozenset[str]) -> Claims:
        """What the token says: what the cluster shall know of who comes, and of the room if it makes that."""
        video = replace(claims.video or VideoGrants(), room=room)
        reserved = (ROLE_ATTRIBUTE, VISITOR_ATTRIBUTE)
        attributes = {name: value for name, value in claims.attributes.items() if name not in reserved}
        sources = video.can_publish_sources
        if claims.holder is not None:
            # Of a token that is exchanged for its like: what held then may not hold now.
            sources = ()
            attributes[VISITOR_ATTRIBUTE] = "1"
            if is_moderator:
                attributes[ROLE_ATTRIBUTE] = "moderator"
        if denied:
            sources = tuple(source for source in sources or SOURCES if source not in denied)
        return replace(
            claims,
            attributes=attributes,
            video=replace(video, can_publish_sources=sources),
            room_config=claims.room_config or self._room_config,
        )


def _nobody_sleeps_here() -> None:
    """What is written down wakes nobody: `Telling.waking` does."""
