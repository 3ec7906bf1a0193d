"""What one is told of tracks with media, one's own and those of others."""

import time
from collections.abc import Callable

import pytest
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import Info, Join
from wiretap import Call

from media import Colour, playing_tone, showing

CAMERA = models.TrackSource.CAMERA
MICROPHONE = models.TrackSource.MICROPHONE


def sends(count: int) -> Callable[[Info], bool]:
    """That it has so many tracks."""
    return lambda info: len(info.tracks) == count


async def test_others_are_told_of_a_published_track(call: Call, join: Join) -> None:
    alice, _ = await call("alice")
    bob = await join("bob")

    async with showing(alice, Colour.RED) as published:
        info = await bob.update_about("alice", sends(1))

    assert info.is_publisher
    (track,) = info.tracks
    assert (track.sid, track.type, track.source) == (published.sid, models.TrackType.VIDEO, CAMERA)
    assert track.mime_type.lower() == "video/vp8"
    assert track.mid
    assert (track.codecs[0].mime_type.lower(), track.codecs[0].mid) == ("video/vp8", track.mid)
    assert (track.width, track.height) == (320, 180)
    assert not track.muted


async def test_late_joiner_is_told_of_published_tracks(call: Call, join: Join) -> None:
    alice, _ = await call("alice")
    early = await join("early")

    async with playing_tone(alice, 440), showing(alice, Colour.RED):
        told = await early.update_about("alice", sends(2))
        (other,) = [each for each in (await join("late")).joined.other_participants if each.identity == "alice"]

    assert {track.sid for track in other.tracks} == {track.sid for track in told.tracks}
    assert {track.source for track in other.tracks} == {CAMERA, MICROPHONE}
    assert other.version >= told.version


async def test_media_makes_one_active(call: Call, join: Join) -> None:
    bob = await join("bob")
    await call("alice")

    info = await bob.update_about("alice", lambda info: info.state == models.ParticipantInfo.ACTIVE)
    assert not info.is_publisher


async def test_a_track_has_a_version_that_stays(call: Call, join: Join) -> None:
    alice, _ = await call("alice")
    bob = await join("bob")

    async with playing_tone(alice, 440) as published:
        version = (await bob.update_about("alice", sends(1))).tracks[0].version
        published.track.mute()
        info = await bob.update_about("alice", lambda info: sends(1)(info) and info.tracks[0].muted)

    assert abs(version.unix_micro / 1_000_000 - time.time()) < 30
    assert info.tracks[0].version == version


async def test_muting_is_told_to_all(call: Call, join: Join) -> None:
    alice, wire = await call("alice")
    bob = await join("bob")

    async with playing_tone(alice, 440) as published:
        await bob.update_about("alice", sends(1))
        published.track.mute()
        for witness in (bob, wire):
            await witness.update_about("alice", lambda info: sends(1)(info) and info.tracks[0].muted)
        published.track.unmute()
        for witness in (bob, wire):
            await witness.update_about("alice", lambda info: sends(1)(info) and not info.tracks[0].muted)


async def test_late_joiner_is_told_what_is_muted(call: Call, join: Join) -> None:
    alice, _ = await call("alice")
    early = await join("early")

    async with playing_tone(alice, 440) as published:
        published.track.mute()
        await early.update_about("alice", lambda info: sends(1)(info) and info.tracks[0].muted)
        (other,) = [each for each in (await join("late")).joined.other_participants if each.identity == "alice"]

    assert other.tracks[0].muted


async def test_unpublishing_is_told(call: Call, join: Join) -> None:
    alice, _ = await call("alice")
    bob = await join("bob")

    async with showing(alice, Colour.RED) as published:
        shown = await bob.update_about("alice", sends(1))
        await alice.me.unpublish_track(published.sid)
        info = await bob.update_about("alice", sends(0))

    assert info.is_publisher
    assert info.version > shown.version


async def test_publisher_is_told_of_the_first_subscriber(call: Call) -> None:
    alice, wire = await call("alice")

    async with showing(alice, Colour.RED) as published:
        await call("zoe")
        await wire.until("track_subscribed", lambda told: told.track_sid == published.sid)


