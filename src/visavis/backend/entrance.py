"""Implements `Entrance` for rooms of this process: tokens by the rules that `rooms.moderation` keeps for each room."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from visavis.auth import MAX_IDENTITY_LENGTH, Claims, Holder, KeyRing, VideoGrants
from visavis.backend.base import Entry
from visavis.errors import ErrorKind, VisavisError
from visavis.identity import Caller, User
from visavis.rooms import Moderation, Reservations, RoomSettings, parse_room_name
from visavis.rooms.waiting_room import Verdict
from visavis.signalling import RoomRegistry, moderation

_HOLDER_BYTES = 15


class EmbeddedEntrance:
    """Who comes in."""

    def __init__(
        self, keys: KeyRing, reservations: Reservations, registry: Callable[[], RoomRegistry | None], *, ttl: float
    ) -> None:
        """Nobody yet.

        Args:
            keys: sign and verify tokens.
            reservations: of rooms that somebody has a token to make.
            registry: the rooms; None while not started.
            ttl: seconds that tokens are valid.
        """
        self._keys = keys
        self._reservations = reservations
        self._registry = registry
        self._ttl = ttl

    async def token(self, caller: Caller, room: str | None, *, held: str | None) -> Entry:
        """A token for who asks; see `Entrance.token`.

        Raises:
            VisavisError: `INVALID_IDENTITY`, `INVALID_ROOM_NAME`, or the room does not let it in.
        """
        user = caller.user
        claims = Claims(identity=user.identity, name=user.name, video=visitor_grants(user, ""))
        claims = replace(claims, holder=holder_of(caller, held, self._keys))
        if room is None:
            return Entry(self._keys.mint(claims, ttl=self._ttl), user.identity, is_moderator=False)
        return self._enter(claims, parse_room_name(room))

    async def exchange(self, token: str, room: str) -> Entry:
        """The token for `room` of whoever holds a token that names none; see `KeyRing.exchange`.

        Raises:
            VisavisError: the token is no good for that, or the room does not let its holder in.
        """
        return self._enter(self._keys.claims_for(token, parse_room_name(room)), room)

    async def create(self, token: str, room: str, settings: RoomSettings) -> Entry:
        """As `exchange`, for a room that there is not yet.

        Raises:
            VisavisError: `ROOM_EXISTS`, or as `exchange`.
        """
        claims = maker_claims(self._keys, token, room)
        reserved = self._moderation_of(room)
        if reserved is not None and (self._is_alive(room) or not reserved.is_moderator(claims, room)):
            raise VisavisError(
                ErrorKind.ROOM_EXISTS, f"there is a room {room!r} already: join it, or choose another name"
            )
        self._reserve(claims, room, settings)
        return self._enter(claims, room)

    async def wait(self, token: str, room: str, *, seconds: float, gone: asyncio.Future[None]) -> Entry | None:
        """As `exchange`, for who has to be let in; see `Entrance.wait`.

        Raises:
            VisavisError: `REFUSED`, `TOO_MANY_REQUESTS`, or as `exchange`.
        """
        claims = self._keys.claims_for(token, parse_room_name(room))
        try:
            return self._enter(claims, room)
        except VisavisError as error:
            holder, rules = claims.holder, self._moderation_of(room)
            if error.kind is not ErrorKind.MUST_KNOCK or holder is None or rules is None:
                raise
        if rules.waiting.verdict(holder.id) is not Verdict.REFUSED:
            await self._knock(rules, holder, claims, room, seconds, gone)
        if rules.waiting.verdict(holder.id) is Verdict.REFUSED:
            raise not_let_in(room)
        try:
            return self._enter(claims, room)
        except VisavisError as error:
            if error.kind is ErrorKind.MUST_KNOCK:
                return None
            raise

    async def _knock(
        self,
        rules: Moderation,
        holder: Holder,
        claims: Claims,
        room: str,
        seconds: float,
        gone: asyncio.Future[None],
    ) -> None:
        woken = asyncio.Event()
        is_new = rules.waiting.knock(
            holder.id, identity=claims.identity, name=claims.name, now=time.monotonic(), wake=woken.set
        )
        if is_new:
            self._tell_waiting(room)
        wakes = asyncio.ensure_future(woken.wait())
        try:
            await asyncio.wait([wakes, gone], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wakes.cancel()
            rules.waiting.stop_asking(holder.id, now=time.monotonic(), wake=woken.set)

    def _enter(self, claims: Claims, room: str) -> Entry:
        registry = self._registry()
        if registry is not None:
            registry.check_entry(claims, room)
        elif (reserved := self._moderation_of(room)) is not None:
            reserved.check_entry(claims, room, present=None, is_dependent=False, now=time.monotonic())
        rules = self._moderation_of(room)
        if rules is None or (not self._is_alive(room) and rules.is_moderator(claims, room)):
            # For the maker again and again, so that it can take its time before it joins.
            rules = self._reserve(claims, room, None)
        video = replace(claims.video or VideoGrants(), room=room)
        token = self._keys.mint(replace(claims, video=video), ttl=self._ttl)
        is_moderator = claims.moderates(room) if rules is None else rules.is_moderator(claims, room)
        return Entry(token, claims.identity, is_moderator)

    def _reserve(self, claims: Claims, room: str, settings: RoomSettings | None) -> Moderation | None:
        """Reserves the room for its maker; who comes by the host's word alone makes rooms that nobody moderates."""
        holder, now = claims.holder, time.monotonic()
        rules = self._reservations.get(room, now=now)
        if rules is None:
            maker = None if holder is None or holder.moderates is False else holder.id
            if maker is None and settings is None:
                return None
            rules = Moderation(now=now, maker=maker)
        rules.settings = settings or rules.settings
        self._reservations.put(room, rules, now=now)
        return rules

    def _moderation_of(self, room: str) -> Moderation | None:
        registry = self._registry()
        if registry is not None:
            return registry.moderation_of(room)
        return self._reservations.get(room, now=time.monotonic())

    def _is_alive(self, room: str) -> bool:
        registry = self._registry()
        return registry is not None and registry.get(room) is not None

    def _tell_waiting(self, room: str) -> None:
        registry = self._registry()
        live = None if registry is None else registry.get(room)
        if live is not None:
            moderation.tell_waiting(live)


