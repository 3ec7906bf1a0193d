"""The codecs of a track: the primary one, and backup codecs, which its client sends only when it is asked for them.

A backup codec is announced with the track, without a name. When somebody can decode nothing else, the client announces
it again, with the name of a media section of its own.
"""

from collections.abc import Iterable

from livekit.protocol import models, rtc

Policy = models.BackupCodecPolicy

_SVC_CODECS = frozenset({"video/vp9", "video/av1"})

_REGRESS_BELOW = 5
"""LiveKit's: in rooms with fewer participants, that the publisher encodes twice costs more than it is worth."""


def announced_codecs(request: rtc.AddTrackRequest, enabled: Iterable[str]) -> list[models.SimulcastCodecInfo]:
    """The codecs that an AddTrack asks for, the primary first; one without a mime type if it leaves that to the SDP.

    Args:
        request: of type audio or video.
        enabled: the mime types that may be published here, in order of preference.
    """
    prefix = "video/" if request.type == models.TrackType.VIDEO else "audio/"
    by_lower = {mime.lower(): mime for mime in enabled if mime.startswith(prefix)}
    if not request.simulcast_codecs:
        layers = _sorted(request.layers)
        return [models.SimulcastCodecInfo(cid=request.cid, layers=layers, video_layer_mode=layer_mode("", None))]
    codecs: dict[str, models.SimulcastCodecInfo] = {}
    for index, wanted in enumerate(request.simulcast_codecs):
        name = wanted.codec.lower()
        mime = by_lower.get(name if "/" in name else prefix + name) or next(iter(by_lower.values()), "")
        if mime in codecs:
            continue
        codecs[mime] = models.SimulcastCodecInfo(
            mime_type=mime,
            cid=wanted.cid or (request.cid if index == 0 else ""),
            layers=_sorted(wanted.layers or request.layers),
            video_layer_mode=layer_mode(mime, wanted),
        )
    return list(codecs.values())


def announced_policy(request: rtc.AddTrackRequest) -> models.BackupCodecPolicy:
    """What is to become of a track when its backup codec is published. Sound goes on in both unless that is refused."""
    if request.type == models.TrackType.AUDIO and request.backup_codec_policy != Policy.REGRESSION:
        return Policy.SIMULCAST
    return request.backup_codec_policy


def announce_backups(info: models.TrackInfo, wanted: Iterable[rtc.SimulcastCodec]) -> None:
    """A published track's codecs get the names that their media will have."""
    for announced in wanted:
        for codec in info.codecs:
            if codec.mime_type.lower().rpartition("/")[2] != announced.codec.lower().rpartition("/")[2]:
                continue
            codec.cid = announced.cid
            if announced.layers:
                del codec.layers[:]
                codec.layers.extend(announced.layers)


def describe_codec(codec: models.SimulcastCodecInfo, *, mid: str, mime: str, cid: str, rids: Iterable[str]) -> None:
    """Adds to `codec` what only the SDP tells."""
    codec.mid, codec.mime_type = mid, mime
    if cid and cid != codec.cid:
        codec.sdp_cid = cid
    describe_layers(codec.layers, rids)


def describe_layers(layers: Iterable[models.VideoLayer], rids: Iterable[str]) -> None:
    """Adds to `layers`, the lowest first, what only the SDP tells."""
    names = list(rids)
    for index, layer in enumerate(layers):
        layer.spatial_layer = index
        if index < len(names):
            layer.rid = names[index]


def forget_codec(codec: models.SimulcastCodecInfo) -> None:
    """The client stopped the codec; it may be asked for again."""
    codec.mid = codec.cid = codec.sdp_cid = ""


def regresses(info: models.TrackInfo, codec: models.SimulcastCodecInfo, *, participants: int) -> bool:
    """Whether all subscribers go over to this backup codec, whose media comes now."""
    if codec.mime_type != info.codecs[1].mime_type:
        return False
    few = participants < _REGRESS_BELOW
    return info.backup_codec_policy == Policy.REGRESSION or (
        info.backup_codec_policy == Policy.PREFER_REGRESSION and few
    )


def layer_mode(mime: str, wanted: rtc.SimulcastCodec | None) -> models.VideoLayer.Mode:
    """Whether each layer is a stream of its own: as the client says, else as is usual for the codec."""
    if wanted is not None and wanted.video_layer_mode != models.VideoLayer.MODE_UNUSED:
        return wanted.video_layer_mode
    if mime.lower() in _SVC_CODECS:
        return models.VideoLayer.MULTIPLE_SPATIAL_LAYERS_PER_STREAM
    return models.VideoLayer.ONE_SPATIAL_LAYER_PER_STREAM


def _sorted(layers: Iterable[models.VideoLayer]) -> list[models.VideoLayer]:
    return sorted(layers, key=lambda layer: layer.quality)
