"""Rooms in this process: the media core, the signalling and the clock that drives them."""

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from livekit.protocol.webhook import WebhookEvent
from starlette.routing import BaseRoute

from visavis.agents import AgentDispatcher, agent_routes
from visavis.auth import DEFAULT_TTL_SECONDS, Claims, KeyRing
from visavis.backend.base import RoomSummary, SaidMessage
from visavis.backend.changes import Changes
from visavis.backend.entrance import EmbeddedEntrance, visitor_grants
from visavis.backend.moderating import EmbeddedModerating
from visavis.backend.node_address import MediaAddresses, find_media_addresses, loopback_if_any
from visavis.backend.operating import EmbeddedOperating
from visavis.backend.public_address import WITHIN_SECONDS, ask_stun
from visavis.checkup import Checkup, Checkups
from visavis.errors import ErrorKind, VisavisError
from visavis.figures import Watch
from visavis.hub import Fanout
from visavis.identity import User
from visavis.media import Dispatcher, MediaEngine, events
from visavis.rooms import Reservations, Room, RoomLimits, parse_room_name
from visavis.signalling import LiveRoom, RoomRegistry, signalling_routes, whip_routes
from visavis.signalling.ice_servers import IceServers, turn_urls
from visavis.signalling.messages import Reason
from visavis.tries import LocalTries, Tries
from visavis.twirp import twirp_routes
from visavis.webhooks import Listeners, WebhookSender

if TYPE_CHECKING:
    from visavis.store.recorder import Recorder

_log = structlog.stdlib.get_logger(__name__)

MIME_TYPES = (
    "video/VP8",
    "video/H264",
    "video/VP9",
    "video/AV1",
    "video/H265",
    "audio/opus",
    "audio/red",
    "audio/PCMU",
    "audio/PCMA",
)

_TICK_SECONDS = 0.5
_MAX_LISTED_PEOPLE = 20
# Leaves sit in the outlets' queues after a stop; healthy sockets take them at once, others are not waited for.
_FAREWELL_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTls:
    """How to serve TURN within TLS.

    Attributes:
        domain: the name in the certificate by which clients reach this machine.
        certificate: the chain, in PEM.
        key: of the first in the chain, in PEM.
        port: TCP, beside that of ICE-TCP, where the first bytes tell them apart; None: only there.
        told_port: what clients are told instead, if something in front passes connections on.
    """

    domain: str
    certificate: Path
    key: Path
    port: int | None = None
    told_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedOptions:
    """How the embedded backend runs.

    Attributes:
        keys: API key → secret; the first signs.
        host: address, or a name of one, to bind media sockets to.
        udp_port: for media; 0 picks one.
        tcp_port: for ICE-TCP; 0 picks one, None does without.
        node_ips: addresses that clients reach the media sockets at; none: found by itself.
        stun_servers: ask these for the address that this machine has outside, if `node_ips` are not told.
        max_participants: capacity of each room.
        departure_timeout: seconds that a room stays after the last one left.
        empty_timeout: seconds that a room stays if nobody joins.
        token_ttl: seconds that tokens are valid.
        workers: threads for media, 0 for one per core.
        room_share: participants of one room that one of them takes before others help; 0: all.
        webhook_urls: where events are posted to, as LiveKit's webhooks.
        turn: serve TURN on the media ports, and tell clients.
        turn_tls: TURN within TLS, too.
        turn_secret: what the passwords of TURN are made of.
    """

    keys: Mapping[str, str]
    host: str = "127.0.0.1"
    udp_port: int = 7882
    tcp_port: int | None = 7881
    node_ips: tuple[str, ...] = ()
    stun_servers: tuple[str, ...] = ()
    max_participants: int = 50
    departure_timeout: float = 20.0
    empty_timeout: float = 300.0
    token_ttl: float = DEFAULT_TTL_SECONDS
    workers: int = 0
    room_share: int = 50
    webhook_urls: tuple[str, ...] = ()
    turn: bool = True
    turn_tls: TurnTls | None = None
    turn_secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)


def core_engine(options: EmbeddedOptions) -> MediaEngine:
    """The Rust core on the sockets that `options` tell.

    Raises:
        VisavisError: `BIND_FAILED`, naming the address.
    """
    # Here and not above: tests with a fake need no compiled module.
    from visavis.media.core import CoreEngine

    try:
        addresses = _media_addresses(options)
        tls = options.turn_tls if options.turn else None
        tls_port = None if tls is None else tls.port
        return CoreEngine(
            udp=[(host, options.udp_port) for host in addresses.bound],
            tcp=[] if options.tcp_port is None else [(host, options.tcp_port) for host in addresses.bound],
            node_ips=list(addresses.told),
            workers=options.workers,
            room_share=options.room_share,
            turn_secret=options.turn_secret if options.turn else None,
            turn_certificate=None if tls is None else (tls.certificate.read_bytes(), tls.key.read_bytes()),
            turn_tcp=[] if tls_port is None else [(host, tls_port) for host in addresses.bound],
        )
    except OSError as error:
        raise VisavisError(
            ErrorKind.BIND_FAILED,
            f"cannot open the media ports (UDP {options.udp_port}, TCP {options.tcp_port}) on {options.host}: {error}; "
            "stop what uses them or choose others",
        ) from error
    except ValueError as error:
        raise VisavisError(ErrorKind.INVALID_SETTING, f"turn_cert: {error}") from error


