"""Data tracks: who publishes which, and who gets it. What is in their packets the core passes on unread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from visavis.rooms import Participant
from visavis.rooms.ids import new_id
from visavis.signalling import messages
from visavis.signalling.publishing import Refusal, refuse
from visavis.signalling.session import Session
from visavis.signalling.subscribing import MAX_WISHES

if TYPE_CHECKING:
    from visavis.signalling.live_room import LiveRoom

MAX_NAME_BYTES = 256
MAX_ENCODING_BYTES = 32
# All of them are told to everybody whenever one of them changes.
MAX_PUBLISHED = 256


def publish(room: LiveRoom, session: Session, request: rtc.PublishDataTrackRequest) -> None:
    """The client opens a data track."""
    refusal = _refusal(session, request)
    if refusal is not None:
        refuse(session, *refusal, publish_data_track=request)
        return
    participant = session.participant
    info = models.DataTrackInfo(
        pub_handle=request.pub_handle, sid=new_id("DTR_"), name=request.name, encryption=request.encryption
    )
    if request.HasField("frame_encoding"):
        info.frame_encoding.CopyFrom(request.frame_encoding)
    if request.HasField("schema"):
        info.schema.CopyFrom(request.schema)
    participant.data_tracks.published[info.pub_handle] = info
    room.engine.publish_data_track(participant.sid, info.pub_handle, info.sid)
    session.send(messages.data_track_published(info))
    participant.touch()
    room.announce(participant, to_self=True)
    reconcile_all(room, [info.sid])


def _refusal(session: Session, request: rtc.PublishDataTrackRequest) -> tuple[Refusal, str] | None:
    published = session.participant.data_tracks.published
    if not session.participant.permissions.can_publish_data:
        return Refusal.NOT_ALLOWED, "does not have permission to publish data"
    if not 0 < request.pub_handle <= 0xFFFF:
        return Refusal.INVALID_HANDLE, "handle should be > 0 AND < 65536"
    if not 0 < len(request.name.encode()) <= MAX_NAME_BYTES:
        return Refusal.INVALID_NAME, "name should not be empty and should not exceed 256 characters"
    for encoding in (request.frame_encoding, request.schema.encoding):
        if encoding.WhichOneof("value") == "custom" and not 0 < len(encoding.custom.encode()) <= MAX_ENCODING_BYTES:
            return Refusal.INVALID_REQUEST, "encoding identifier is empty or exceeds the maximum length"
    if request.pub_handle in published:
        return Refusal.DUPLICATE_HANDLE, "a data track with same handle already exists"
    if any(info.name == request.name for info in published.values()):
        return Refusal.DUPLICATE_NAME, "a data track with same name already exists"
    if len(published) >= MAX_PUBLISHED:
        return Refusal.LIMIT_EXCEEDED, f"there are {MAX_PUBLISHED} data tracks of yours: unpublish one"
    return None


def unpublish(room: LiveRoom, session: Session, request: rtc.UnpublishDataTrackRequest) -> None:
    """The client closes a data track."""
    info = session.participant.data_tracks.published.get(request.pub_handle)
    if info is None:
        refuse(session, Refusal.NOT_FOUND, "", unpublish_data_track=request)
        return
    _end(room, session, [info])


def permissions_changed(room: LiveRoom, session: Session) -> None:
    """What the participant may not publish ends, and what it may not have is taken."""
    if not session.participant.permissions.can_publish_data:
        _end(room, session, list(session.participant.data_tracks.published.values()))
    reconcile(room, session)


def policy_changed(room: LiveRoom, session: Session) -> None:
    """The participant lets others receive its tracks than before."""
    reconcile_all(room, [info.sid for info in session.participant.data_tracks.published.values()])


def _end(room: LiveRoom, session: Session, ended: list[models.DataTrackInfo]) -> None:
    participant = session.participant
    for info in ended:
        del participant.data_tracks.published[info.pub_handle]
        room.engine.unpublish_data_track(participant.sid, info.sid)
        session.send(messages.data_track_unpublished(info))
    if ended:
        participant.touch()
        room.announce(participant, to_self=True)
        forget(room, ended)


def forget(room: LiveRoom, ended: list[models.DataTrackInfo]) -> None:
    """Tracks are gone: those who had them are told."""
    for session in room.sessions.values():
        data_tracks = session.participant.data_tracks
        had_any = any(info.sid in data_tracks.handles for info in ended)
        for info in ended:
            data_tracks.forget(info.sid)
        if had_any:
            tell_handles(room, session)


def update_subscription(room: LiveRoom, session: Session, request: rtc.UpdateDataSubscription) -> None:
    """The client wants or does not want tracks. Tracks that are yet to come are remembered."""
    wishes = session.participant.data_tracks.wishes
    for update in request.updates:
        if update.track_sid in wishes or len(wishes) < MAX_WISHES:
            wishes[update.track_sid] = update.subscribe
    reconcile(room, session)


def reconcile_all(room: LiveRoom, tracks: list[str]) -> None:
    """Gives and takes tracks for all who have something to do with these."""
    for session in room.sessions.values():
        mine = session.participant.data_tracks
        if any(mine.wants(track) or track in mine.handles for track in tracks):
            reconcile(room, session)


def reconcile(room: LiveRoom, session: Session) -> None:
    """Subscribes or unsubscribes one participant to what differs from its wishes, and tells it its handles."""
    if not room.room.has_shown_publishers:
        return
    mine = session.participant.data_tracks
    before = dict(mine.handles)
    for publisher in room.room.participants:
        if publisher is not session.participant and not publisher.is_hidden:
            for info in publisher.data_tracks.published.values():
                _reconcile_one(room, session, publisher, info.sid)
    if mine.handles != before:
        tell_handles(room, session)


def _reconcile_one(room: LiveRoom, session: Session, publisher: Participant, track: str) -> None:
    participant, mine = session.participant, session.participant.data_tracks
    wants = participant.permissions.can_subscribe and mine.wants(track)
    allowed = participant.is_recording or publisher.subscription_policy.allows(participant.identity, track)
    if wants and allowed == (track in mine.refused):
        (mine.refused.discard if allowed else mine.refused.add)(track)
        session.send(messages.subscription_permission(publisher.sid, track, allowed))
    if wants and allowed:
        if track not in mine.handles:
            mine.handles[track] = mine.new_handle()
            room.engine.subscribe_data_track(participant.sid, track, mine.handles[track])
    elif mine.handles.pop(track, None) is not None:
        room.engine.unsubscribe_data_track(participant.sid, track)


def tell_handles(room: LiveRoom, session: Session) -> None:
    """Tells a client which handle is which track: all of them each time."""
    publishers = {
        info.sid: publisher for publisher in room.room.participants for info in publisher.data_tracks.published.values()
    }
    handles = session.participant.data_tracks.handles
    session.send(messages.data_track_handles({handle: (publishers[sid], sid) for sid, handle in handles.items()}))
