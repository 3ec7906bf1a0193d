"""AddTrack and its answer, before any media."""

import pytest
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import Join, Participant, kinds

Reason = signal.RequestResponse
Layer = models.VideoLayer
Source = models.TrackSource

SIMULCAST = [
    Layer(quality=models.VideoQuality.HIGH, width=1280, height=720, bitrate=1_700_000),
    Layer(quality=models.VideoQuality.LOW, width=320, height=180, bitrate=150_000),
    Layer(quality=models.VideoQuality.MEDIUM, width=640, height=360, bitrate=500_000),
]
QUALITIES = [models.VideoQuality.LOW, models.VideoQuality.MEDIUM, models.VideoQuality.HIGH]


async def test_camera(alice: Participant) -> None:
    track = await alice.add_track("cam", name="my camera", width=1280, height=720)

    assert track.sid.startswith("TR_VC")
    assert (track.name, track.type, track.source) == ("my camera", models.TrackType.VIDEO, Source.CAMERA)
    assert (track.width, track.height, track.stream) == (1280, 720, "camera")
    assert not track.muted
    assert not track.simulcast
    (codec,) = track.codecs
    assert (codec.cid, codec.mime_type) == ("cam", "")


async def test_microphone(alice: Participant) -> None:
    track = await alice.add_track("mic", "audio", muted=True, stereo=True, disable_dtx=True)

    assert track.sid.startswith("TR_AM")
    assert (track.type, track.source, track.stream) == (models.TrackType.AUDIO, Source.MICROPHONE, "camera")
    assert track.muted
    assert track.stereo
    assert track.disable_dtx
    assert set(track.audio_features) == {models.AudioTrackFeature.TF_STEREO, models.AudioTrackFeature.TF_NO_DTX}


@pytest.mark.parametrize(
    ("kind", "source", "prefix", "stream"),
    [
        ("video", Source.SCREEN_SHARE, "TR_VS", "screen"),
        ("audio", Source.SCREEN_SHARE_AUDIO, "TR_A", "screen"),
        ("video", Source.UNKNOWN, "TR_V", "unknown"),
    ],
)
async def test_source_names_the_stream(alice: Participant, kind: str, source: Source, prefix: str, stream: str) -> None:
    track = await alice.add_track("track", kind, source=source)

    assert track.source == source
    assert track.sid.startswith(prefix)
    assert track.stream == stream


async def test_client_may_name_the_stream(alice: Participant) -> None:
    assert (await alice.add_track("cam", stream="stage")).stream == "stage"


async def test_layers_are_sorted(alice: Participant) -> None:
    track = await alice.add_track("cam", layers=SIMULCAST)

    assert [layer.quality for layer in track.layers] == QUALITIES
    assert [layer.width for layer in track.codecs[0].layers] == [320, 640, 1280]
    assert track.codecs[0].video_layer_mode == Layer.ONE_SPATIAL_LAYER_PER_STREAM
    assert not track.simulcast, "whether it is depends on the codec, and that only the offer will tell"


async def test_wanted_codec(alice: Participant) -> None:
    track = await alice.add_track(
        "cam", layers=SIMULCAST, simulcast_codecs=[signal.SimulcastCodec(codec="vp8", cid="cam")]
    )

    (codec,) = track.codecs
    assert codec.mime_type.lower() == "video/vp8"
    assert codec.cid == "cam"
    assert [layer.quality for layer in codec.layers] == QUALITIES
    assert track.simulcast


async def test_codec_with_layers_inside(alice: Participant) -> None:
    track = await alice.add_track(
        "cam", layers=SIMULCAST, simulcast_codecs=[signal.SimulcastCodec(codec="vp9", cid="cam")]
    )

    (codec,) = track.codecs
    assert codec.mime_type.lower() == "video/vp9"
    assert codec.video_layer_mode == Layer.MULTIPLE_SPATIAL_LAYERS_PER_STREAM
    assert not track.simulcast


async def test_unknown_codec_becomes_the_first(alice: Participant) -> None:
    track = await alice.add_track("cam", simulcast_codecs=[signal.SimulcastCodec(codec="theora", cid="cam")])

    assert track.codecs[0].mime_type.lower() == "video/vp8"


async def test_encryption_is_told(alice: Participant) -> None:
    track = await alice.add_track("cam", encryption=models.Encryption.GCM)

    assert track.encryption == models.Encryption.GCM


async def test_every_track_has_its_own_id(alice: Participant) -> None:
    cam = await alice.add_track("cam")
    screen = await alice.add_track("screen", source=Source.SCREEN_SHARE)

    assert cam.sid != screen.sid


async def test_announcing_the_same_twice(alice: Participant, differs: bool) -> None:
    first = await alice.add_track("cam")

    await alice.ask_for_track("cam")

    if differs:
        assert (await alice.until("track_published")).track == first
    else:
        assert (await alice.until("request_response")).reason == Reason.QUEUED


async def test_who_may_not_publish(join: Join) -> None:
    alice = await join("alice", can_publish=False)

    await alice.ask_for_track("cam")

    answer = await alice.until("request_response")
    assert answer.reason == Reason.NOT_ALLOWED
    assert answer.add_track.cid == "cam"


async def test_who_may_publish_only_a_camera(join: Join) -> None:
    alice = await join("alice", can_publish_sources=["camera"])

    await alice.ask_for_track("mic", "audio")

    assert (await alice.until("request_response")).reason == Reason.NOT_ALLOWED
    assert (await alice.add_track("cam")).source == Source.CAMERA


async def test_data_is_no_track(alice: Participant) -> None:
    await alice.send(add_track=signal.AddTrackRequest(cid="data", type=models.TrackType.DATA))

    answer = await alice.until("request_response")
    assert answer.reason == Reason.UNSUPPORTED_TYPE
    assert answer.add_track.cid == "data"


async def test_twenty_tracks_may_wait_for_media(alice: Participant) -> None:
    sids = {(await alice.add_track(f"cam {number}")).sid for number in range(20)}

    assert len(sids) == 20


async def test_mute_of_an_unknown_track(alice: Participant) -> None:
    await alice.send(mute=signal.MuteTrackRequest(sid="TR_unknown", muted=True))

    answer = await alice.until("request_response")
    assert answer.reason == Reason.NOT_FOUND
    assert (answer.mute.sid, answer.mute.muted) == ("TR_unknown", True)


async def test_announced_track_is_nothing_to_others(alice: Participant, bob: Participant) -> None:
    track = await alice.add_track("cam")
    await alice.send(mute=signal.MuteTrackRequest(sid=track.sid, muted=True))
    await alice.sync()

    assert "track_subscribed" not in kinds(await bob.sync())
    updates = [info for response in bob.seen for info in response.update.participants]
    assert not [info for info in updates if info.tracks]
