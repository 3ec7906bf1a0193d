"""Builds the frames that the server sends: domain values in, serialized `SignalResponse` out.

Serialized here, once, so that a broadcast costs one encoding however many receive it.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from livekit.protocol import models, rtc

from visavis.rooms import Participant, Room
from visavis.wire import delimited

Action = rtc.LeaveRequest.Action
Reason = models.DisconnectReason

PROTOCOL = 17
# Clients switch features on by the version of the server: this is the LiveKit release whose behaviour is served.
SERVER_VERSION = "1.13.5"
# livekit-server has its clients ping every 5 s, which is most of what an idle one costs. They are so often asked for
# nothing: media notices a lost network sooner, and a socket that is dead alone is still noticed within 20 s.
PING_INTERVAL_SECONDS = 10
PING_TIMEOUT_SECONDS = 20

# From this protocol on, `leave` says what to do by `action`.
_PROTOCOL_LEAVE_ACTION = 13
_MAX_UPDATE_BYTES = 96 << 10


def server_info(node_id: str) -> models.ServerInfo:
    """Who serves."""
    return models.ServerInfo(
        edition=models.ServerInfo.Standard,
        version=SERVER_VERSION,
        protocol=PROTOCOL,
        node_id=node_id,
        agent_protocol=1,
    )


def join(
    room: Room,
    participant: Participant,
    others: Iterable[Participant],
    *,
    subscriber_primary: bool,
    node_id: str,
    ice_servers: Iterable[rtc.ICEServer],
) -> bytes:
    """The first frame of a session."""
    response = rtc.JoinResponse(
        room=room.info(),
        participant=participant.info(),
        ice_servers=ice_servers,
        subscriber_primary=subscriber_primary,
        client_configuration=participant.disabled_codecs.to_configuration(room.mime_types),
        fast_publish=participant.permissions.can_publish,
        sif_trailer=room.trailer,
    )
    number = rtc.JoinResponse.OTHER_PARTICIPANTS_FIELD_NUMBER
    content = [
        response.SerializeToString(),
        _about_server(node_id),
        _publishable(participant.disabled_codecs.publishable(room.mime_types)),
        *[other.encoded(number) for other in others],
    ]
    return delimited(rtc.SignalResponse.JOIN_FIELD_NUMBER, b"".join(content))


@lru_cache(maxsize=4)
def _about_server(node_id: str) -> bytes:
    """What every `JoinResponse` says."""
    return rtc.JoinResponse(
        server_version=SERVER_VERSION,
        server_info=server_info(node_id),
        ping_interval=PING_INTERVAL_SECONDS,
        ping_timeout=PING_TIMEOUT_SECONDS,
    ).SerializeToString()


@lru_cache(maxsize=32)
def _publishable(mime_types: tuple[str, ...]) -> bytes:
    """What a `JoinResponse` says of codecs."""
    codecs = [models.Codec(mime=mime) for mime in mime_types]
    return rtc.JoinResponse(enabled_publish_codecs=codecs).SerializeToString()


def reconnect(
    room: Room,
    participant: Participant,
    *,
    node_id: str,
    last_message_seq: int,
    ice_servers: Iterable[rtc.ICEServer],
) -> bytes:
    """The first frame of a resumed session."""
    response = rtc.ReconnectResponse(
        server_info=server_info(node_id),
        client_configuration=participant.disabled_codecs.to_configuration(room.mime_types),
        last_message_seq=last_message_seq,
        ice_servers=ice_servers,
    )
    return rtc.SignalResponse(reconnect=response).SerializeToString()


def leave(reason: Reason, action: Action, *, protocol: int) -> bytes:
    """Ends a session, or has the client resume or reconnect."""
    message = rtc.LeaveRequest(reason=reason)
    if protocol >= _PROTOCOL_LEAVE_ACTION:
        message.action = action
    else:
        message.can_reconnect = action != rtc.LeaveRequest.DISCONNECT
    return rtc.SignalResponse(leave=message).SerializeToString()


def updates(infos: Iterable[models.ParticipantInfo]) -> list[bytes]:
    """Participant updates, in frames of bounded size. An empty list makes one empty update."""
    frames: list[bytes] = []
    chunk: list[models.ParticipantInfo] = []
    size = 0
    for info in infos:
        length = info.ByteSize()
        if chunk and size + length > _MAX_UPDATE_BYTES:
            frames.append(_update(chunk))
            chunk, size = [], 0
        chunk.append(info)
        size += length
    if chunk or not frames:
        frames.append(_update(chunk))
    return frames


def _update(infos: Sequence[models.ParticipantInfo]) -> bytes:
    return rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=infos)).SerializeToString()


def room_update(room: Room) -> bytes:
    """The room's counts and metadata."""
    return rtc.SignalResponse(room_update=rtc.RoomUpdate(room=room.info())).SerializeToString()


