"""Tracks in VP9 with VP8 for those who cannot decode that: what is announced, and when the publisher is asked for VP8.

The PyPI client sends no backup codecs: its announcements and offers are completed on the way. What follows from VP8's
media is shown by browsers.
"""

from typing import Any

import pytest
from livekit import rtc
from livekit.protocol import models
from livekit.protocol import rtc as signal
from offers import without_codecs
from participant import Join, Participant
from wiretap import Call

from media import Colour, showing

Layer = models.VideoLayer
Policy = models.BackupCodecPolicy
Update = signal.SubscribedQualityUpdate

VP9 = rtc.VideoCodec.VP9
CODECS = [signal.SimulcastCodec(codec="vp9", cid="cam"), signal.SimulcastCodec(codec="vp8")]
LAYERS = [Layer(quality=quality, width=320 << quality, height=180 << quality) for quality in (0, 1, 2)]


def with_backup(request: signal.SignalRequest) -> None:
    """The track is announced with VP8 as backup codec, and offered so: the client itself would offer VP9 alone."""
    if request.WhichOneof("message") == "offer":
        request.offer.sdp = with_vp8(request.offer.sdp)
    elif request.WhichOneof("message") == "add_track":
        announced = request.add_track
        if not announced.simulcast_codecs:
            announced.simulcast_codecs.add(codec="vp9", cid=announced.cid)
        announced.simulcast_codecs.add(codec="vp8")


def with_vp8(offer: str) -> str:
    """The offer with VP8 beside VP9 in each section that has only VP9."""
    free = next(str(number) for number in range(96, 128) if f":{number} " not in offer)
    sections = offer.split("\r\nm=")
    for index, section in enumerate(sections):
        if " VP9/90000" in section and " VP8/90000" not in section:
            head, *lines = section.split("\r\n")
            codec = [f"a=rtpmap:{free} VP8/90000", f"a=rtcp-fb:{free} nack pli"]
            at = next(number for number, line in enumerate(lines) if line.startswith("a=rtpmap:"))
            sections[index] = "\r\n".join([f"{head} {free}", *lines[:at], *codec, *lines[at:]])
    return "\r\nm=".join(sections)


def lacking(*names: str) -> Any:
    """The client says that it has not got these codecs."""

    def rewrite(request: signal.SignalRequest) -> None:
        if request.WhichOneof("message") == "offer":
            request.offer.sdp = without_codecs(request.offer.sdp, *names)
        elif request.WhichOneof("message") == "answer":
            request.answer.sdp = without_codecs(request.answer.sdp, *names)

    return rewrite


def wanted(update: Update) -> dict[str, list[bool]]:
    """Which qualities of which codecs are wanted."""
    return {codec.codec: [each.enabled for each in codec.qualities] for codec in update.subscribed_codecs}


async def test_all_codecs_are_announced(alice: Participant) -> None:
    track = await alice.add_track("cam", simulcast_codecs=CODECS, layers=LAYERS)

    assert [(codec.mime_type.lower(), codec.cid) for codec in track.codecs] == [("video/vp9", "cam"), ("video/vp8", "")]
    assert [codec.video_layer_mode for codec in track.codecs] == [
        Layer.MULTIPLE_SPATIAL_LAYERS_PER_STREAM,
        Layer.ONE_SPATIAL_LAYER_PER_STREAM,
    ]
    assert [[layer.quality for layer in codec.layers] for codec in track.codecs] == [[0, 1, 2]] * 2
    assert not track.simulcast, "that is about the primary codec"


async def test_codecs_may_have_layers_of_their_own(alice: Participant) -> None:
    codecs = [
        signal.SimulcastCodec(codec="vp9", cid="cam", layers=LAYERS[2:]),
        signal.SimulcastCodec(codec="vp8", layers=LAYERS[:2]),
    ]

    track = await alice.add_track("cam", simulcast_codecs=codecs, layers=LAYERS)

    assert [[layer.quality for layer in codec.layers] for codec in track.codecs] == [[2], [0, 1]]


async def test_codec_announced_twice_counts_once(alice: Participant) -> None:
    codecs = [signal.SimulcastCodec(codec="vp8", cid="cam"), signal.SimulcastCodec(codec="vp8")]

    assert len((await alice.add_track("cam", simulcast_codecs=codecs)).codecs) == 1


@pytest.mark.parametrize("policy", [Policy.PREFER_REGRESSION, Policy.SIMULCAST, Policy.REGRESSION])
async def test_policy_is_told(alice: Participant, policy: Policy) -> None:
    track = await alice.add_track("cam", simulcast_codecs=CODECS, backup_codec_policy=policy)

    assert track.backup_codec_policy == policy


