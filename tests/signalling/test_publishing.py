"""AddTrack, its media, and what others are told and subscribed to."""

import pytest
from livekit.protocol import models, rtc
from tests_vocabulary import CAMERA, MICROPHONE

from visavis.media import events

REFUSALS = rtc.RequestResponse


async def published(client, sid):
    return await client.until_participant(lambda info: any(track.sid == sid for track in info.tracks))


async def test_add_track_is_answered_with_what_was_asked(server):
    alice = await server.join("alice")
    track = await alice.add_track(
        "cam",
        name="camera",
        width=1280,
        height=720,
        simulcast_codecs=[rtc.SimulcastCodec(codec="vp8", cid="cam")],
        layers=[models.VideoLayer(quality=models.VideoQuality.HIGH), models.VideoLayer(quality=0)],
    )
    assert track.sid.startswith("TR_VC")
    assert (track.name, track.width, track.height, track.stream) == ("camera", 1280, 720, "camera")
    assert [layer.quality for layer in track.layers] == [0, 2]
    assert track.codecs[0].mime_type == "video/VP8"
    assert track.simulcast


async def test_a_published_track_reaches_others_before_its_subscription(server):
    alice = await server.join_active("alice")
    bob = await server.join_active("bob")
    track = await alice.add_track("cam", layers=[models.VideoLayer(quality=2, width=640, height=360, bitrate=5)])
    answer = await alice.offer(CAMERA, offer_id=9)
    assert (answer.type, answer.id) == ("answer", 9)
    kinds = []
    while "offer" not in kinds:
        kinds.append((await bob.next()).WhichOneof("message"))
    assert "update" in kinds[:-1]
    info = next(info for seen in bob.seen for info in seen.update.participants if info.tracks)
    assert (info.sid, info.tracks[0].sid, info.is_publisher) == (alice.sid, track.sid, True)
    assert (info.tracks[0].mime_type, info.tracks[0].mid) == ("video/VP8", "0")
    publish = server.engine.called("publish")[0]
    assert publish.arguments == (alice.sid, "0", track.sid)
    assert publish.options["source"] == "camera"
    assert [command.arguments for command in server.engine.called("subscribe")] == [(bob.sid, track.sid)]


async def test_media_before_its_announcement_is_parked(server):
    alice = await server.join("alice")
    bob = await server.join("bob")
    await alice.offer(CAMERA, MICROPHONE)
    track = await alice.add_track("mic", "audio")
    assert (await published(bob, track.sid)).tracks[0].mid == "1"


async def test_renamed_media_belongs_to_the_first_announced_track_of_its_kind(server):
    alice = await server.join("alice")
    bob = await server.join("bob")
    await alice.add_track("mic", "audio")
    track = await alice.add_track("cam")
    await alice.offer("x-media:0 video {renamed} video/VP8\r\n")
    info = await published(bob, track.sid)
    assert info.tracks[0].codecs[0].sdp_cid == "{renamed}"


async def test_the_codec_that_was_asked_for_is_told_to_the_core(server):
    alice = await server.join("alice")
    await alice.add_track("cam", simulcast_codecs=[rtc.SimulcastCodec(codec="h264", cid="cam")])
    await alice.offer(CAMERA)
    assert server.engine.called("publisher_offer")[0].arguments[3] == {"cam": "video/H264"}


@pytest.mark.parametrize(
    ("options", "mime"),
    [
        ({}, "audio/red"),
        ({"disable_red": True}, "audio/opus"),
        ({"encryption": models.Encryption.GCM}, "audio/opus"),
        ({"simulcast_codecs": [rtc.SimulcastCodec(codec="opus", cid="mic")]}, "audio/opus"),
    ],
)
async def test_audio_is_redundant_unless_it_must_not_be(server, options, mime):
    alice = await server.join("alice")
    await alice.add_track("mic", "audio", **options)
    await alice.offer(MICROPHONE)
    assert server.engine.called("publisher_offer")[0].arguments[3] == {"mic": mime}


async def test_channels_and_silence_are_told_to_the_core(server):
    alice = await server.join("alice")
    await alice.add_track("mic", "audio", stereo=True, disable_dtx=True)
    await alice.add_track("plain", "audio")
    await alice.offer(MICROPHONE)
    told = server.engine.called("publisher_offer")[0].options
    assert told == {"stereo": ["mic"], "no_dtx": ["mic"]}


async def test_the_publisher_is_told_of_its_first_subscriber(server):
    alice = await server.join("alice")
    await server.join("bob")
    track = await alice.add_track("cam")
    await alice.offer(CAMERA)
    assert (await alice.until("track_subscribed")).track_subscribed.track_sid == track.sid