def answer(offer_id: int, sdp: str, mid_to_track: Mapping[str, str]) -> bytes:
    """The answer on the publisher connection, or on the only one."""
    description = rtc.SessionDescription(type="answer", sdp=sdp, id=offer_id, mid_to_track_id=mid_to_track)
    return rtc.SignalResponse(answer=description).SerializeToString()


def sections_wanted(audios: int, videos: int) -> bytes:
    """Asks a client with one connection for an offer, with so many more sections to receive with."""
    wanted = rtc.MediaSectionsRequirement(num_audios=audios, num_videos=videos)
    return rtc.SignalResponse(media_sections_requirement=wanted).SerializeToString()


def offer(offer_id: int, sdp: str, mid_to_track: Mapping[str, str]) -> bytes:
    """An offer on the subscriber connection."""
    description = rtc.SessionDescription(type="offer", sdp=sdp, id=offer_id, mid_to_track_id=mid_to_track)
    return rtc.SignalResponse(offer=description).SerializeToString()


def track_published(cid: str, info: models.TrackInfo) -> bytes:
    """The answer to AddTrack."""
    response = rtc.TrackPublishedResponse(cid=cid, track=info)
    return rtc.SignalResponse(track_published=response).SerializeToString()


def mute(request: rtc.MuteTrackRequest) -> bytes:
    """The server has muted a track of the receiver."""
    return rtc.SignalResponse(mute=request).SerializeToString()


def track_unpublished(track: str) -> bytes:
    """The server has unpublished a track of the receiver."""
    response = rtc.TrackUnpublishedResponse(track_sid=track)
    return rtc.SignalResponse(track_unpublished=response).SerializeToString()


def track_subscribed(track: str) -> bytes:
    """Somebody receives the receiver's track."""
    return rtc.SignalResponse(track_subscribed=rtc.TrackSubscribed(track_sid=track)).SerializeToString()


def subscribed_quality(track: str, codecs: Iterable[tuple[str, int | None]]) -> bytes:
    """Which layers of the receiver's track anybody wants: up to a quality, for each codec by mime type."""
    every = (models.VideoQuality.LOW, models.VideoQuality.MEDIUM, models.VideoQuality.HIGH)
    subscribed = [
        rtc.SubscribedCodec(
            codec=mime.lower().removeprefix("video/"),
            qualities=[
                rtc.SubscribedQuality(quality=quality, enabled=highest is not None and quality <= highest)
                for quality in every
            ],
        )
        for mime, highest in codecs
    ]
    # Old clients know of one codec only.
    update = rtc.SubscribedQualityUpdate(
        track_sid=track, subscribed_qualities=subscribed[0].qualities, subscribed_codecs=subscribed
    )
    return rtc.SignalResponse(subscribed_quality_update=update).SerializeToString()