def holder_of(caller: Caller, held: str | None, keys: KeyRing) -> Holder:
    """Who holds the token that `caller` is given, which holds `held` already; one that is no good is ignored."""
    user = caller.user
    if caller.is_known:
        # The same person on each device and in each tab.
        return Holder(id=f"user:{user.identity}", is_vouched=True, moderates=user.moderator)
    former = _former_holder(user.identity, held, keys)
    return Holder(id=f"visitor:{secrets.token_urlsafe(_HOLDER_BYTES)}" if former is None else former.id)


def _former_holder(identity: str, held: str | None, keys: KeyRing) -> Holder | None:
    if held is None:
        return None
    try:
        claims = keys.verify(held)
    except VisavisError:
        # Expired, or not for us at all: hosts may use the header for what `identify` reads.
        return None
    holder = claims.holder
    return holder if claims.identity == identity and holder is not None and not holder.is_vouched else None


def visitor_grants(user: User, room: str) -> VideoGrants:
    """What a token of the API permits.

    Raises:
        VisavisError: `INVALID_IDENTITY`.
    """
    if not user.identity or len(user.identity) > MAX_IDENTITY_LENGTH:
        raise VisavisError(
            ErrorKind.INVALID_IDENTITY,
            f"the identity has {len(user.identity)} characters: use 1 to {MAX_IDENTITY_LENGTH}",
        )
    return VideoGrants(
        room_join=True,
        room=room,
        can_publish=True,
        can_subscribe=True,
        can_publish_data=True,
        can_update_own_metadata=True,
    )


def maker_claims(keys: KeyRing, token: str, room: str) -> Claims:
    """The claims for `room` of who wants to make it with settings.

    Raises:
        VisavisError: the token is no good for that; `NOT_A_MODERATOR`: its signer says that it moderates nothing.
    """
    claims = keys.claims_for(token, parse_room_name(room))
    holder = claims.holder
    if not claims.moderates(room) and (holder is None or holder.moderates is False):
        raise VisavisError(
            ErrorKind.NOT_A_MODERATOR,
            f"{claims.identity!r} cannot make room {room!r} with settings: whoever signed its token says that it "
            "moderates nothing",
        )
    return claims


def not_let_in(room: str) -> VisavisError:
    """For who waited, and was refused."""
    return VisavisError(ErrorKind.REFUSED, f"a moderator of room {room!r} does not let you in now")
