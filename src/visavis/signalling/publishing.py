"""A participant's own tracks: announced by AddTrack, found in its SDP, shown to the others, muted, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from visavis.media import Layer, Source, events
from visavis.rooms import ParkedMedia, Permissions, Track
from visavis.rooms.codecs import announce_backups, describe_codec, forget_codec, regresses
from visavis.rooms.tracks import MAX_PENDING, MAX_QUEUED, new_track_info
from visavis.signalling import messages, subscribing
from visavis.signalling.session import Session
from visavis.webhooks import happenings

if TYPE_CHECKING:
    from visavis.signalling.live_room import LiveRoom

Refusal = rtc.RequestResponse.Reason

_MAX_PARKED = 256
_MAX_NAME_LENGTH = 256

_QUALITIES = (models.VideoQuality.LOW, models.VideoQuality.MEDIUM, models.VideoQuality.HIGH)

_SOURCES: dict[int, Source] = {
    models.TrackSource.UNKNOWN: "unknown",
    models.TrackSource.CAMERA: "camera",
    models.TrackSource.MICROPHONE: "microphone",
    models.TrackSource.SCREEN_SHARE: "screen_share",
    models.TrackSource.SCREEN_SHARE_AUDIO: "screen_share_audio",
}


def add_track(room: LiveRoom, session: Session, request: rtc.AddTrackRequest) -> None:
    """Answers an AddTrack with `track_published`, or says why not."""
    participant = session.participant
    tracks = participant.tracks
    if not participant.may_publish(request.source, request.type):
        refuse(session, Refusal.NOT_ALLOWED, "the token does not permit publishing this source", add_track=request)
    elif request.type not in (models.TrackType.AUDIO, models.TrackType.VIDEO):
        refuse(session, Refusal.UNSUPPORTED_TYPE, "a track is audio or video", add_track=request)
    elif request.sid:
        _add_backup_codec(room, session, request)
    elif not request.cid or len(request.name) > _MAX_NAME_LENGTH:
        refuse(session, Refusal.INVALID_REQUEST, "a track needs a cid, and a name of at most 256", add_track=request)
    elif tracks.published_cid(request.cid) is not None:
        if len(tracks.queued) >= MAX_QUEUED and request.cid not in tracks.queued:
            refuse(session, Refusal.LIMIT_EXCEEDED, "too many tracks wait for others to end", add_track=request)
            return
        tracks.queued[request.cid] = request
        refuse(session, Refusal.QUEUED, "waits until the published track of this cid ends", add_track=request)
    elif request.cid in tracks.pending:
        # Asked again, e.g. after a resume in which the answer was lost: the same track.
        session.send(messages.track_published(request.cid, tracks.pending[request.cid].info))
    elif len(tracks.pending) >= MAX_PENDING:
        refuse(session, Refusal.LIMIT_EXCEEDED, f"{MAX_PENDING} tracks wait for media already", add_track=request)
    else:
        enabled = participant.disabled_codecs.publishable(room.room.mime_types)
        track = Track(new_track_info(request, enabled), request.cid)
        tracks.pending[request.cid] = track
        session.send(messages.track_published(request.cid, track.info))
        media = tracks.match_track(track)
        if media is not None:
            _bind(room, session, track, media)


def _add_backup_codec(room: LiveRoom, session: Session, request: rtc.AddTrackRequest) -> None:
    tracks = session.participant.tracks
    track = tracks.published.get(request.sid)
    if track is None:
        refuse(session, Refusal.NOT_FOUND, f"no track {request.sid!r} is published", add_track=request)
        return
    announce_backups(track.info, request.simulcast_codecs)
    session.participant.touch()
    session.send(messages.track_published(request.cid, track.info))
    for by_name in (True, False):
        for media in list(tracks.parked.values()):
            _bind_backup(room, session, media, by_name=by_name)


def wanted_codecs(session: Session) -> dict[str, str]:
    """For the core: the SDP's name of each track → the codec that its AddTrack asked for."""
    tracks = session.participant.tracks
    wanted: dict[str, str] = {}
    for track in (*tracks.pending.values(), *tracks.published.values()):
        mime = track.preferred_mime_type
        if not mime:
            continue
        wanted.update(dict.fromkeys(track.names, mime))
        for codec in track.backups:
            wanted.update({name: codec.mime_type for name in (codec.cid, codec.sdp_cid) if name})
    return wanted