async def test_quality_of_the_connection_is_told(call: Call) -> None:
    alice, wire = await call("alice")

    async with playing_tone(alice, 440):
        told = await wire.until("connection_quality")

    (update,) = told.updates
    assert update.participant_sid == alice.me.sid
    assert update.quality == models.ConnectionQuality.EXCELLENT
    assert update.score == pytest.approx(4.5), "a mean opinion score, 1 to 4.5"


async def test_speakers_are_told(call: Call) -> None:
    alice, _ = await call("alice")
    zoe, wire = await call("zoe")

    def about_alice(active: bool) -> Callable[[signal.SpeakersChanged], bool]:
        return lambda changed: [(each.sid, each.active) for each in changed.speakers] == [(alice.me.sid, active)]

    async with playing_tone(alice, 440) as published:
        loud = await wire.until("speakers_changed", about_alice(True))
        published.track.mute()
        silent = await wire.until("speakers_changed", about_alice(False))

    assert 0 < loud.speakers[0].level <= 1
    assert loud.speakers[0].level * 8 == int(loud.speakers[0].level * 8)
    assert silent.speakers[0].level == 0
    assert zoe.room.remote_participants["alice"].sid == alice.me.sid


async def test_who_begins_to_listen_is_told_who_speaks(call: Call) -> None:
    alice, publisher = await call("alice")
    _, wire = await call("zoe", auto_subscribe=False)

    async with playing_tone(alice, 440) as published:
        await publisher.until("speakers_changed")
        await wire.send(subscription=signal.UpdateSubscription(track_sids=[published.sid], subscribe=True))
        (speaker,) = (await wire.until("speakers_changed")).speakers

    assert (speaker.sid, speaker.active) == (alice.me.sid, True)


async def test_announcing_a_published_track_again_waits_for_its_end(call: Call, join: Join) -> None:
    alice, wire = await call("alice")
    bob = await join("bob")

    async with showing(alice, Colour.RED) as picture:
        published = await wire.until("track_published")
        await bob.update_about("alice", sends(1))
        again = signal.AddTrackRequest(cid=published.cid, type=models.TrackType.VIDEO, source=CAMERA)
        await wire.send(add_track=again)
        assert (await wire.until("request_response")).reason == signal.RequestResponse.QUEUED
        await alice.me.unpublish_track(picture.sid)
        renewed = await wire.until("track_published")

    assert renewed.cid == published.cid
    assert renewed.track.sid != published.track.sid


async def test_changed_features_of_audio_are_told(call: Call, join: Join) -> None:
    alice, wire = await call("alice")
    bob = await join("bob")
    cancelled = models.AudioTrackFeature.TF_ECHO_CANCELLATION

    async with playing_tone(alice, 440) as tone:
        await bob.update_about("alice", sends(1))
        await wire.send(update_audio_track=signal.UpdateLocalAudioTrack(track_sid=tone.sid, features=[cancelled]))
        await bob.update_about("alice", lambda info: sends(1)(info) and cancelled in info.tracks[0].audio_features)


async def test_changed_size_of_video_is_told(call: Call, join: Join) -> None:
    alice, wire = await call("alice")
    bob = await join("bob")

    async with showing(alice, Colour.RED) as picture:
        await bob.update_about("alice", sends(1))
        await wire.send(update_video_track=signal.UpdateLocalVideoTrack(track_sid=picture.sid, width=99, height=66))
        await bob.update_about("alice", lambda info: sends(1)(info) and info.tracks[0].width == 99)


async def test_leaving_with_media_is_told(call: Call, join: Join) -> None:
    alice, _ = await call("alice")
    bob = await join("bob")

    async with showing(alice, Colour.RED):
        await bob.update_about("alice", sends(1))
        await alice.room.disconnect()
        gone = await bob.update_about("alice", lambda info: info.state == models.ParticipantInfo.DISCONNECTED)

    assert gone.disconnect_reason == models.DisconnectReason.CLIENT_INITIATED
    assert not gone.tracks