async def test_late_joiner_receives_existing_tracks(server):
    alice = await server.join("alice")
    track = await alice.add_track("cam")
    await alice.offer(CAMERA)
    bob = await server.join("bob")
    assert [each.sid for each in bob.joined.other_participants[0].tracks] == [track.sid]
    assert server.engine.called("subscribe")[-1].arguments == (bob.sid, track.sid)


async def test_mute_is_told_to_all_and_to_the_core(server):
    alice = await server.join("alice")
    bob = await server.join("bob")
    track = await alice.add_track("cam")
    await alice.offer(CAMERA)
    await alice.send(mute=rtc.MuteTrackRequest(sid=track.sid, muted=True))
    for client in (alice, bob):
        info = await client.until_participant(lambda info: bool(info.tracks) and info.tracks[0].muted)
        assert info.sid == alice.sid
    assert server.engine.called("set_muted")[0].arguments == (track.sid, True)


async def test_a_track_ends_when_its_media_does(server):
    alice = await server.join("alice")
    bob = await server.join("bob")
    track = await alice.add_track("cam")
    await alice.offer(CAMERA)
    await published(bob, track.sid)
    await alice.offer()
    info = await bob.until_participant(lambda info: info.sid == alice.sid)
    assert not info.tracks
    assert info.is_publisher
    assert server.engine.called("unpublish")[0].arguments == (track.sid,)


async def test_a_cid_that_is_in_use_waits_for_its_end(server):
    alice = await server.join("alice")
    first = await alice.add_track("cam")
    await alice.offer(CAMERA)
    await alice.send(add_track=rtc.AddTrackRequest(cid="cam", type=models.TrackType.VIDEO))
    response = (await alice.until("request_response")).request_response
    assert response.reason == REFUSALS.QUEUED
    await alice.send(offer=rtc.SessionDescription(type="offer", sdp="v=0\r\n", id=2))
    second = (await alice.until("track_published")).track_published.track
    assert second.sid != first.sid


async def test_what_the_token_does_not_permit_is_refused(server):
    alice = await server.join("alice", can_publish_sources=("microphone",))
    await alice.send(add_track=rtc.AddTrackRequest(cid="cam", type=1, source=models.TrackSource.CAMERA))
    response = (await alice.until("request_response")).request_response
    assert response.reason == REFUSALS.NOT_ALLOWED
    assert response.add_track.cid == "cam"
    track = await alice.add_track("mic", "audio")
    assert track.source == models.TrackSource.MICROPHONE


async def test_too_many_announcements_without_media_are_refused(server):
    alice = await server.join("alice")
    for number in range(20):
        await alice.add_track(f"cam{number}")
    await alice.send(add_track=rtc.AddTrackRequest(cid="one more", type=models.TrackType.VIDEO))
    assert (await alice.until("request_response")).request_response.reason == REFUSALS.LIMIT_EXCEEDED


async def test_muting_an_unknown_track_is_answered(server):
    alice = await server.join("alice")
    await alice.send(mute=rtc.MuteTrackRequest(sid="TR_none", muted=True))
    response = (await alice.until("request_response")).request_response
    assert (response.reason, response.mute.sid) == (REFUSALS.NOT_FOUND, "TR_none")


async def test_nobody_mutes_what_is_another_ones(server):
    alice = await server.join("alice")
    bob = await server.join("bob")
    track = await alice.add_track("cam")
    await alice.offer(CAMERA)
    await bob.send(mute=rtc.MuteTrackRequest(sid=track.sid, muted=True))
    assert (await bob.until("request_response")).request_response.reason == REFUSALS.NOT_FOUND
    assert not server.engine.called("set_muted")


async def test_sizes_and_features_can_be_updated(server):
    alice = await server.join("alice")
    bob = await server.join("bob")
    video = await alice.add_track("cam")
    audio = await alice.add_track("mic", "audio")
    await alice.offer(CAMERA, MICROPHONE)
    await alice.send(update_video_track=rtc.UpdateLocalVideoTrack(track_sid=video.sid, width=320, height=240))
    await bob.until_participant(lambda info: any(track.width == 320 for track in info.tracks))
    features = [models.AudioTrackFeature.TF_STEREO]
    await alice.send(update_audio_track=rtc.UpdateLocalAudioTrack(track_sid=audio.sid, features=features))
    await bob.until_participant(lambda info: any(track.stereo for track in info.tracks))


