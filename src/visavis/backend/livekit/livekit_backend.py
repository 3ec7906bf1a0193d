"""Rooms in a LiveKit cluster, as this process knows them: webhooks, the other processes' word, and asking the cluster.

Nothing here is known to this process alone for longer than a moment: it may be killed, and any other goes on.
"""

import asyncio
import contextlib
import hashlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import structlog
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from visavis.auth import Claims, KeyRing
from visavis.backend.base import RoomSummary, SaidMessage
from visavis.backend.changes import Changes
from visavis.backend.entrance import visitor_grants
from visavis.backend.livekit.book import Book
from visavis.backend.livekit.cluster import Cluster
from visavis.backend.livekit.ending import end
from visavis.backend.livekit.entrance import LiveKitEntrance
from visavis.backend.livekit.keeper import Keeper
from visavis.backend.livekit.mirror import MIRRORED, Mirror, MirroredRoom, Person, subject_of
from visavis.backend.livekit.moderating import LiveKitModerating
from visavis.backend.livekit.operating import LiveKitOperating
from visavis.backend.livekit.options import LiveKitOptions
from visavis.backend.livekit.receiver import PATH, Receiver
from visavis.backend.livekit.shared import LocalShared, Shared
from visavis.backend.livekit.survey import Survey
from visavis.backend.livekit.telling import Telling
from visavis.backend.livekit.throwaway import ThrowAway
from visavis.checkup import LIFE_SECONDS, PER_CALLER_AND_MINUTE, Checkup
from visavis.errors import ErrorKind, VisavisError
from visavis.hub import Fanout
from visavis.identity import User
from visavis.rest import answer, telling_errors
from visavis.rooms import parse_room_name
from visavis.rooms.ids import new_id
from visavis.store.faults import DatabaseFault
from visavis.tries import Tries
from visavis.webhooks import Listeners, WebhookSender

if TYPE_CHECKING:
    from visavis.store.recorder import Recorder

_log = structlog.stdlib.get_logger(__name__)

_Making = Callable[[], list[WebhookEvent]]

_TICK_SECONDS = 1.0
_FAREWELL_SECONDS = 1.0
_PAUSES = (1.0, 2.0, 5.0)
_SETTINGS_AT_ONCE = 500
# Where reading takes long, for there is so much of it, it is done less often: it is a burden to the cluster.
_PAUSE_FACTOR = 10.0
_MOST_PAUSES = 6.0
# Whom the cluster did not have in its list is asked for again so soon.
_SECOND_LOOK_SECONDS = 1.5
# What a webhook may still be under way with is not taken for unheard.
_UNDER_WAY_MS = 5_000
# So long after another process has found people of whom nobody told it is looked whether they are known here.
_COMPARE_SECONDS = 0.3
# Of so many that were found all is written to the history's queue without a pause.
_AT_A_STRETCH = 50
# So long whoever has vanished may still be told of.
_VANISHED_SECONDS = 10.0


