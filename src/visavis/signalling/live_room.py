"""A room that lives: joins, leaves, publications and subscriptions, decided here and carried out by the core.

No sockets and no clock: frames go into outlets, commands to the `MediaEngine`, and the time comes in as an argument.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

import structlog
from livekit.protocol import models, rtc
from livekit.protocol.webhook import WebhookEvent

from visavis.auth import KeyRing
from visavis.media import MediaEngine
from visavis.rooms import ChatLog, Participant, Room
from visavis.rooms.moderation import ROLE_ATTRIBUTE
from visavis.signalling import data_tracks, messages, rpc, subscribing
from visavis.signalling.announcements import SMALL_ROOM, Announcements
from visavis.signalling.connect import ConnectRequest
from visavis.signalling.ice_servers import IceServers
from visavis.signalling.messages import Action, Reason
from visavis.signalling.outlet import Outlet
from visavis.signalling.session import Session
from visavis.webhooks import happenings

_log = structlog.stdlib.get_logger(__name__)

# From this protocol on, clients take a new sid of a known identity as its reconnection.
_PROTOCOL_IDENTITY_RECONNECTION = 12
_DEPARTED_KEPT_SECONDS = 120.0
_UNDER_WAY_SECONDS = 15.0
_SYNC_STREAMS_PROTOCOL = 10
TOKEN_REFRESH_SECONDS = 300.0
_MIN_REFRESHED_TTL_SECONDS = 600.0

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every room of this process shares.

    Attributes:
        engine: carries the media.
        keys: signs refreshed tokens.
        node_id: told to clients.
        changed: to be called when rooms or counts change.
        happened: to be called with what webhooks tell.
        entered: to be called with who joined, which webhooks tell only when their media comes up.
        wall: seconds since the epoch.
        now: seconds of the monotonic clock.
        ice_servers: told to clients.
        room_of: participant id → the room it is in.
    """

    engine: MediaEngine
    keys: KeyRing
    node_id: str
    changed: Callable[[], None]
    happened: Callable[[WebhookEvent], None]
    entered: Callable[[Room, Participant], None]
    wall: Callable[[], float]
    now: Callable[[], float]
    ice_servers: IceServers
    room_of: "dict[str, LiveRoom]" = field(default_factory=dict[str, "LiveRoom"])


