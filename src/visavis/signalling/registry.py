"""All rooms of this process: makes them with their first participant, ends them, and routes the core's events."""

from collections.abc import Callable, Iterator

import structlog
from livekit.protocol import models, rtc
from livekit.protocol.room import RoomConfiguration
from livekit.protocol.webhook import WebhookEvent

from visavis.auth import Claims, KeyRing
from visavis.errors import ErrorKind, VisavisError
from visavis.media import MediaEngine, events
from visavis.rooms import Moderation, Participant, Reservations, Room, RoomLimits, parse_room_name
from visavis.rooms.ids import new_id
from visavis.rooms.permissions import participant_kind
from visavis.signalling import moderation, subscribing
from visavis.signalling.connect import ConnectRequest
from visavis.signalling.ice_servers import IceServers
from visavis.signalling.live_room import TOKEN_REFRESH_SECONDS, LiveRoom, Surroundings
from visavis.signalling.messages import Reason
from visavis.signalling.outlet import Outlet
from visavis.signalling.reactions import react
from visavis.signalling.session import Session
from visavis.webhooks import happenings

_log = structlog.stdlib.get_logger(__name__)

# livekit's clients ping every 10 s, as they are told; browsers slow the timers of hidden pages down to once a minute.
SILENT_SECONDS = 20.0
SILENT_WITH_MEDIA_SECONDS = 75.0
JOIN_SECONDS = 60.0
# A machine that vanished closes nothing. The core notices after some 10 s without packets ("disconnected"); if the
# socket is silent as well, for longer than it is between two pings, it is gone, and the others shall not wait for the
# 20 s that they would need otherwise.
VANISHED_SECONDS = 2.0
VANISHED_SILENT_SECONDS = 14.0
ROOM_UPDATE_SECONDS = 5.0
# Most people are just there: what becomes due of them (a token, silence for more than a minute) is looked at so often.
SETTLED_SECONDS = 5.0
# Clients that leave may close their connections before they say so: a failure is acted on only after a moment …
FAILED_SECONDS = 1.0
# … and then the client has so long to resume.
RESUME_SECONDS = 5.0