def in_stereo(session: Session) -> list[str]:
    """For the core: the SDP's names of audio in two channels."""
    return _names_with(session, models.AudioTrackFeature.TF_STEREO)


def without_dtx(session: Session) -> list[str]:
    """For the core: the SDP's names of audio whose silence is sent, too."""
    return _names_with(session, models.AudioTrackFeature.TF_NO_DTX)


def _names_with(session: Session, feature: models.AudioTrackFeature) -> list[str]:
    tracks = session.participant.tracks
    every = (*tracks.pending.values(), *tracks.published.values())
    return [name for track in every if feature in track.info.audio_features for name in track.names]


def media_added(room: LiveRoom, session: Session, event: events.MediaAdded) -> None:
    """A media section began to send: it belongs to an announced track, or to one that will be announced."""
    tracks = session.participant.tracks
    media = ParkedMedia(event.mid, event.kind == "video", event.cid, event.mime_type, event.rids)
    if tracks.by_mid(event.mid) is not None or tracks.backup_by_mid(event.mid) is not None:
        media_removed(room, session, event.mid)
    if _bind_backup(room, session, media, by_name=True):
        return
    track = tracks.match_media(media)
    if track is not None:
        _bind(room, session, track, media)
    elif not _bind_backup(room, session, media, by_name=False) and len(tracks.parked) < _MAX_PARKED:
        tracks.parked[event.mid] = media
        if session.announces_nothing:
            add_track(room, session, _unannounced(media))


def _unannounced(media: ParkedMedia) -> rtc.AddTrackRequest:
    """The announcement that a client without signalling would have made; the names are livekit-server's."""
    return rtc.AddTrackRequest(
        cid=media.cid or media.mid,
        name="synthesized-camera" if media.is_video else "synthesized-microphone",
        type=models.TrackType.VIDEO if media.is_video else models.TrackType.AUDIO,
        source=models.TrackSource.CAMERA if media.is_video else models.TrackSource.MICROPHONE,
        layers=[models.VideoLayer(quality=quality) for quality in _QUALITIES[: len(media.rids)]],
        disable_dtx=True,
    )


def media_removed(room: LiveRoom, session: Session, mid: str) -> None:
    """A media section stopped sending: that is how clients unpublish."""
    tracks = session.participant.tracks
    tracks.parked.pop(mid, None)
    track = tracks.by_mid(mid)
    backup = tracks.backup_by_mid(mid)
    if track is not None:
        end_track(room, session, track)
    elif backup is not None:
        forget_codec(backup)
        session.participant.touch()


def end_track(room: LiveRoom, session: Session, track: Track) -> None:
    """Takes a published track away from all."""
    tracks = session.participant.tracks
    del tracks.published[track.sid]
    session.participant.touch()
    room.forget_track(track.sid)
    room.engine.unpublish(track.sid)
    room.announce(session.participant, to_self=False)
    room.around.happened(happenings.of_track("track_unpublished", room.room, session.participant, track.info))
    queued = tracks.queued.pop(track.cid, None)
    if queued is not None:
        add_track(room, session, queued)


def _bind(room: LiveRoom, session: Session, track: Track, media: ParkedMedia) -> None:
    participant = session.participant
    first = not participant.is_publisher
    participant.tracks.bind(track, media)
    participant.touch()
    room.room.track_published(participant, track)
    room.engine.publish(
        participant.sid,
        media.mid,
        track.sid,
        source=_SOURCES.get(track.info.source, "unknown"),
        muted=track.info.muted,
        layers=_layers(track.info.codecs[0]),
        stereo=track.info.stereo,
        stream=track.info.stream,
        trailer=room.room.trailer if track.info.encryption else b"",
        backups=[codec.mime_type for codec in track.backups],
    )
    # Before any SDP with the track: browsers drop media of somebody they do not know for good.
    room.announce(participant, to_self=False)
    subscribing.reconcile_track(room, participant, track)
    room.around.happened(happenings.of_track("track_published", room.room, participant, track.info))
    if first:
        room.is_told = False


def _bind_backup(room: LiveRoom, session: Session, media: ParkedMedia, *, by_name: bool) -> bool:
    participant = session.participant
    match = participant.tracks.match_backup(media, by_name=by_name)
    if match is None:
        return False
    track, codec = match
    participant.tracks.parked.pop(media.mid, None)
    describe_codec(codec, mid=media.mid, mime=media.mime_type, cid=media.cid, rids=media.rids)
    participant.touch()
    room.engine.publish_backup(
        participant.sid,
        media.mid,
        track.sid,
        layers=_layers(codec),
        regress=regresses(track.info, codec, participants=len(room.sessions)),
    )
    return True


