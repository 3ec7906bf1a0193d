"""Announced tracks and media find each other, in any order."""

from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models, rtc

from visavis.rooms import ParkedMedia, Track
from visavis.rooms.tracks import TrackBook, new_track_info

ENABLED = ("video/VP8", "video/H264", "video/VP9", "video/AV1", "audio/opus")


def announced(cid, kind=models.TrackType.VIDEO, **options):
    return Track(new_track_info(rtc.AddTrackRequest(cid=cid, type=kind, **options), ENABLED), cid)


def media(cid, mid="0", *, is_video=True, mime="video/VP8", rids=()):
    return ParkedMedia(mid, is_video, cid, mime, tuple(rids))


@given(st.permutations(range(4)), st.permutations(range(4)))
def test_every_track_gets_the_media_of_its_name_in_any_order(tracks, medias):
    book = TrackBook()
    for number in tracks:
        book.pending[f"cid{number}"] = announced(f"cid{number}")
    for number in medias:
        track = book.match_media(media(f"cid{number}", str(number)))
        book.bind(track, media(f"cid{number}", str(number)))
    assert {track.cid: track.mid for track in book.published.values()} == {f"cid{n}": str(n) for n in range(4)}
    assert not book.pending


def test_media_of_another_kind_is_no_match():
    book = TrackBook(pending={"x": announced("x")})
    assert book.match_media(media("x", is_video=False, mime="audio/opus")) is None


def test_parked_media_is_found_by_the_cid_of_a_codec():
    track = announced("a", simulcast_codecs=[rtc.SimulcastCodec(codec="vp8", cid="b")])
    book = TrackBook(parked={"0": media("z", "0"), "1": media("b", "1")})
    assert book.match_track(track).mid == "1"


def test_a_codec_that_is_not_enabled_becomes_the_first_that_is():
    info = announced("a", simulcast_codecs=[rtc.SimulcastCodec(codec="h265", cid="a")]).info
    assert info.codecs[0].mime_type == "video/VP8"


def test_layers_learn_their_rids_by_position():
    layers = [models.VideoLayer(quality=quality) for quality in (0, 1, 2)]
    track = announced("a", layers=layers)
    TrackBook(pending={"a": track}).bind(track, media("a", rids=("2", "1", "0")))
    assert [(layer.spatial_layer, layer.rid) for layer in track.info.layers] == [(0, "2"), (1, "1"), (2, "0")]
    assert track.info.simulcast


def test_scalable_codecs_have_all_layers_in_one_stream():
    layers = [models.VideoLayer(quality=quality) for quality in (0, 1, 2)]
    info = announced("a", layers=layers, simulcast_codecs=[rtc.SimulcastCodec(codec="vp9", cid="a")]).info
    assert info.codecs[0].video_layer_mode == models.VideoLayer.MULTIPLE_SPATIAL_LAYERS_PER_STREAM
    assert not info.simulcast


def test_features_of_audio_are_told_once():
    info = announced(
        "a", models.TrackType.AUDIO, stereo=True, disable_dtx=True, audio_features=[models.AudioTrackFeature.TF_STEREO]
    ).info
    assert sorted(info.audio_features) == [models.AudioTrackFeature.TF_STEREO, models.AudioTrackFeature.TF_NO_DTX]


def test_track_ids_tell_kind_and_source():
    source = models.TrackSource
    ids = [
        announced("a", models.TrackType.AUDIO, source=source.MICROPHONE).sid,
        announced("a", models.TrackType.VIDEO, source=source.SCREEN_SHARE).sid,
        announced("a", models.TrackType.AUDIO, source=source.SCREEN_SHARE_AUDIO).sid,
    ]
    assert [sid[:5] for sid in ids] == ["TR_AM", "TR_VS", "TR_As"]