class RoomRegistry:
    """Rooms by name. All methods must be called in the event loop's thread."""

    def __init__(
        self,
        engine: MediaEngine,
        keys: KeyRing,
        limits: RoomLimits,
        reservations: Reservations,
        *,
        mime_types: tuple[str, ...],
        ice_servers: IceServers,
        changed: Callable[[], None],
        happened: Callable[[WebhookEvent], None],
        entered: Callable[[Room, Participant], None],
        ended: Callable[[Room, Reason], None] = lambda _room, _reason: None,
        wall: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        """No rooms yet.

        Args:
            engine: carries the media.
            keys: verify and sign tokens.
            limits: for each new room.
            reservations: of rooms that are about to be made.
            mime_types: the codecs that may be used, in order of preference.
            ice_servers: told to clients.
            changed: called after each change of rooms or counts.
            happened: called with what webhooks tell.
            entered: called with who joined, and where.
            ended: called with each room that ends, and why, which webhooks do not tell.
            wall: seconds since the epoch.
            now: seconds of a monotonic clock.
        """
        self.keys = keys
        self.reservations = reservations
        self._limits = limits
        self._mime_types = mime_types
        self._ended = ended
        self._around = Surroundings(engine, keys, new_id("ND_"), changed, happened, entered, wall, now, ice_servers)
        self._rooms: dict[str, LiveRoom] = {}
        self._by_sid: dict[str, LiveRoom] = {}
        self._room_updates_at = now()
        self._settled_looked_at = now()
        self._is_closed = False

    def __iter__(self) -> Iterator[LiveRoom]:
        return iter(self._rooms.values())

    def get(self, name: str) -> LiveRoom | None:
        """The room of this name that lives now."""
        return self._rooms.get(name)

    def check(self, request: ConnectRequest) -> None:
        """Checks that `request` would be let in now.

        Raises:
            VisavisError: it would not.
        """
        if self._is_closed:
            raise VisavisError(ErrorKind.SERVER_STOPPING, "the server is stopping: try again in a moment")
        room = self._rooms.get(request.room)
        kind = participant_kind(request.claims)
        is_dependent = (
            kind in (models.ParticipantInfo.AGENT, models.ParticipantInfo.EGRESS)
            or request.grants.agent
            or request.grants.recorder
        )
        self.check_entry(request.claims, request.room, is_dependent=is_dependent)
        if room is not None:
            room.room.admit(request.claims.identity, is_dependent=is_dependent)
        else:
            _refuse_preset(request.claims.room_preset)

    def check_entry(self, claims: Claims, name: str, *, is_dependent: bool = False) -> None:
        """Checks that those who moderate the room of this name, if there is one, let the holder of `claims` in.

        Raises:
            VisavisError: they do not.
        """
        rules = self.moderation_of(name)
        live = self._rooms.get(name)
        present = None if live is None else live.room.by_identity(claims.identity)
        if rules is not None:
            rules.check_entry(
                claims,
                name,
                present=None if present is None else present.claims,
                is_dependent=is_dependent,
                now=self._around.now(),
            )

    def moderation_of(self, name: str) -> Moderation | None:
        """The moderation of the room of this name, which lives or is reserved for who makes it."""
        live = self._rooms.get(name)
        return self.reservations.get(name, now=self._around.now()) if live is None else live.room.moderation

    def join(self, request: ConnectRequest, outlet: Outlet) -> tuple[LiveRoom, Session]:
        """Joins the room, which is made if there is none.

        Raises:
            VisavisError: the room is full, or the server is stopping.
        """
        self.check(request)
        room = self._rooms.get(request.room)
        if room is None:
            holder, now = request.claims.holder, self._around.now()
            if self.reservations.get(request.room, now=now) is None and holder and holder.moderates is not False:
                # Its token is of an earlier room of this name, or it took its time: it makes this one all the same.
                self.reservations.put(request.room, Moderation(now=now, maker=holder.id), now=now)
            room = self._start(request.room, request.configuration)
        return room, room.join(request, outlet)

    def open_room(self, name: str, configuration: RoomConfiguration | None = None, *, preset: str = "") -> LiveRoom:
        """Makes a room before anybody joins it; one that lives already stays as it is.

        Raises:
            VisavisError: the name cannot be, there is no such preset, or the server is stopping.
        """
        if self._is_closed:
            raise VisavisError(ErrorKind.SERVER_STOPPING, "the server is stopping: try again in a moment")
        live = self._rooms.get(parse_room_name(name))
        if live is None:
            _refuse_preset(preset)
            live = self._start(name, configuration or RoomConfiguration())
            self._around.changed()
        return live

    def end_room(self, room: LiveRoom, reason: Reason) -> None:
        """Ends a room that lives: everybody in it is told to leave."""
        self._close_room(room, reason)
        del self._rooms[room.room.name]
        del self._by_sid[room.room.sid]
        _log.info("room_ended", room=room.room.sid)
        self._around.changed()

    def _start(self, name: str, configuration: RoomConfiguration) -> LiveRoom:
        around = self._around
        # 0 is "not told".
        limits = RoomLimits(
            max_participants=configuration.max_participants or self._limits.max_participants,
            empty_timeout=configuration.empty_timeout or self._limits.empty_timeout,
            departure_timeout=configuration.departure_timeout or self._limits.departure_timeout,
        )
        room = Room(
            name,
            limits,
            created_at=around.wall(),
            now=around.now(),
            mime_types=self._mime_types,
            moderation=self.reservations.take(name, now=around.now()),
        )
        room.metadata = configuration.metadata
        room.agents = tuple(configuration.agents)
        if configuration.min_playout_delay or configuration.max_playout_delay:
            room.playout_delay = (configuration.min_playout_delay, configuration.max_playout_delay)
        room.sync_streams = configuration.sync_streams
        live = self._rooms[name] = self._by_sid[room.sid] = LiveRoom(room, around)
        around.happened(happenings.of_room("room_started", room))
        _log.info("room_started", room=room.sid)
        return live

    def _close_room(self, room: LiveRoom, reason: Reason) -> list[Outlet]:
        outlets = room.close(reason)
        room.room.moderation.waiting.disperse()
        self._ended(room.room, reason)
        self._around.happened(happenings.of_room("room_finished", room.room))
        return outlets

    def resume(self, request: ConnectRequest, outlet: Outlet) -> tuple[LiveRoom, Session] | None:
        """Resumes the session of the same identity; None if there is none (any more)."""
        room = self._rooms.get(request.room)
        participant = None if room is None else room.room.by_identity(request.claims.identity)
        if room is None or participant is None or request.resume not in ("", participant.sid):
            return None
        if not request.claims.are_for(participant.claims):
            return None
        session = room.sessions[participant.sid]
        room.resume(session, outlet)
        return room, session

    def handle(self, event: events.RoomEvent) -> None:
        """Does what an event of the core asks for. Events about what is gone are ignored: removal always races."""
        match event:
            case events.Speakers(room, levels):
                if room in self._by_sid:
                    self._by_sid[room].tell_speakers(levels)
            case events.Quality(room, qualities):
                if room in self._by_sid:
                    self._by_sid[room].tell_qualities(qualities)
            case _:
                found = self._find(event.participant)
                if found is not None:
                    react(*found, event)

    def tick(self) -> None:
        """Does what is due by now. To be called about twice a second."""
        now = self._around.now()
        tells_rooms = now - self._room_updates_at >= ROOM_UPDATE_SECONDS
        if tells_rooms:
            self._room_updates_at = now
        looks_at_all = now - self._settled_looked_at >= SETTLED_SECONDS
        if looks_at_all:
            self._settled_looked_at = now
        for room in list(self._rooms.values()):
            for session in list((room.sessions if looks_at_all else room.unsettled).values()):
                self._tick_session(room, session, now)
                if session.is_settled:
                    room.unsettled.pop(session.sid, None)
            if room.room.is_over(now):
                self.end_room(room, Reason.ROOM_CLOSED)
                continue
            moderation.tick(room)
            room.tick()
            if tells_rooms:
                room.tell_room()

    def close(self) -> list[Outlet]:
        """Tells everybody to leave and lets nobody in any more; returns where that is still to be sent."""
        self._is_closed = True
        outlets = [outlet for room in self._rooms.values() for outlet in self._close_room(room, Reason.SERVER_SHUTDOWN)]
        self._rooms.clear()
        self._by_sid.clear()
        return outlets

    def _find(self, participant: str) -> tuple[LiveRoom, Session] | None:
        room = self._around.room_of.get(participant)
        return None if room is None else (room, room.sessions[participant])

    def _tick_session(self, room: LiveRoom, session: Session, now: float) -> None:
        silent = now - session.last_heard
        has_media = session.was_connected and session.media_lost_at is None
        is_media_gone = session.media_lost_at is not None and now - session.media_lost_at >= VANISHED_SECONDS
        is_signal_gone = session.outlet is None or silent >= VANISHED_SILENT_SECONDS
        is_resume_missed = session.resume_until is not None and now >= session.resume_until
        if is_resume_missed or (session.resume_until is None and is_media_gone and is_signal_gone):
            room.remove(session, Reason.CONNECTION_TIMEOUT)
            return
        if session.failed_at is not None and session.resume_until is None and now - session.failed_at >= FAILED_SECONDS:
            room.ask_to_resume(session, until=now + RESUME_SECONDS)
            return
        if not session.was_connected and now - session.joined_at >= JOIN_SECONDS:
            room.remove(session, Reason.JOIN_FAILURE, action=rtc.LeaveRequest.RECONNECT)
            return
        if session.outlet is None:
            return
        if silent >= (SILENT_WITH_MEDIA_SECONDS if has_media else SILENT_SECONDS):
            outlet = session.outlet
            outlet.abort()
            room.socket_lost(session, outlet)
            return
        if now - session.token_sent_at >= TOKEN_REFRESH_SECONDS:
            room.refresh_token(session)
        if session.unknown_wishes:
            subscribing.give_up_unknown(room, session)


def _refuse_preset(name: str) -> None:
    if name:
        raise VisavisError(
            ErrorKind.INVALID_REQUEST,
            f"unknown room configuration {name!r}: there are no presets here; say what the room shall be in roomConfig "
            "or as you create it",
        )