async def test_the_publisher_is_told_which_qualities_anybody_wants(server):
    alice = await server.join("alice")
    track = await alice.add_track("cam")
    await alice.offer(CAMERA)
    server.engine.emit(events.SubscribedQuality(alice.sid, track.sid, (("video/VP9", 1), ("video/VP8", None))))
    update = (await alice.until("subscribed_quality_update")).subscribed_quality_update
    assert update.track_sid == track.sid
    assert [(codec.codec, [each.enabled for each in codec.qualities]) for codec in update.subscribed_codecs] == [
        ("vp9", [True, True, False]),
        ("vp8", [False, False, False]),
    ]
    assert [each.enabled for each in update.subscribed_qualities] == [True, True, False], "for old clients: the first"


async def test_what_is_wanted_of_a_track_that_has_ended_is_not_told(server):
    alice = await server.join("alice")
    server.engine.emit(events.SubscribedQuality(alice.sid, "TR_gone", (("video/VP8", 1),)))
    assert not [each for each in await alice.sync() if each.HasField("subscribed_quality_update")]


BACKUP = "x-media:1 video cam-vp8 video/VP8 q h f\r\n"
PRIMARY = "x-media:0 video cam video/VP9\r\n"


async def with_backup(client, **options):
    codecs = [rtc.SimulcastCodec(codec="vp9", cid="cam"), rtc.SimulcastCodec(codec="vp8", cid="")]
    track = await client.add_track("cam", simulcast_codecs=codecs, **options)
    await client.offer(PRIMARY)
    return track


async def announce_backup(client, sid):
    layers = [models.VideoLayer(quality=quality, width=160 << quality) for quality in (0, 1, 2)]
    codec = rtc.SimulcastCodec(codec="vp8", cid="cam-vp8", layers=layers)
    return await client.add_track("cam-vp8", sid=sid, simulcast_codecs=[codec])


async def test_a_backup_codec_becomes_part_of_its_track(server):
    alice = await server.join("alice")
    track = await with_backup(alice, backup_codec_policy=models.BackupCodecPolicy.SIMULCAST)
    assert server.engine.called("publish")[0].options["backups"] == ["video/VP8"]
    announced = await announce_backup(alice, track.sid)
    assert (announced.sid, announced.codecs[1].cid, len(announced.codecs[1].layers)) == (track.sid, "cam-vp8", 3)
    await alice.offer(PRIMARY, BACKUP)
    assert server.engine.called("publisher_offer")[-1].arguments[3] == {"cam": "video/VP9", "cam-vp8": "video/VP8"}
    (publish,) = server.engine.called("publish_backup")
    assert publish.arguments == (alice.sid, "1", track.sid)
    assert not publish.options["regress"]
    assert [layer.width for layer in publish.options["layers"]] == [160, 320, 640]
    bob = await server.join("bob")
    (info,) = bob.joined.other_participants[0].tracks
    assert [(codec.mime_type, codec.mid) for codec in info.codecs] == [("video/VP9", "0"), ("video/VP8", "1")]
    assert [layer.rid for layer in info.codecs[1].layers] == ["q", "h", "f"]


async def test_media_of_a_backup_codec_may_come_before_its_announcement(server):
    alice = await server.join("alice")
    track = await with_backup(alice)
    await alice.offer(PRIMARY, BACKUP)
    assert not server.engine.called("publish_backup")
    await announce_backup(alice, track.sid)
    assert server.engine.called("publish_backup")[0].arguments == (alice.sid, "1", track.sid)


async def test_in_a_small_room_all_go_over_to_the_backup_codec(server):
    alice = await server.join("alice")
    track = await with_backup(alice)
    await announce_backup(alice, track.sid)
    await alice.offer(PRIMARY, BACKUP)
    assert server.engine.called("publish_backup")[0].options["regress"]


async def test_a_backup_codec_ends_alone_and_may_come_again(server):
    alice = await server.join("alice")
    bob = await server.join("bob")
    track = await with_backup(alice)
    await announce_backup(alice, track.sid)
    await alice.offer(PRIMARY, BACKUP)
    await alice.offer(PRIMARY)
    assert not server.engine.called("unpublish")
    await announce_backup(alice, track.sid)
    await alice.offer(PRIMARY, BACKUP)
    assert len(server.engine.called("publish_backup")) == 2
    await alice.offer("v=0\r\n")
    await bob.until_participant(lambda info: info.is_publisher and not info.tracks)


async def test_a_backup_codec_needs_a_published_track(server):
    alice = await server.join("alice")
    await alice.send(add_track=rtc.AddTrackRequest(sid="TR_no", cid="cam", type=models.TrackType.VIDEO))
    response = (await alice.until("request_response")).request_response
    assert (response.reason, response.add_track.sid) == (REFUSALS.NOT_FOUND, "TR_no")