async def test_sound_goes_on_in_all_codecs(alice: Participant) -> None:
    assert (await alice.add_track("mic", "audio")).backup_codec_policy == Policy.SIMULCAST


async def test_backup_codec_needs_a_published_track(alice: Participant) -> None:
    await alice.ask_for_track("cam", sid="TR_no", simulcast_codecs=CODECS[1:])

    answer = await alice.until("request_response")
    assert (answer.reason, answer.add_track.sid) == (signal.RequestResponse.NOT_FOUND, "TR_no")


async def test_others_are_told_of_all_codecs(call: Call, join: Join) -> None:
    bob = await join("bob")
    alice, wire = await call("alice")
    wire.rewrite = with_backup

    async with showing(alice, Colour.RED, codec=VP9):
        (track,) = (await bob.update_about("alice", lambda info: len(info.tracks) == 1)).tracks

    primary, backup = track.codecs
    assert (primary.mime_type.lower(), primary.mid) == ("video/vp9", track.mid)
    assert (backup.mime_type.lower(), backup.mid, backup.cid) == ("video/vp8", "", "")
    assert track.mime_type.lower() == "video/vp9"


async def test_backup_codec_is_not_wanted_while_all_can_decode_the_primary(call: Call) -> None:
    await call("zoe")
    alice, wire = await call("alice")
    wire.rewrite = with_backup

    async with showing(alice, Colour.RED, codec=VP9):
        update = await wire.until("subscribed_quality_update")

    assert list(wanted(update)) == ["vp9"]
    assert any(wanted(update)["vp9"])


async def test_backup_codec_is_wanted_by_those_who_cannot_decode_the_primary(call: Call) -> None:
    _, zoe = await call("zoe")
    zoe.rewrite = lacking("VP9")
    alice, wire = await call("alice")
    wire.rewrite = with_backup

    async with showing(alice, Colour.RED, codec=VP9) as published:
        update = await wire.until("subscribed_quality_update")
        assert update.track_sid == published.sid
        assert wanted(update) == {"vp8": [True, False, False]}, "the one layer that was announced"
        backup = signal.SimulcastCodec(codec="vp8", cid="second", layers=LAYERS)
        announced = signal.AddTrackRequest(
            sid=published.sid, cid="second", type=models.TrackType.VIDEO, simulcast_codecs=[backup]
        )
        await wire.send(add_track=announced)
        answer = await wire.until("track_published", lambda told: told.cid == "second")

    primary, second = answer.track.codecs
    assert answer.track.sid == published.sid
    assert (primary.mid, second.cid, second.mid) == (answer.track.mid, "second", "")
    assert [(layer.quality, layer.width) for layer in second.layers] == [(0, 320), (1, 640), (2, 1280)]


async def test_both_codecs_are_wanted_by_a_mixed_room(call: Call) -> None:
    _, zoe = await call("zoe")
    zoe.rewrite = lacking("VP9")
    await call("yan")
    alice, wire = await call("alice")
    wire.rewrite = with_backup

    async with showing(alice, Colour.RED, codec=VP9):
        update = await wire.until("subscribed_quality_update", lambda update: len(update.subscribed_codecs) == 2)

    assert set(wanted(update)) == {"vp8", "vp9"}
    assert all(any(qualities) for qualities in wanted(update).values())


async def test_who_can_decode_neither_is_told_so(call: Call) -> None:
    _, zoe = await call("zoe")
    zoe.rewrite = lacking("VP9", "VP8")
    alice, wire = await call("alice")
    wire.rewrite = with_backup

    async with showing(alice, Colour.RED, codec=VP9) as published:
        response = await zoe.until("subscription_response")

    assert (response.track_sid, response.err) == (published.sid, models.SubscriptionError.SE_CODEC_UNSUPPORTED)


@pytest.mark.slow
async def test_primary_codec_that_nobody_can_decode_is_not_wanted_after_ten_seconds(call: Call) -> None:
    _, zoe = await call("zoe")
    zoe.rewrite = lacking("VP9")
    alice, wire = await call("alice")
    wire.rewrite = with_backup

    async with showing(alice, Colour.RED, codec=VP9):
        await wire.until("subscribed_quality_update", lambda update: any(wanted(update).get("vp8", [])))
        update = await wire.until("subscribed_quality_update", lambda update: "vp9" in wanted(update), within=20)

    assert wanted(update) == {"vp9": [False] * 3, "vp8": [True, False, False]}