class LiveKitBackend:
    """Implements `Backend`; see `docs/scaling.md`.

    Args:
        options: where the cluster is.
        shared: what the processes share; None: what `options` tell.
        wall: seconds since the epoch.

    Raises:
        VisavisError: `INVALID_SETTING`: a URL is none.
    """

    def __init__(
        self, options: LiveKitOptions, *, shared: Shared | None = None, wall: Callable[[], float] = time.time
    ) -> None:
        self.options = options
        self.keys = KeyRing(options.keys)
        key, secret = next(iter(options.keys.items()))
        self.shared = shared or _shared(options, key)
        self.cluster = Cluster(options.url, key, secret)
        self.listeners = Listeners()
        self.recorder: Recorder | None = None
        self.history_owner: str | None = f"CL_{hashlib.sha256(key.encode()).hexdigest()[:12]}"
        self.tries: Tries = self.shared.tries
        self.client_url: str | None = _client_url(options.client_url or options.url)
        self.fanout: Fanout | None = None if self.shared.is_alone else self
        self.secret = secret.encode()
        self._wall = wall
        self._mirror = Mirror()
        self._changed = Changes()
        self._throw_away = ThrowAway(secret)
        book = self._book = Book(self.shared, token_ttl=options.token_ttl)
        self._telling = Telling(
            self.cluster, self._mirror, self.shared, book, self._changed, now=time.monotonic, wall=wall
        )
        self._keeper = Keeper(self.cluster, self._mirror, book, self._telling, wall=wall)
        self.entrance = LiveKitEntrance(self.keys, options, book, self._telling, wall=wall)
        self.moderating = LiveKitModerating(
            self.keys, self.cluster, book, self._telling, self._keeper, self._ended_here, wall=wall
        )
        self.operating = LiveKitOperating(self.cluster, self._throw_away, self._ended_here)
        self._receiver = Receiver(
            self.keys,
            self.shared,
            heard=self._heard,
            happened=self._happened,
            known=self._known,
            counts=self._counts,
        )
        self._survey = Survey(
            self.cluster,
            self._mirror,
            self.shared,
            self._left_behind,
            departure_timeout=options.departure_timeout,
            now=time.monotonic,
        )
        self._webhooks = WebhookSender(options.webhook_urls, self.keys)
        self._word: Callable[[bool], None] | None = None
        self._arrived: dict[str, float] = {}
        # Rooms and people that were seen before they were heard of: since when they are there, and what to tell then.
        self._young: dict[str, tuple[int, _Making]] = {}
        # Rooms that this process found when it began: that they have begun is no news, however their people change.
        self._there_before: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._reading = asyncio.Lock()
        self._wants_reading = asyncio.Event()
        self._reads_for_another = False
        self._read_pause = options.reread_seconds
        self._is_read = False
        self._has_missed = True
        self._closing: asyncio.Task[None] | None = None
        self._catching_up: asyncio.Task[None] | None = None
        self._is_stopped = False

    # -- life ----------------------------------------------------------------------------------------------------------
    def routes(self) -> list[BaseRoute]:
        """Where the cluster's webhooks arrive; and what says to LiveKit clients that rooms are elsewhere."""
        elsewhere = telling_errors(self._elsewhere)
        anything = "/{rest:path}"
        methods = ["GET", "POST", "PATCH", "DELETE"]
        return [
            Route(PATH, telling_errors(self._receiver), methods=["POST"]),
            Route(f"{PATH}/{{room}}", telling_errors(self._has_arrived), methods=["GET"]),
            *(WebSocketRoute(path, self._elsewhere_too) for path in ("/rtc", "/rtc/v1", "/agent")),
            *(Route(path, elsewhere, methods=methods) for path in ("/rtc", f"/rtc{anything}", "/agent")),
            *(Route(f"/{path}{anything}", elsewhere, methods=methods) for path in ("twirp", "whip")),
        ]

    async def start(self) -> None:
        """Reads what is there. Goes on if the cluster or Redis does not answer now; they may later.

        Raises:
            VisavisError: `CLUSTER_REFUSED`: no waiting will mend that.
        """
        if self._tasks or self._is_stopped:
            return
        self._tasks = [
            asyncio.create_task(self._reread(), name="ask the cluster what is there"),
            asyncio.create_task(self._tick(), name="do what is due"),
            asyncio.create_task(self._survey.run(), name="look for what has died"),
        ]
        if self.recorder is not None:
            self.recorder.start()
        await self.shared.start(self._hear, self._resumed)
        try:
            await self._read()
        except VisavisError as error:
            if error.kind is ErrorKind.CLUSTER_REFUSED:
                await self.stop()
                raise
            _log.error("cluster_not_read", reason=error.message)

    async def stop(self) -> None:
        """Ends this process's part; calls go on. Idempotent."""
        if self._is_stopped:
            return
        self._is_stopped = True
        await end(*self._tasks, *(task for task in (self._closing, self._catching_up) if task is not None))
        await self._survey.stop()
        await self._webhooks.aclose(_FAREWELL_SECONDS)
        await self.shared.aclose()
        await self.cluster.aclose()

    # -- what there is -------------------------------------------------------------------------------------------------
    def rooms(self) -> list[RoomSummary]:
        """The rooms that live now, in order of creation."""
        listed = [
            room for room in self._mirror if room.settings is not None and self._throw_away.kind(room.name) is None
        ]
        return [room.summary for room in sorted(listed, key=attrgetter("order"))]

    def token(self, identity: str, *, name: str = "", room: str | None = None) -> str:
        """A token by the host's word; see `Backend.token`.

        Raises:
            VisavisError: `INVALID_IDENTITY` or `INVALID_ROOM_NAME`.
        """
        grants = visitor_grants(User(identity), "" if room is None else parse_room_name(room))
        return self.keys.mint(Claims(identity=identity, name=name, video=grants), ttl=self.options.token_ttl)

    async def chat(self, token: str, room: str) -> list[SaidMessage]:
        """Nothing, for who is inside: what is said in a cluster goes from client to client, and nobody keeps it.

        Raises:
            VisavisError: the token is none for this room, or its holder is not in it.
        """
        claims = self.keys.verify(token)
        if claims.video is None or not claims.video.room_join:
            raise VisavisError(ErrorKind.NOT_PERMITTED, "this token does not permit joining a room (video.roomJoin)")
        if claims.video.room != room:
            raise VisavisError(ErrorKind.WRONG_ROOM, f"this token is for room {claims.video.room!r}, not {room!r}")
        if not await self.moderating.is_inside(claims, room):
            raise VisavisError(ErrorKind.NOT_IN_ROOM, f"{claims.identity!r} is not in room {room!r}: join it first")
        return []

    async def checkup(self, caller: str) -> Checkup:
        """Begins a test of a connection to the cluster.

        Raises:
            VisavisError: `TOO_MANY_REQUESTS`.
        """
        if await self.tries.add(f"checkup {caller}", 60.0) > PER_CALLER_AND_MINUTE:
            raise VisavisError(
                ErrorKind.TOO_MANY_REQUESTS,
                f"{PER_CALLER_AND_MINUTE} connection tests were begun from this address within a minute: wait a minute",
            )
        return Checkup.in_room(self._throw_away.name("checkup"), self.keys, "livekit")

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls `callback` after each change of rooms or counts; returns what ends that."""
        return self._changed.on_change(callback)

    # -- the hubs of all processes -------------------------------------------------------------------------------------
    def on_word(self, callback: Callable[[bool], None]) -> None:
        """Calls `callback` with what clients of other processes' hubs say to all."""
        self._word = callback

    async def pass_on(self, flag: bool) -> None:
        """A client of this process's hub says something to all."""
        await self._telling.others({"kind": "word", "flag": flag})

    # -- what happens --------------------------------------------------------------------------------------------------
    def _heard(self, event: WebhookEvent) -> None:
        """Before anything is asked: what is there is known at once, and as often as it comes."""
        if self._throw_away.kind(event.room.name) == "doctor":
            self._arrived[event.room.name] = time.monotonic()
        if event.event in MIRRORED:
            # Not for a track: that its publisher has come may have been lost all the same.
            self._young.pop(subject_of(event), None)
        if self._mirror.apply(event, now=time.monotonic()):
            self._changed()

    def _counts(self, event: WebhookEvent) -> bool:
        """Whether it matters that it happens only once: that a track is written to the history twice does not."""
        if event.event not in ("track_published", "track_unpublished"):
            return True
        return self._webhooks.has_receivers or self.listeners.has_any(event.event)

    async def _happened(self, event: WebhookEvent, is_guess: bool) -> None:
        """Does what is to be done once.

        Args:
            event: what happened.
            is_guess: nobody was told of it, it was found out.
        """
        name = event.room.name
        if self._throw_away.kind(name) is not None:
            await self._telling.event(event, None)
            return
        settings = await self._keeper.happened(event)
        if settings is not None and self._mirror.know(name, event.room.sid, settings):
            self._changed()
        self._record(event, is_guess=is_guess)
        self.listeners(event)
        self._webhooks(event)
        await self._telling.event(event, settings)

    def _known(self, event: WebhookEvent) -> None:
        """What had been found out is told after all, with its moment and its reason."""
        if self._throw_away.kind(event.room.name) is None:
            self._record(event)

    def _record(self, event: WebhookEvent, *, is_guess: bool = False) -> None:
        if self.recorder is not None:
            # It may have been under way for long, and is told to the second.
            at = min(int(self._wall() * 1000), event.created_at * 1000 + 999)
            self.recorder.happened(event, at, is_unheard=is_guess)

    def _ended_here(self, sid: str) -> None:
        if self.recorder is not None:
            self.recorder.room_ended(sid, models.DisconnectReason.ROOM_DELETED)

    def _hear(self, message: Mapping[str, Any]) -> None:
        if message.get("kind") == "word":
            if self._word is not None:
                self._word(bool(message["flag"]))
            return
        if message.get("kind") == "happened":
            if self._throw_away.kind(message["room"]) == "doctor":
                self._arrived[message["room"]] = time.monotonic()
            self._young.pop(message["about"], None)
        if message.get("kind") == "found":
            # What told the other one of nothing may be under way to this one.
            asyncio.get_running_loop().call_later(_COMPARE_SECONDS, self._compare, message["counts"])
        self._telling.hear(message)

    def _compare(self, counts: Mapping[str, int]) -> None:
        """Reads the cluster, too, if another process has found people there who are not known here.

        Its pages are told to ask for the list, and this process may be the one that they ask.
        """
        rooms = {name: self._mirror.get(name) for name in counts}
        if any(room is None or room.counted != counts[name] for name, room in rooms.items()):
            self._reads_for_another = True
            self._wants_reading.set()

    async def _tell_found(self, rooms: list[models.Room]) -> None:
        found = {room.name: known.counted for room in rooms if (known := self._mirror.get(room.name)) is not None}
        if found and not self.shared.is_alone:
            await self._telling.others({"kind": "found", "counts": found})

    # -- asking the cluster --------------------------------------------------------------------------------------------
    async def _reread(self) -> None:
        failures = 0
        while True:
            pause = self._read_pause if failures == 0 else _PAUSES[min(failures, len(_PAUSES)) - 1]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wants_reading.wait()
            self._wants_reading.clear()
            try:
                await self._read()
                if failures:
                    _log.info("cluster_read_again")
                failures = 0
            except VisavisError as error:
                if failures == 0:
                    _log.error("cluster_not_read", reason=error.message)
                failures += 1
                self._has_missed = True
            except Exception:
                # The next time reads what this one left.
                _log.exception("reading_failed")
                failures += 1

    async def _read(self) -> None:
        """Makes what is known here what the cluster says."""
        async with self._reading:
            asked_at, asked = time.monotonic(), self._wall()
            # Or two that know different things for long would have each other read for ever.
            is_for_another, self._reads_for_another = self._reads_for_another, False
            told = await self.cluster.rooms()
            ended, changed = self._mirror.read_rooms(told, asked_at=asked_at)
            changed |= await self._read_settings()
            names = set(self._mirror.unread(told))
            rooms = [room for room in told if room.name in names]
            if changed:
                self._changed()
            self._there_before.intersection_update(room.sid for room in told)
            for room in rooms:
                if room.sid not in self._there_before:
                    self._young[room.sid] = (room.creation_time_ms, partial(_came, room))
            over = [event for events in await asyncio.gather(*map(self._read_people, rooms)) for event in events]
            # Before its end was heard: the very first time there is nothing to compare with.
            for room in ended:
                over += [_event("participant_left", _ended(room), _gone(each)) for each in room.people.values()]
                over.append(_event("room_finished", _ended(room)))
            unheard = deque[_Making]([*self._grown(), lambda: over])
            is_told, self._is_read = self._is_read, True
            if is_told:
                for making in unheard:
                    for event in making():
                        await self._take_unheard(event)
            else:
                self._there_before = {room.sid for room in rooms if room.sid not in self._young}
                if self.recorder is not None:
                    self._catching_up = asyncio.create_task(
                        self._catch_up(self.recorder, unheard), name="write what was found"
                    )
            if rooms:
                self._changed()
                if is_told and not is_for_another:
                    await self._tell_found(rooms)
            for name in self._survey.doubt(names.intersection(self._mirror.unread(told))):
                self._survey.look_into(name)
            took, usual = time.monotonic() - asked_at, self.options.reread_seconds
            self._read_pause = min(max(usual, took * _PAUSE_FACTOR), usual * _MOST_PAUSES)
            if self._has_missed and self.recorder is not None:
                self._has_missed = False
                self._close_absent(self.recorder, int(asked * 1000))
            if any(room.missed for room in self._mirror):
                asyncio.get_running_loop().call_later(_SECOND_LOOK_SECONDS, self._wants_reading.set)

    def _resumed(self) -> None:
        """The other processes are heard again, or for the first time; what they have told meanwhile is not known."""
        self._has_missed = True
        self._wants_reading.set()

    def _close_absent(self, recorder: "Recorder", at: int) -> None:
        """Ends in the history what the cluster does not have any more; nobody waits for the database."""
        if self._closing is not None and not self._closing.done():
            return
        rooms = {room.sid for room in self._mirror}
        sessions = {sid for room in self._mirror for sid in room.people}

        async def close() -> None:
            try:
                await recorder.close_absent(rooms, sessions, at)
            except DatabaseFault as fault:
                _log.warning("history_not_closed", reason=fault.reason)
                self._has_missed = True

        self._closing = asyncio.create_task(close(), name="close what is absent")

    async def _read_settings(self) -> bool:
        """What moderators have set in the rooms; returns whether that was not known."""
        rooms = list(self._mirror)
        changed = False
        for first in range(0, len(rooms), _SETTINGS_AT_ONCE):
            some = rooms[first : first + _SETTINGS_AT_ONCE]
            found = await self._book.settings([(room.name, room.sid) for room in some])
            for room, settings in zip(some, found, strict=True):
                changed |= self._mirror.know(room.name, room.sid, settings)
        return changed

    async def _read_people(self, room: models.Room) -> list[WebhookEvent]:
        """Who is in a room; returns who has left unheard."""
        asked_at = time.monotonic()
        infos = await self.cluster.participants(room.name)
        came, left = self._mirror.read_people(room.name, room.sid, infos, asked_at=asked_at)
        for info in came:
            self._young[info.sid] = (info.joined_at_ms or info.joined_at * 1000, partial(_came, room, info))
        return [_event("participant_left", room, _gone(each)) for each in left]

    def _grown(self) -> "list[_Making]":
        """What has been there for so long, unheard, that no webhook of it is under way any more."""
        now = self._wall() * 1000
        grown = [sid for sid, (since, _) in self._young.items() if now - since > _UNDER_WAY_MS]
        return [self._young.pop(sid)[1] for sid in grown]

    async def _take_unheard(self, event: WebhookEvent) -> None:
        with contextlib.suppress(VisavisError):
            await self._receiver.take(event, is_guess=True)

    async def _catch_up(self, recorder: "Recorder", found: "deque[_Making]") -> None:
        """Writes what a process that has just begun has found. It tells nobody: the others may have heard of all of it.

        As fast as it is written, for that may be a hundred thousand people.
        """
        while found:
            for event in found.popleft()():
                if self._throw_away.kind(event.room.name) is None:
                    await recorder.eased()
                    self._record(event, is_guess=True)
            if len(found) % _AT_A_STRETCH == 0:
                # Others have something to do, too.
                await asyncio.sleep(0)

    async def _take_vanished(self) -> None:
        """Nobody has told of their end for so long: nobody will."""
        for each in self._mirror.take_vanished(before=time.monotonic() - _VANISHED_SECONDS):
            room = models.Room(sid=each.room_sid, name=each.room_name)
            name = "room_finished" if each.person is None else "participant_left"
            event = _event(name, room, None if each.person is None else _gone(each.person))
            event.created_at = int(self._wall() - (time.monotonic() - each.at))
            await self._take_unheard(event)

    async def _left_behind(self, room: MirroredRoom, person: Person) -> None:
        """Somebody is in the cluster's list, and in the room no more."""
        event = _event("participant_left", models.Room(sid=room.sid, name=room.name), _gone(person))
        self._heard(event)
        await self._take_unheard(event)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                for room in await self.shared.due():
                    await self._look_after(room)
                await self._end_checkups()
                await self._take_vanished()
            except VisavisError as error:
                _log.debug("tick_failed", reason=error.message)
            except Exception:
                # The next tick does what this one left.
                _log.exception("tick_failed")

    async def _look_after(self, room: str) -> None:
        try:
            await self._keeper.look_after(room)
        except VisavisError:
            # Somebody has taken it out of what is due: it must not be forgotten.
            await self.shared.schedule(room, self._wall() + _TICK_SECONDS)

    async def _end_checkups(self) -> None:
        now = self._wall() * 1000
        over = [
            room.name
            for room in self._mirror
            if now - room.created_at > LIFE_SECONDS * 1000 and self._throw_away.kind(room.name) is not None
        ]
        for room in over:
            await self.cluster.delete_room(room)

    # -- what is asked here and is not here ----------------------------------------------------------------------------
    async def _has_arrived(self, request: Request) -> Response:
        """Whether the webhook of a room that `visavis doctor` has made has arrived; its name is its own proof."""
        now = time.monotonic()
        self._arrived = {room: at for room, at in self._arrived.items() if now - at < 60.0}
        return answer({"arrived": request.path_params["room"] in self._arrived})

    async def _elsewhere(self, request: Request) -> Response:
        raise self._lives_elsewhere(request.url.path)

    async def _elsewhere_too(self, websocket: WebSocket) -> None:
        error = self._lives_elsewhere(websocket.url.path)
        refusal = answer({"error": error.kind.value, "message": error.message}, error.status)
        await websocket.send_denial_response(refusal)

    def _lives_elsewhere(self, path: str) -> VisavisError:
        return VisavisError(
            ErrorKind.DOES_NOT_LIVE_HERE,
            f"{path} is not served here: rooms live in the LiveKit cluster at {self.client_url}; connect there",
        )


