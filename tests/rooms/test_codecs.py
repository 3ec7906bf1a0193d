"""The codecs that a track is announced with, and which of them everyone gets."""

import pytest
from livekit.protocol import models, rtc

from visavis.rooms import ParkedMedia, Track
from visavis.rooms.codecs import Policy, announce_backups, regresses
from visavis.rooms.tracks import TrackBook, new_track_info

ENABLED = ("video/VP8", "video/H264", "video/VP9", "video/AV1", "audio/opus")


def announced(*codecs, kind=models.TrackType.VIDEO, policy=Policy.PREFER_REGRESSION):
    wanted = [rtc.SimulcastCodec(codec=codec, cid=cid) for codec, cid in codecs]
    request = rtc.AddTrackRequest(cid="a", type=kind, simulcast_codecs=wanted, backup_codec_policy=policy)
    return new_track_info(request, ENABLED)


def published(*codecs):
    book = TrackBook()
    track = Track(announced(*codecs), "a")
    book.pending["a"] = track
    book.bind(track, media("a", "0", mime="video/VP9"))
    return book, track


def media(cid, mid, *, mime="video/VP8"):
    return ParkedMedia(mid, True, cid, mime, ())


def test_all_codecs_are_announced_the_backup_without_a_name():
    info = announced(("vp9", "a"), ("vp8", ""))
    assert [(codec.mime_type, codec.cid) for codec in info.codecs] == [("video/VP9", "a"), ("video/VP8", "")]


def test_a_codec_announced_twice_counts_once():
    assert [codec.mime_type for codec in announced(("vp8", "a"), ("VP8", "")).codecs] == ["video/VP8"]


def test_a_client_that_has_to_take_its_backup_codec_at_once_has_no_other():
    book = TrackBook(pending={"a": Track(announced(("vp9", "a"), ("vp8", "")), "a")})
    track = book.pending["a"]
    book.bind(track, media("a", "0"))
    assert [(codec.mime_type, codec.mid) for codec in track.info.codecs] == [("video/VP8", "0")]


def test_media_is_a_backup_codec_only_when_that_was_announced_again():
    book, track = published(("vp9", "a"), ("vp8", ""))
    assert book.match_backup(media("b", "1"), by_name=False) is None
    announce_backups(track.info, [rtc.SimulcastCodec(codec="vp8", cid="b")])
    assert book.match_backup(media("b", "1"), by_name=True) == (track, track.info.codecs[1])


def test_renamed_media_is_the_backup_codec_of_its_kind():
    book, track = published(("vp9", "a"), ("vp8", ""))
    announce_backups(track.info, [rtc.SimulcastCodec(codec="vp8", cid="b")])
    assert book.match_backup(media("renamed", "1"), by_name=True) is None
    assert book.match_backup(media("renamed", "1", mime="video/H264"), by_name=False) is None
    assert book.match_backup(media("renamed", "1"), by_name=False) == (track, track.info.codecs[1])


@pytest.mark.parametrize(
    ("policy", "participants", "expected"),
    [
        (Policy.PREFER_REGRESSION, 4, True),
        (Policy.PREFER_REGRESSION, 5, False),
        (Policy.REGRESSION, 50, True),
        (Policy.SIMULCAST, 2, False),
    ],
)
def test_the_policy_says_whether_all_get_the_backup_codec(policy, participants, expected):
    info = announced(("vp9", "a"), ("vp8", ""), policy=policy)
    assert regresses(info, info.codecs[1], participants=participants) is expected


def test_only_the_first_backup_codec_is_for_all():
    info = announced(("av1", "a"), ("vp8", ""), ("h264", ""), policy=Policy.REGRESSION)
    assert not regresses(info, info.codecs[2], participants=2)


def test_sound_goes_on_in_all_codecs_unless_that_is_refused():
    audio = models.TrackType.AUDIO
    assert announced(("opus", "a"), kind=audio).backup_codec_policy == Policy.SIMULCAST
    refused = announced(("opus", "a"), kind=audio, policy=Policy.REGRESSION)
    assert refused.backup_codec_policy == Policy.REGRESSION
