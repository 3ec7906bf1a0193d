"""A track from its announcement to its end, and how media sections of an SDP find their track.

AddTrack and the offer may come in either order, and browsers may rename tracks in the SDP. So announced tracks wait
for media (pending), media wait for their announcement (parked), and if no name fits, the first of the kind is taken.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from livekit.protocol import models, rtc

from visavis.rooms.codecs import announced_codecs, announced_policy, describe_codec, describe_layers, layer_mode
from visavis.rooms.ids import new_track_id

MAX_PENDING = 20
MAX_QUEUED = 3

_SCREEN_SOURCES = frozenset({models.TrackSource.SCREEN_SHARE, models.TrackSource.SCREEN_SHARE_AUDIO})
_CAMERA_SOURCES = frozenset({models.TrackSource.CAMERA, models.TrackSource.MICROPHONE})


@dataclass(slots=True)
class Track:
    """One track of a participant: pending until `mid` is known, published from then on.

    Attributes:
        info: what the others are told; `info.sid` never changes.
        cid: the client's name for it, exactly as in AddTrack.
        mid: the media section that carries it; "" while pending.
        told_subscribed: whether the publisher was told that somebody receives it.
        wanted: mime type of each codec and the highest quality that anybody wants of it (None: of no quality); empty
            until the core has said so.
    """

    info: models.TrackInfo
    cid: str
    mid: str = ""
    told_subscribed: bool = False
    wanted: tuple[tuple[str, int | None], ...] = ()

    @property
    def sid(self) -> str:
        """The track id, ``TR_…``."""
        return self.info.sid

    @property
    def is_video(self) -> bool:
        """Whether it is a video track."""
        return self.info.type == models.TrackType.VIDEO

    @property
    def backups(self) -> Sequence[models.SimulcastCodecInfo]:
        """The codecs of a video track that its client sends when it is asked for them."""
        return self.info.codecs[1:] if self.is_video else ()

    @property
    def names(self) -> set[str]:
        """What the client calls it, in AddTrack and in the SDP."""
        return {self.cid, *(name for codec in self.info.codecs for name in (codec.cid, codec.sdp_cid) if name)}

    @property
    def preferred_mime_type(self) -> str:
        """The codec that AddTrack asked for; "" if it left the choice to the SDP."""
        mime = self.info.codecs[0].mime_type if self.info.codecs else ""
        if mime or self.is_video:
            return mime
        # Redundant audio that is encrypted could not be unpacked for those who do not take it.
        is_plain = self.info.disable_red or self.info.encryption != models.Encryption.NONE
        return "audio/opus" if is_plain else "audio/red"


@dataclass(frozen=True, slots=True)
class ParkedMedia:
    """A media section that sends, without an announced track so far."""

    mid: str
    is_video: bool
    cid: str
    mime_type: str
    rids: tuple[str, ...]


@dataclass(slots=True)
class TrackBook:
    """All tracks of one participant, by state. Only bookkeeping: who is told what is decided elsewhere."""

    pending: dict[str, Track] = field(default_factory=dict[str, Track])
    """By cid, in the order of announcement."""
    published: dict[str, Track] = field(default_factory=dict[str, Track])
    """By track id, in the order of publication."""
    parked: dict[str, ParkedMedia] = field(default_factory=dict[str, ParkedMedia])
    """By mid."""
    queued: dict[str, rtc.AddTrackRequest] = field(default_factory=dict[str, rtc.AddTrackRequest])
    """By cid: announced again while a track of the same cid is still published."""

    def find(self, sid: str) -> Track | None:
        """The pending or published track of this id."""
        if sid in self.published:
            return self.published[sid]
        return next((track for track in self.pending.values() if track.sid == sid), None)

    def published_cid(self, cid: str) -> Track | None:
        """The published track that the client announced as `cid`."""
        return next((track for track in self.published.values() if track.cid == cid), None)

    def by_mid(self, mid: str) -> Track | None:
        """The published track that the media section `mid` carries."""
        return next((track for track in self.published.values() if track.mid == mid), None)

    def backup_by_mid(self, mid: str) -> models.SimulcastCodecInfo | None:
        """The backup codec of a published track that the media section `mid` carries."""
        backups = (codec for track in self.published.values() for codec in track.backups)
        return next((codec for codec in backups if codec.mid == mid), None)

    def match_backup(self, media: ParkedMedia, *, by_name: bool) -> tuple[Track, models.SimulcastCodecInfo] | None:
        """The published track and its backup codec that `media` is: by the name that was announced, or by the codec."""
        for track in self.published.values():
            announced = [codec for codec in track.backups if codec.cid and not codec.mid]
            if by_name and media.cid not in {codec.cid for codec in announced}:
                continue
            for codec in announced:
                if codec.mime_type == media.mime_type:
                    return track, codec
        return None

    def match_media(self, media: ParkedMedia) -> Track | None:
        """The pending track that `media` belongs to: by name, else the first of its kind."""
        track = self.pending.get(media.cid)
        if track is not None and track.is_video == media.is_video:
            return track
        same_kind = [track for track in self.pending.values() if track.is_video == media.is_video]
        for track in same_kind:
            if media.cid and any(codec.cid == media.cid for codec in track.info.codecs):
                return track
        return same_kind[0] if same_kind else None

    def match_track(self, track: Track) -> ParkedMedia | None:
        """The parked media that belongs to the newly announced `track`: by name, else the first of its kind."""
        same_kind = [media for media in self.parked.values() if media.is_video == track.is_video]
        names = {track.cid, *(codec.cid for codec in track.info.codecs)}
        for media in same_kind:
            if media.cid in names:
                return media
        return same_kind[0] if same_kind else None

    def bind(self, track: Track, media: ParkedMedia) -> None:
        """The pending `track` becomes published with `media`."""
        self.pending.pop(track.cid, None)
        self.parked.pop(media.mid, None)
        track.mid = media.mid
        track.info.version.unix_micro = time.time_ns() // 1000
        describe_media(track.info, media)
        self.published[track.sid] = track


def new_track_info(request: rtc.AddTrackRequest, enabled: Iterable[str]) -> models.TrackInfo:
    """What an AddTrack announces, as others will be told.

    Args:
        request: of type audio or video.
        enabled: the mime types that may be published here, in order of preference.
    """
    info = models.TrackInfo(
        sid=new_track_id(request.type, request.source),
        type=request.type,
        name=request.name,
        muted=request.muted,
        width=request.width,
        height=request.height,
        disable_dtx=request.disable_dtx,
        source=request.source,
        layers=sorted(request.layers, key=lambda layer: layer.quality),
        stereo=request.stereo,
        disable_red=request.disable_red,
        encryption=request.encryption,
        stream=request.stream or _default_stream(request.source),
        audio_features=_audio_features(request),
        backup_codec_policy=announced_policy(request),
        packet_trailer_features=request.packet_trailer_features,
        codecs=announced_codecs(request, enabled),
    )
    info.mime_type = info.codecs[0].mime_type
    info.simulcast = bool(info.mime_type) and _is_simulcast(info)
    return info


def describe_media(info: models.TrackInfo, media: ParkedMedia) -> None:
    """Adds to `info` what only the SDP tells: section, codec, layers."""
    codec = info.codecs[0]
    info.mid, info.mime_type = media.mid, media.mime_type
    is_video = info.type == models.TrackType.VIDEO
    rids = media.rids if is_video else ()
    describe_codec(codec, mid=media.mid, mime=media.mime_type, cid=media.cid, rids=rids)
    # The client may have had to take what was meant to be a backup.
    others = [each for each in info.codecs[1:] if each.mime_type != media.mime_type]
    del info.codecs[1:]
    info.codecs.extend(others)
    if is_video:
        codec.video_layer_mode = layer_mode(media.mime_type, None)
        describe_layers(info.layers, rids)
        info.simulcast = _is_simulcast(info)


def _default_stream(source: models.TrackSource) -> str:
    if source in _CAMERA_SOURCES:
        return "camera"
    return "screen" if source in _SCREEN_SOURCES else "unknown"


def _audio_features(request: rtc.AddTrackRequest) -> list[models.AudioTrackFeature]:
    features = dict.fromkeys(request.audio_features)
    if request.type == models.TrackType.AUDIO:
        if request.stereo:
            features[models.AudioTrackFeature.TF_STEREO] = None
        if request.disable_dtx:
            features[models.AudioTrackFeature.TF_NO_DTX] = None
    return list(features)


def _is_simulcast(info: models.TrackInfo) -> bool:
    codec = info.codecs[0]
    return codec.video_layer_mode == models.VideoLayer.ONE_SPATIAL_LAYER_PER_STREAM and len(codec.layers) > 1