def _layers(codec: models.SimulcastCodecInfo) -> list[Layer]:
    return [Layer(each.quality, each.width, each.height, each.bitrate) for each in codec.layers]


def mute(room: LiveRoom, session: Session, request: rtc.MuteTrackRequest) -> None:
    """The client has muted or unmuted its track."""
    participant = session.participant
    track = participant.tracks.find(request.sid)
    if track is None:
        refuse(session, Refusal.NOT_FOUND, f"there is no track {request.sid!r}", mute=request)
        return
    if track.info.muted == request.muted:
        return
    track.info.muted = request.muted
    if track.mid:
        participant.touch()
        room.engine.set_muted(track.sid, request.muted)
        room.announce(participant, to_self=True)


def subscribed_quality(session: Session, sid: str, codecs: tuple[tuple[str, int | None], ...]) -> None:
    """The core says what anybody wants of a track: its client may stop the layers that nobody does."""
    track = session.participant.tracks.published.get(sid)
    if track is not None:
        track.wanted = codecs
        session.send(messages.subscribed_quality(sid, codecs))


def update_audio_track(room: LiveRoom, session: Session, request: rtc.UpdateLocalAudioTrack) -> None:
    """The client has changed what its audio track has been through."""
    track = session.participant.tracks.find(request.track_sid)
    if track is None or track.is_video:
        refuse(session, Refusal.NOT_FOUND, f"no audio track {request.track_sid!r}", update_audio_track=request)
        return
    del track.info.audio_features[:]
    track.info.audio_features.extend(dict.fromkeys(request.features))
    track.info.stereo = models.AudioTrackFeature.TF_STEREO in request.features
    track.info.disable_dtx = models.AudioTrackFeature.TF_NO_DTX in request.features
    session.participant.touch()
    room.announce(session.participant, to_self=True)


def update_video_track(room: LiveRoom, session: Session, request: rtc.UpdateLocalVideoTrack) -> None:
    """The client has changed the size of its video track."""
    track = session.participant.tracks.find(request.track_sid)
    if track is None or not track.is_video:
        refuse(session, Refusal.NOT_FOUND, f"no video track {request.track_sid!r}", update_video_track=request)
        return
    track.info.width, track.info.height = request.width, request.height
    session.participant.touch()
    room.announce(session.participant, to_self=True)


def set_permissions(room: LiveRoom, session: Session, permissions: Permissions) -> None:
    """Changes what a participant may do, now: tracks that it may not publish any more end."""
    if permissions != session.participant.granted:
        _permit(room, session, permissions, session.participant.denied_sources)


def deny_sources(room: LiveRoom, session: Session, denied: frozenset[str]) -> None:
    """Changes what a participant may not publish though its token grants it, as `set_permissions` does."""
    if denied != session.participant.denied_sources:
        _permit(room, session, session.participant.granted, denied)


def _permit(room: LiveRoom, session: Session, granted: Permissions, denied: frozenset[str]) -> None:
    participant = session.participant
    participant.permit(granted, denied)
    permissions = participant.permissions
    participant.touch()
    room.engine.update_participant(
        participant.sid,
        can_publish_data=permissions.can_publish_data,
        hidden=permissions.hidden,
        agent=participant.is_agent,
        can_subscribe_metrics=permissions.can_subscribe_metrics,
    )
    tracks = participant.tracks
    for track in list(tracks.pending.values()):
        if not participant.may_publish(track.info.source, track.info.type):
            del tracks.pending[track.cid]
            session.send(messages.track_unpublished(track.sid))
    for track in list(tracks.published.values()):
        if not participant.may_publish(track.info.source, track.info.type):
            session.send(messages.track_unpublished(track.sid))
            end_track(room, session, track)
    room.announce(participant, to_self=True)
    subscribing.reconcile_subscriber(room, session)
    room.counts_changed()
    room.refresh_token(session)


def refuse(session: Session, reason: Refusal, message: str, **request: object) -> None:
    """Answers a request with why it was not done."""
    response = rtc.RequestResponse(reason=reason, message=message, **request)  # pyright: ignore[reportArgumentType]
    session.send(rtc.SignalResponse(request_response=response).SerializeToString())