def stream_state(publisher: str, track: str, *, paused: bool) -> bytes:
    """A track is held back because the receiver's bandwidth does not hold it, or flows again."""
    state = rtc.StreamState.PAUSED if paused else rtc.StreamState.ACTIVE
    info = rtc.StreamStateInfo(participant_sid=publisher, track_sid=track, state=state)
    update = rtc.StreamStateUpdate(stream_states=[info])
    return rtc.SignalResponse(stream_state_update=update).SerializeToString()


def subscription_failed(track: str, error: models.SubscriptionError) -> bytes:
    """A wanted track cannot be had."""
    response = rtc.SubscriptionResponse(track_sid=track, err=error)
    return rtc.SignalResponse(subscription_response=response).SerializeToString()


def subscription_permission(publisher: str, track: str, allowed: bool) -> bytes:
    """A publisher has changed whether the receiver may have its track."""
    update = rtc.SubscriptionPermissionUpdate(participant_sid=publisher, track_sid=track, allowed=allowed)
    return rtc.SignalResponse(subscription_permission_update=update).SerializeToString()


def speakers(levels: Mapping[str, float]) -> bytes:
    """Who speaks how loud: changes only."""
    infos = [models.SpeakerInfo(sid=sid, level=level, active=level > 0) for sid, level in levels.items()]
    infos.sort(key=lambda info: -info.level)
    return rtc.SignalResponse(speakers_changed=rtc.SpeakersChanged(speakers=infos)).SerializeToString()


def quality(sid: str, quality: models.ConnectionQuality, rating: float) -> bytes:
    """How good somebody's connection is: an entry of `qualities`."""
    info = rtc.ConnectionQualityInfo(participant_sid=sid, quality=quality, score=_mean_opinion(rating))
    return rtc.ConnectionQualityUpdate(updates=[info]).SerializeToString()


def qualities(entries: Iterable[bytes]) -> bytes:
    """How good whose connection is: changes only."""
    return delimited(rtc.SignalResponse.CONNECTION_QUALITY_FIELD_NUMBER, b"".join(entries))


def _mean_opinion(rating: float) -> float:
    """From the E-model's rating, 0 to 100, to what people would say, 1 to 4.5 (ITU-T G.107, annex B)."""
    return max(1.0, 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating))


def refresh_token(token: str) -> bytes:
    """A fresh token for later reconnects."""
    return rtc.SignalResponse(refresh_token=token).SerializeToString()


def pongs(request: rtc.SignalRequest, *, now_ms: int) -> bytes:
    """The answer to either kind of ping. Milliseconds: nanoseconds overflow JavaScript's numbers."""
    if request.WhichOneof("message") == "ping":
        return rtc.SignalResponse(pong=now_ms).SerializeToString()
    pong = rtc.Pong(last_ping_timestamp=request.ping_req.timestamp, timestamp=now_ms)
    return rtc.SignalResponse(pong_resp=pong).SerializeToString()


def data_track_published(info: models.DataTrackInfo) -> bytes:
    """A data track is open."""
    response = rtc.PublishDataTrackResponse(info=info)
    return rtc.SignalResponse(publish_data_track_response=response).SerializeToString()


def data_track_unpublished(info: models.DataTrackInfo) -> bytes:
    """A data track is closed, at the client's wish or not."""
    response = rtc.UnpublishDataTrackResponse(info=info)
    return rtc.SignalResponse(unpublish_data_track_response=response).SerializeToString()


def data_track_handles(handles: Mapping[int, tuple[Participant, str]]) -> bytes:
    """Which handle is which data track, and whose."""
    sub_handles = {
        handle: rtc.DataTrackSubscriberHandles.PublishedDataTrack(
            publisher_identity=publisher.identity, publisher_sid=publisher.sid, track_sid=track
        )
        for handle, (publisher, track) in handles.items()
    }
    response = rtc.DataTrackSubscriberHandles(sub_handles=sub_handles)
    return rtc.SignalResponse(data_track_subscriber_handles=response).SerializeToString()