def _media_addresses(options: EmbeddedOptions) -> MediaAddresses:
    servers = options.stun_servers

    def ask_outside(local: str) -> str:
        try:
            return ask_stun(servers, local)
        except OSError as error:
            raise VisavisError(
                ErrorKind.NO_PUBLIC_ADDRESS,
                f"no STUN server told this machine's address within {WITHIN_SECONDS:.0f} s ({', '.join(servers)}): "
                f"{error}; let UDP out to one, name another with --stun-server, or say the address with --node-ip",
            ) from error

    return find_media_addresses(options.host, options.node_ips, ask_outside=ask_outside if servers else None)


def _ice_servers(options: EmbeddedOptions, engine: MediaEngine) -> IceServers:
    if not options.turn:
        return IceServers((), b"", time.time)
    tls: tuple[str, int] | None = None
    if options.turn_tls is not None:
        port = options.turn_tls.told_port or next(iter([*engine.turn_ports, *engine.tcp_ports]), None)
        tls = None if port is None else (options.turn_tls.domain, port)
    return IceServers(turn_urls(engine.udp_candidates, engine.tcp_candidates, tls), options.turn_secret, time.time)


class EmbeddedBackend:
    """Implements `Backend`, and has the routes of the signalling."""

    def __init__(
        self,
        options: EmbeddedOptions,
        *,
        engine: Callable[[EmbeddedOptions], MediaEngine] = core_engine,
    ) -> None:
        self.options = options
        self.keys = KeyRing(options.keys)
        self._reservations = Reservations()
        self.entrance = EmbeddedEntrance(self.keys, self._reservations, lambda: self._registry, ttl=options.token_ttl)
        self.moderating = EmbeddedModerating(self.keys, lambda: self._registry)
        self._checkups = Checkups(time.monotonic)
        self.operating = EmbeddedOperating(self.registry, lambda: self._watch, self._checkups)
        self.tries: Tries = LocalTries()
        self.history_owner: str | None = None
        self.client_url: str | None = None
        self.fanout: Fanout | None = None
        self._make_engine = engine
        self._engine: MediaEngine | None = None
        self._registry: RoomRegistry | None = None
        self._dispatcher: Dispatcher | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._changed = Changes()
        self.listeners = Listeners()
        self.recorder: Recorder | None = None
        """Is told what happens; None: no history."""
        self._watch: Watch | None = None
        self.agents = AgentDispatcher(self.keys, self._find_room)
        self._webhooks = WebhookSender(options.webhook_urls, self.keys)
        self._is_stopped = False

    @property
    def engine(self) -> MediaEngine | None:
        """The media core; None while not started."""
        return self._engine

    @property
    def watch(self) -> Watch | None:
        """Tells what flows; None while not started."""
        return self._watch

    def media_tcp_address(self) -> tuple[str, int] | None:
        """Where this process itself reaches the core's TCP port; None if there is none."""
        if self._engine is None or not self._engine.tcp_ports:
            return None
        address = find_media_addresses(self.options.host, self.options.node_ips).bound[0]
        return loopback_if_any(address), self._engine.tcp_ports[0]

    def routes(self) -> list[BaseRoute]:
        """LiveKit's signalling, WHIP, server API (`/twirp`) and workers (`/agent`). The first request starts it."""
        return [*signalling_routes(self), *whip_routes(self), *twirp_routes(self), *agent_routes(self)]

    async def registry(self) -> RoomRegistry:
        """The rooms; started if they are not."""
        await self.start()
        if self._registry is None:
            raise VisavisError(ErrorKind.SERVER_STOPPING, "the server is stopping: try again in a moment")
        return self._registry

    async def start(self) -> None:
        """Opens the media sockets. Idempotent; does nothing after `stop`.

        Raises:
            VisavisError: `BIND_FAILED`.
        """
        if self._registry is not None or self._is_stopped:
            return
        # Without awaiting anything, so that two first requests cannot both start.
        self._engine = self._make_engine(self.options)
        if self.recorder is not None:
            self.recorder.start()
        options = self.options
        self._registry = RoomRegistry(
            self._engine,
            self.keys,
            RoomLimits(
                max_participants=options.max_participants,
                departure_timeout=options.departure_timeout,
                empty_timeout=options.empty_timeout,
            ),
            self._reservations,
            mime_types=MIME_TYPES,
            ice_servers=_ice_servers(options, self._engine),
            changed=self._changed,
            happened=self._happened,
            entered=self.agents.entered,
            ended=self._ended,
            wall=time.time,
            now=time.monotonic,
        )
        self._watch = Watch(self._engine)
        self._dispatcher = Dispatcher(self._engine, self._hear)
        self._dispatcher.start()
        self._ticker = asyncio.create_task(self._tick(self._registry))
        _log.info("media_started", udp=self._engine.udp_ports, tcp=self._engine.tcp_ports)

    async def stop(self) -> None:
        """Tells every participant to leave, waits a moment for that to be sent, and closes the media. Idempotent."""
        self._is_stopped = True
        registry, self._registry = self._registry, None
        if registry is None:
            return
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
        outlets = registry.close()
        webhooks = asyncio.create_task(self._webhooks.aclose(_FAREWELL_SECONDS))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                for outlet in outlets:
                    await outlet.finished()
        if self._watch is not None:
            await self._watch.aclose()
        if self._dispatcher is not None:
            self._dispatcher.stop()
        if self._engine is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL_SECONDS / 2):
                    await asyncio.to_thread(self._engine.close)
        if self._dispatcher is not None:
            # What came of those who were here until now.
            self._dispatcher.dispatch()
        self._changed()
        await self.agents.aclose()
        await webhooks

    def rooms(self) -> list[RoomSummary]:
        """The rooms that live now, in order of creation."""
        if self._registry is None:
            return []
        return [
            RoomSummary(
                id=live.room.sid,
                name=live.room.name,
                participant_count=live.room.shown_count,
                max_participants=live.room.limits.max_participants,
                people=_people_of(live.room),
                settings=live.room.moderation.settings,
            )
            for live in self._registry
            if live.room.name not in self._checkups
        ]

    def token(self, identity: str, *, name: str = "", room: str | None = None) -> str:
        """A token that lets `identity` publish and receive in `room`, or with None one to be exchanged for such.

        It is the host's word: no waiting room holds up who has it. Who asks the API gets one of `entrance`.

        Raises:
            VisavisError: `INVALID_IDENTITY` or `INVALID_ROOM_NAME`.
        """
        grants = visitor_grants(User(identity), "" if room is None else parse_room_name(room))
        return self.keys.mint(Claims(identity=identity, name=name, video=grants), ttl=self.options.token_ttl)

    def verify(self, token: str) -> Claims:
        """What a token says; see `KeyRing.verify`."""
        return self.keys.verify(token)

    async def chat(self, token: str, room: str) -> list[SaidMessage]:
        """What was said in `room`, for who is inside: a token alone outlives being removed.

        Raises:
            VisavisError: the token is none for this room, or its holder is not in it.
        """
        claims = self.keys.verify(token)
        if claims.video is None or not claims.video.room_join:
            raise VisavisError(ErrorKind.NOT_PERMITTED, "this token does not permit joining a room (video.roomJoin)")
        if claims.video.room != room:
            raise VisavisError(ErrorKind.WRONG_ROOM, f"this token is for room {claims.video.room!r}, not {room!r}")
        live = None if self._registry is None else self._registry.get(room)
        present = None if live is None else live.room.by_identity(claims.identity)
        if live is None or present is None or not claims.are_for(present.claims):
            raise VisavisError(ErrorKind.NOT_IN_ROOM, f"{claims.identity!r} is not in room {room!r}: join it first")
        now = time.monotonic()
        return [
            SaidMessage(said.id, said.identity, said.name, said.text, said.attributes, max(0.0, now - said.said_at))
            for said in live.chat
        ]

    async def checkup(self, caller: str) -> Checkup:
        """Begins a test of a connection; see `Checkups`.

        Raises:
            VisavisError: `TOO_MANY_REQUESTS`.
        """
        return Checkup.in_room(self._checkups.begin(caller), self.keys, "embedded")

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls `callback` after each change of rooms or counts; returns what ends that."""
        return self._changed.on_change(callback)

    def _hear(self, event: events.Event) -> None:
        match event:
            case events.Figures():
                if self._watch is not None:
                    self._watch.told(event)
            case events.TrackTotals() | events.ParticipantTotals():
                if self.recorder is not None:
                    self.recorder.totals(event)
            case _:
                if self._registry is not None:
                    self._registry.handle(event)

    def _ended(self, room: Room, reason: Reason) -> None:
        if self.recorder is not None:
            self.recorder.room_ended(room.sid, reason)

    def _happened(self, event: WebhookEvent) -> None:
        if event.room.name in self._checkups:
            return  # Nobody meets there.
        if self.recorder is not None:
            self.recorder.happened(event)
        self.listeners(event)
        self._webhooks(event)
        self.agents.happened(event)

    def _find_room(self, name: str) -> LiveRoom | None:
        return None if self._registry is None else self._registry.get(name)

    async def _tick(self, registry: RoomRegistry) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                self._tick_once(registry)
            except Exception:
                # The next tick does what this one left.
                _log.exception("tick_failed")

    def _tick_once(self, registry: RoomRegistry) -> None:
        registry.tick()
        for name in self._checkups.over():
            if (live := registry.get(name)) is not None:
                registry.end_room(live, Reason.ROOM_CLOSED)


def _people_of(room: Room) -> tuple[str, ...]:
    """Names for the list of rooms. Not of those whom the host let in by its own tokens: it shows people as it likes."""
    if not room.moderation.settings.shows_people:
        return ()
    visitors = (each for each in room.participants if each.claims.holder is not None and not each.is_hidden)
    return tuple(itertools.islice((each.name for each in visitors if each.name), _MAX_LISTED_PEOPLE))
