"""Who receives which track: compares wishes, permissions and what there is, and passes on the difference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from livekit.protocol import models, rtc

from visavis.rooms import Participant, SubscriptionPolicy, Track, TrackSettings
from visavis.signalling import messages
from visavis.signalling.session import Session

if TYPE_CHECKING:
    from visavis.signalling.live_room import LiveRoom

UNKNOWN_TRACK_PATIENCE_SECONDS = 60.0
MAX_WISHES = 10_000

_log = structlog.stdlib.get_logger(__name__)


def reconcile(room: LiveRoom, session: Session, publisher: Participant, track: Track) -> None:
    """Subscribes or unsubscribes one participant to one published track, if that is not so already."""
    participant = session.participant
    if publisher is participant or publisher.is_hidden:
        return
    subscriptions = participant.subscriptions
    wants = participant.permissions.can_subscribe and subscriptions.wants(track.sid)
    allowed = participant.is_recording or publisher.subscription_policy.allows(participant.identity, track.sid)
    if not allowed and wants and track.sid not in subscriptions.refused:
        subscriptions.refused.add(track.sid)
        session.send(messages.subscription_permission(publisher.sid, track.sid, False))
    elif allowed and track.sid in subscriptions.refused:
        subscriptions.refused.discard(track.sid)
        session.send(messages.subscription_permission(publisher.sid, track.sid, True))
    if wants and allowed:
        if track.sid not in subscriptions.active:
            subscriptions.active.add(track.sid)
            _apply_first_settings(room, session, track)
            room.engine.subscribe(participant.sid, track.sid)
            room.tell_level(session, publisher)
    elif track.sid in subscriptions.active:
        subscriptions.active.discard(track.sid)
        room.engine.unsubscribe(participant.sid, track.sid)
        room.tell_level(session, publisher)


def reconcile_subscriber(room: LiveRoom, session: Session) -> None:
    """All tracks for one participant."""
    if not room.room.has_shown_publishers:
        return
    for publisher in room.room.participants:
        for track in publisher.tracks.published.values():
            reconcile(room, session, publisher, track)


def reconcile_publisher(room: LiveRoom, publisher: Participant) -> None:
    """One participant's tracks for all."""
    for track in publisher.tracks.published.values():
        reconcile_track(room, publisher, track)


def reconcile_track(room: LiveRoom, publisher: Participant, track: Track) -> None:
    """One track for all."""
    for session in room.sessions.values():
        reconcile(room, session, publisher, track)


def update_subscription(room: LiveRoom, session: Session, message: rtc.UpdateSubscription) -> None:
    """The client wants or does not want tracks. Tracks that are yet to come are remembered."""
    sids = dict.fromkeys(message.track_sids)
    for tracks in message.participant_tracks:
        sids.update(dict.fromkeys(tracks.track_sids))
    subscriptions = session.participant.subscriptions
    for sid in sids:
        if sid not in subscriptions.wishes and len(subscriptions.wishes) >= MAX_WISHES:
            break
        subscriptions.wishes[sid] = message.subscribe
        publisher = room.room.publisher_of(sid)
        if publisher is not None:
            reconcile(room, session, publisher, publisher.tracks.published[sid])
        elif message.subscribe:
            session.unknown_wishes.setdefault(sid, room.around.now())
            room.unsettled[session.sid] = session
        else:
            session.unknown_wishes.pop(sid, None)


def give_up_unknown(room: LiveRoom, session: Session) -> None:
    """Tells the client which tracks it has waited for in vain."""
    now = room.around.now()
    for sid, since in list(session.unknown_wishes.items()):
        if room.room.publisher_of(sid) is not None:
            del session.unknown_wishes[sid]
        elif now - since >= UNKNOWN_TRACK_PATIENCE_SECONDS:
            del session.unknown_wishes[sid]
            session.send(messages.subscription_failed(sid, models.SubscriptionError.SE_TRACK_NOTFOUND))


def update_track_settings(room: LiveRoom, session: Session, message: rtc.UpdateTrackSettings) -> None:
    """The client says in what size it shows tracks, or that it does not."""
    settings = TrackSettings(
        disabled=message.disabled,
        quality=message.quality,
        width=message.width,
        height=message.height,
        fps=message.fps,
        priority=message.priority,
    )
    stored = session.participant.subscriptions.settings
    for sid in dict.fromkeys(message.track_sids):
        if sid not in stored and len(stored) >= MAX_WISHES:
            break
        stored[sid] = settings
        _apply_settings(room, session, sid, settings)


def set_policy(room: LiveRoom, session: Session, message: rtc.SubscriptionPermission) -> None:
    """The client says who may receive its tracks. A message that names nobody changes nothing."""

    def identity_of(sid: str) -> str | None:
        participant = room.room.by_sid(sid)
        return None if participant is None else participant.identity

    try:
        session.participant.subscription_policy = SubscriptionPolicy.from_message(message, identity_of)
    except ValueError as error:
        _log.info("subscription_permission_ignored", participant=session.sid, reason=str(error))
        return
    reconcile_publisher(room, session.participant)


def subscription_failed(session: Session, track: str, reason: str) -> None:
    """The core cannot deliver a track."""
    if reason == "track_not_found":
        session.participant.subscriptions.active.discard(track)
        session.send(messages.subscription_failed(track, models.SubscriptionError.SE_TRACK_NOTFOUND))
    else:
        # It stays "active": the codecs of a connection do not change, so asking again would fail again.
        session.send(messages.subscription_failed(track, models.SubscriptionError.SE_CODEC_UNSUPPORTED))


def stream_state_changed(room: LiveRoom, session: Session, track: str, *, paused: bool) -> None:
    """A subscriber's bandwidth does not hold a track any more, or does again."""
    publisher = room.room.publisher_of(track)
    if publisher is not None:
        session.send(messages.stream_state(publisher.sid, track, paused=paused))


def track_subscribed(room: LiveRoom, session: Session, track: str) -> None:
    """Media flows to a subscriber; the publisher is told the first time that somebody visible receives it."""
    publisher = room.room.publisher_of(track)
    if publisher is None or session.participant.is_hidden:
        return
    published = publisher.tracks.published[track]
    if not published.told_subscribed:
        published.told_subscribed = True
        room.sessions[publisher.sid].send(messages.track_subscribed(track))


def _apply_first_settings(room: LiveRoom, session: Session, track: Track) -> None:
    if not track.is_video or not session.participant.about.adaptive_stream:
        return
    stored = session.participant.subscriptions.settings.get(track.sid)
    if stored is None:
        # Small until the client has told in what size it shows the track.
        _apply_settings(room, session, track.sid, TrackSettings(quality=models.VideoQuality.LOW))
    elif stored.disabled:
        # A client that never sees a frame never tells a size: let some through first.
        first = replace(stored, disabled=False)
        session.participant.subscriptions.settings[track.sid] = first
        _apply_settings(room, session, track.sid, first)


def _apply_settings(room: LiveRoom, session: Session, track: str, settings: TrackSettings) -> None:
    room.engine.set_track_settings(
        session.sid,
        track,
        disabled=settings.disabled,
        quality=settings.quality,
        width=settings.width,
        height=settings.height,
        fps=settings.fps,
        priority=settings.priority,
    )