def _shared(options: LiveKitOptions, key: str) -> Shared:
    if not options.redis_url:
        return LocalShared()
    # Here and not above: one process alone needs none.
    from visavis.backend.livekit.shared_redis import RedisShared

    return RedisShared(options.redis_url, f"visavis:{key}:")


def _client_url(url: str) -> str:
    """As LiveKit clients take it."""
    return url.rstrip("/").replace("http", "ws", 1) if url.startswith("http") else url.rstrip("/")


def _event(name: str, room: models.Room, info: models.ParticipantInfo | None = None) -> WebhookEvent:
    event = WebhookEvent(event=name, id=new_id("EV_"), created_at=int(time.time()), room=room)
    if info is not None:
        event.participant.CopyFrom(info)
        event.participant.ClearField("tracks")
    return event


def _came(room: models.Room, info: models.ParticipantInfo | None = None) -> list[WebhookEvent]:
    """What is told of a room, or of somebody in it, who is there: made when it is told, for it may be of very many."""
    if info is None:
        return [_event("room_started", room)]
    return [_event("participant_joined", room, info), *(_published(room, info, track) for track in info.tracks)]


def _ended(room: MirroredRoom) -> models.Room:
    created_at = room.created_at
    return models.Room(sid=room.sid, name=room.name, creation_time=created_at // 1000, creation_time_ms=created_at)


def _published(room: models.Room, info: models.ParticipantInfo, track: models.TrackInfo) -> WebhookEvent:
    """As webhooks tell of tracks: of room and participant only what names them."""
    event = _event("track_published", models.Room(sid=room.sid, name=room.name))
    event.participant.CopyFrom(models.ParticipantInfo(sid=info.sid, identity=info.identity))
    event.track.CopyFrom(track)
    return event


def _gone(person: Person) -> models.ParticipantInfo:
    return models.ParticipantInfo(
        sid=person.sid,
        identity=person.identity,
        name=person.name,
        kind=person.kind,
        joined_at=person.joined_at // 1000,
        joined_at_ms=person.joined_at,
        state=models.ParticipantInfo.DISCONNECTED,
    )