class LiveRoom:
    """The sessions of one room."""

    def __init__(self, room: Room, surroundings: Surroundings) -> None:
        self.room = room
        self.chat = ChatLog()
        self.sessions: dict[str, Session] = {}
        self.unsettled: dict[str, Session] = {}
        """Those of which something may be due within seconds, by participant id."""
        self.is_told = True
        """Whether the clients know the present counts of the room."""
        self.around = surroundings
        self.engine = surroundings.engine
        self._qualities: dict[str, bytes] = {}
        """Of each session that is or was connected, as clients are told of it."""
        self._levels: dict[str, float] = {}
        self._told_recorded = False
        self._departed: deque[tuple[float, models.ParticipantInfo]] = deque()
        self._announcements = Announcements(self._send_to_all, now=surroundings.now())
        self._log = _log.bind(room=room.sid)

    # -- coming and going ----------------------------------------------------------------------------------------------
    def join(self, request: ConnectRequest, outlet: Outlet) -> Session:
        """Joins a new participant: `outlet` gets `join` first, the others an update.

        Raises:
            VisavisError: the room is full.
        """
        now = self.around.now()
        participant = Participant(request.claims, request.about, joined_at=self.around.wall())
        self.room.admit(participant.identity, is_dependent=participant.is_dependent)
        former = self.room.by_identity(participant.identity)
        if former is not None:
            self.remove(self.sessions[former.sid], Reason.DUPLICATE_IDENTITY, is_replaced=True)
        session = Session(participant, outlet, now=now)
        self._moderate(participant)
        others = self.room.others(participant)
        self.room.add(participant)
        self.sessions[participant.sid] = session
        self.unsettled[participant.sid] = session
        self.around.room_of[participant.sid] = self
        session.send(
            messages.join(
                self.room,
                participant,
                others,
                subscriber_primary=session.primary == "subscriber",
                node_id=self.around.node_id,
                ice_servers=self.around.ice_servers.of(participant.sid),
            )
        )
        permissions = participant.permissions
        sync_streams, is_firefox = self.room.sync_streams, request.about.is_firefox
        self.engine.add_participant(
            self.room.sid,
            participant.sid,
            participant.identity,
            primary=session.primary,
            single=request.about.single_connection,
            can_publish_data=permissions.can_publish_data,
            hidden=permissions.hidden,
            agent=participant.is_agent,
            can_subscribe_metrics=permissions.can_subscribe_metrics,
            codec_change=request.about.follows_codec_changes,
            mime_types=list(participant.disabled_codecs.receivable(self.room.mime_types)),
            # Firefox plays no streams in sync: holding its pictures back alone would take them further from the sound.
            playout_delay=None if sync_streams and is_firefox else self.room.playout_delay,
            sync_streams=sync_streams and not is_firefox and request.about.protocol >= _SYNC_STREAMS_PROTOCOL,
            allow_pause=request.about.allow_pause,
        )
        participant.advance(models.ParticipantInfo.JOINED)
        self._announce_state(participant)
        # "Fast start": tracks that are subscribed to before the first offer are part of it.
        subscribing.reconcile_subscriber(self, session)
        data_tracks.reconcile(self, session)
        self.refresh_token(session)
        self.counts_changed()
        self.around.entered(self.room, participant)
        self._log.info("participant_joined", participant=participant.sid, sdk=request.about.sdk)
        return session

    def _moderate(self, participant: Participant) -> None:
        """Gives who joins the rights that the room gives it."""
        moderation = self.room.moderation
        if moderation.is_moderator(participant.claims, self.room.name):
            moderation.moderator_came(participant.sid)
            if participant.claims.holder is not None:
                participant.attributes[ROLE_ATTRIBUTE] = "moderator"
        if participant.is_restrictable:
            denied = moderation.denied_sources(participant.claims, self.room.name)
            participant.permit(participant.granted, denied)

    def resume(self, session: Session, outlet: Outlet) -> None:
        """Gives a session a new socket. The order of the frames matters: clients compare their state with it."""
        # Not since the loss was noticed: what was sent to a socket that is dead already was lost, too. Even what was
        # sent before the last frame came, which may have been under way for long. To tell it twice does no harm.
        away_since = session.last_heard - _UNDER_WAY_SECONDS
        if session.outlet is not None:
            session.outlet.abort()
        session.outlet = outlet
        lost = session.simulated_loss if self.around.now() < session.simulated_until else None
        session.simulated_loss = None
        if lost == "at once":
            outlet.close()
            return
        session.socket_lost_at = None
        session.resume_until = session.failed_at = None
        session.last_heard = self.around.now()
        sequence = self.engine.reliable_sequence(session.sid)
        servers = self.around.ice_servers.of(session.sid)
        session.send(
            messages.reconnect(
                self.room,
                session.participant,
                node_id=self.around.node_id,
                last_message_seq=sequence,
                ice_servers=servers,
            )
        )
        gone = [
            info for when, info in self._departed if when >= away_since and self.room.by_identity(info.identity) is None
        ]
        session.send_all(messages.updates(gone))
        present = [session.participant, *self.room.others(session.participant)]
        session.send_all(messages.updates(each.info() for each in present))
        session.send(messages.room_update(self.room))
        for track in session.participant.tracks.published.values():
            if track.wanted and not track.info.muted:
                session.send(messages.subscribed_quality(track.sid, track.wanted))
        if session.participant.data_tracks.handles:
            data_tracks.tell_handles(self, session)
        if session.unanswered_offer is not None:
            # It or its answer may have been lost with the socket, and the core waits for the answer.
            session.send(session.unanswered_offer)
        if session.primary == "subscriber":
            self.engine.restart_ice(session.sid)
        self.refresh_token(session)
        if lost is not None:
            outlet.close()
        self._log.info("participant_resumed", participant=session.sid)

    def socket_lost(self, session: Session, outlet: Outlet) -> None:
        """The socket behind `outlet` is gone. Media goes on; only who has none leaves at once."""
        if session.outlet is not outlet or session.sid not in self.sessions:
            return
        session.outlet = None
        session.socket_lost_at = self.around.now()
        is_failed = session.failed_at is not None and session.resume_until is None
        if not session.was_connected or is_failed:
            self.remove(session, Reason.SIGNAL_CLOSE)

    def ask_to_resume(self, session: Session, *, until: float) -> None:
        """Closes the socket of a client whose connection failed, and has it come back with a new one."""
        session.resume_until = until
        if session.outlet is not None:
            action = rtc.LeaveRequest.RESUME
            session.outlet.send(messages.leave(Reason.CONNECTION_TIMEOUT, action, protocol=session.protocol))
            session.outlet.close()

    def remove(
        self,
        session: Session,
        reason: Reason,
        *,
        action: Action = rtc.LeaveRequest.DISCONNECT,
        is_replaced: bool = False,
    ) -> None:
        """Ends a session: it is told to leave, and the others that it left. Twice is fine.

        Args:
            session: of this room.
            reason: told to it and to the others.
            action: what its client shall do.
            is_replaced: the same identity joins again right now, so clients that understand this are told only then.
        """
        participant = session.participant
        if self.sessions.pop(participant.sid, None) is None:
            return
        self.unsettled.pop(participant.sid, None)
        self.around.room_of.pop(participant.sid, None)
        self.engine.remove_participant(participant.sid)
        self.chat.forget(participant.sid)
        for track in participant.tracks.published.values():
            self.forget_track(track.sid)
            self.around.happened(happenings.of_track("track_unpublished", self.room, participant, track.info))
        self.room.remove(participant, now=self.around.now())
        self.room.moderation.left(participant.sid, participant.claims, now=self.around.now())
        self._qualities.pop(participant.sid, None)
        self._levels.pop(participant.sid, None)
        participant.disconnect_reason = reason
        participant.advance(models.ParticipantInfo.DISCONNECTED)
        if session.outlet is not None:
            session.outlet.send(messages.leave(reason, action, protocol=session.protocol))
            session.outlet.close()
            session.outlet = None
        if not participant.is_hidden:
            self._tell_departure(participant, is_replaced=is_replaced)
        data_tracks.forget(self, list(participant.data_tracks.published.values()))
        self.counts_changed()
        self._tell_end(session)
        self._log.info("participant_left", participant=participant.sid, reason=models.DisconnectReason.Name(reason))  # pyright: ignore[reportAttributeAccessIssue]

    def close(self, reason: Reason) -> list[Outlet]:
        """Ends all sessions, without telling one about the other; returns the outlets that still have to send."""
        outlets: list[Outlet] = []
        for session in list(self.sessions.values()):
            if session.outlet is not None:
                session.outlet.send(messages.leave(reason, rtc.LeaveRequest.DISCONNECT, protocol=session.protocol))
                session.outlet.close()
                outlets.append(session.outlet)
                session.outlet = None
            self.engine.remove_participant(session.sid)
            for track in session.participant.tracks.published.values():
                self.around.happened(
                    happenings.of_track("track_unpublished", self.room, session.participant, track.info)
                )
            self.room.remove(session.participant, now=self.around.now())
            self.around.room_of.pop(session.sid, None)
            session.participant.disconnect_reason = reason
            session.participant.advance(models.ParticipantInfo.DISCONNECTED)
            self._tell_end(session)
        self.sessions.clear()
        self.unsettled.clear()
        return outlets

    def _tell_end(self, session: Session) -> None:
        rpc.hang_up(session)
        name = "participant_left" if session.was_connected else "participant_connection_aborted"
        self.around.happened(happenings.of_participant(name, self.room, session.participant))

    def _tell_departure(self, participant: Participant, *, is_replaced: bool) -> None:
        now = self.around.now()
        while self._departed and now - self._departed[0][0] > _DEPARTED_KEPT_SECONDS:
            self._departed.popleft()
        info = models.ParticipantInfo()
        info.CopyFrom(participant.info())
        info.ClearField("tracks")  # they end with the participant
        self._departed.append((now, info))
        # Who published is seen and heard, so its end does not wait.
        is_urgent = participant.is_publisher or is_replaced
        if not is_urgent:
            self._announcements.add(info, audience=len(self.sessions), now=now)
            return
        self._announcements.flush()
        frames = messages.updates([info])
        for session in self.sessions.values():
            if not is_replaced or session.protocol < _PROTOCOL_IDENTITY_RECONNECTION:
                session.send_all(frames)

    def forget_track(self, track: str) -> None:
        """The track is gone: nobody subscribes to it any more."""
        publisher = self.room.publisher_of(track)
        self.room.track_gone(track)
        for session in self.sessions.values():
            was_received = track in session.participant.subscriptions.active
            session.participant.subscriptions.forget(track)
            if was_received and publisher is not None:
                self.tell_level(session, publisher)

    def counts_changed(self) -> None:
        """People came, went, or changed what they are: told in a while, but that they are recorded at once."""
        self.is_told = False
        self.around.changed()
        if self.room.is_recorded != self._told_recorded:
            self._told_recorded = self.room.is_recorded
            self.tell_room()

    def name_of(self, identity: str) -> str:
        """What somebody is called; empty for nobody."""
        participant = self.room.by_identity(identity)
        return "" if participant is None else participant.name

    # -- telling -------------------------------------------------------------------------------------------------------
    def announce(self, participant: Participant, *, to_self: bool) -> None:
        """Sends the participant's state to all who may know of it, and to itself if asked.

        At once: its media may follow.
        """
        self._announcements.flush()
        frames = messages.updates([participant.info()])
        if participant.is_hidden:
            if to_self:
                self.sessions[participant.sid].send_all(frames)
            return
        for session in self.sessions.values():
            if session.participant is not participant or to_self:
                session.send_all(frames)

    def _announce_state(self, participant: Participant) -> None:
        """Tells the others how far a participant has come; of one without tracks that may wait."""
        if participant.is_publisher or participant.is_hidden or len(self.sessions) <= SMALL_ROOM:
            self.announce(participant, to_self=False)
        else:
            self._announcements.add(participant.info(), audience=len(self.sessions), now=self.around.now())

    def tick(self) -> None:
        """Tells what waited for company. To be called about twice a second."""
        self._announcements.tick(audience=len(self.sessions), now=self.around.now())

    def _send_to_all(self, frames: Iterable[bytes]) -> None:
        for session in self.sessions.values():
            session.send_all(frames)

    def tell_room(self) -> None:
        """Sends counts and metadata to all, if they do not know them."""
        if self.is_told:
            return
        self.is_told = True
        frame = messages.room_update(self.room)
        for session in self.sessions.values():
            session.send(frame)

    def refresh_token(self, session: Session) -> None:
        """Sends a fresh token with the present permissions, name and attributes, to reconnect with later."""
        session.token_sent_at = self.around.now()
        remaining = session.participant.claims.expires_at - self.around.wall()
        token = self.around.keys.mint(
            session.participant.current_claims(),
            ttl=max(_MIN_REFRESHED_TTL_SECONDS, remaining),
            now=self.around.wall(),
        )
        session.send(messages.refresh_token(token))

    def activate(self, session: Session) -> None:
        """The primary connection is up for the first time."""
        session.was_connected = True
        if not session.participant.advance(models.ParticipantInfo.ACTIVE):
            return
        self._announce_state(session.participant)
        self.around.happened(happenings.of_participant("participant_joined", self.room, session.participant))
        self._qualities.setdefault(
            session.sid, messages.quality(session.sid, models.ConnectionQuality.EXCELLENT, 100.0)
        )
        session.send(messages.qualities(self._qualities_for(session)))

    def _qualities_for(self, session: Session) -> Iterable[bytes]:
        if not self.room.has_hidden:
            return self._qualities.values()
        hidden = {each.sid for each in self.sessions.values() if each.participant.is_hidden and each is not session}
        return [entry for sid, entry in self._qualities.items() if sid not in hidden]

    def tell_speakers(self, levels: Mapping[str, float]) -> None:
        """Sends changed levels to those who receive the speakers."""
        for sid, level in levels.items():
            if level > 0 and sid in self.sessions:
                self._levels[sid] = level
            else:
                self._levels.pop(sid, None)
        self._tell_each(levels, messages.speakers, self.sessions.values(), only_received=True)

    def tell_level(self, session: Session, publisher: Participant) -> None:
        """Tells how loud somebody is whose tracks a participant begins or ceases to receive, unless it is silent."""
        level = self._levels.get(publisher.sid)
        if level is not None:
            is_received = not session.participant.subscriptions.active.isdisjoint(self._tracks_of(publisher.sid))
            session.send(messages.speakers({publisher.sid: level if is_received else 0.0}))

    def tell_qualities(self, qualities: Mapping[str, tuple[int, float]]) -> None:
        """Sends changed qualities to all who may know of the participants."""
        known = {
            sid: messages.quality(sid, cast(models.ConnectionQuality, quality), rating)
            for sid, (quality, rating) in qualities.items()
            if sid in self.sessions
        }
        self._qualities.update(known)
        self._tell_each(
            known, lambda told: messages.qualities(told.values()), self.sessions.values(), only_received=False
        )

    def _tell_each(
        self,
        values: Mapping[str, Value],
        encode: Callable[[Mapping[str, Value]], bytes],
        to: Iterable[Session],
        *,
        only_received: bool,
    ) -> None:
        """Sends to each what concerns it. Mostly that is the same for all, so each distinct choice is encoded once."""
        shown: dict[str, Value] = {}
        for sid, value in values.items():
            participant = self.room.by_sid(sid)
            if participant is not None and not participant.is_hidden:
                shown[sid] = value
        frames: dict[tuple[str, ...], bytes] = {}
        for session in to:
            active = session.participant.subscriptions.active
            concerned = {
                sid: value
                for sid, value in shown.items()
                if sid == session.sid or not only_received or not active.isdisjoint(self._tracks_of(sid))
            }
            if session.sid in values:
                concerned[session.sid] = values[session.sid]
            if not concerned:
                continue
            key = tuple(concerned)
            if key not in frames:
                frames[key] = encode(concerned)
            session.send(frames[key])

    def _tracks_of(self, sid: str) -> Iterable[str]:
        participant = self.room.by_sid(sid)
        return () if participant is None else participant.tracks.published
