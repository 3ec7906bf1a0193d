"""The formats of audio: what the answer to a publisher's offer says, and what others are told of the track."""

import re
from typing import Any

import pytest
from livekit import rtc
from livekit.protocol import models
from offers import AUDIO, DATA, VIDEO, format_of, sections_of
from participant import Join, Participant
from test_negotiated import negotiated
from test_published import sends
from wiretap import Call

from media import pitch, pitches, playing_tone

SCREEN_AUDIO = rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO
WITH_RED = AUDIO.replace(" 111 0", " 111 63 0").replace(
    "a=rtpmap:0 ", "a=rtpmap:63 red/48000/2\na=fmtp:63 111/111\na=rtpmap:0 "
)


def payload_types(section: list[str]) -> list[str]:
    """Those of a section, in order of preference."""
    return section[0].split()[3:]


async def test_redundant_audio_comes_first(alice: Participant) -> None:
    await alice.add_track("cid-1", "audio")

    audio = sections_of((await negotiated(alice, DATA, WITH_RED)).sdp)[1]

    assert payload_types(audio)[:2] == ["63", "111"]
    assert "a=rtpmap:63 red/48000/2" in audio
    assert "a=fmtp:63 111/111" in audio


async def test_redundant_audio_can_be_done_without(alice: Participant) -> None:
    await alice.add_track("cid-1", "audio", disable_red=True)

    audio = sections_of((await negotiated(alice, DATA, WITH_RED)).sdp)[1]

    assert payload_types(audio)[0] == "111"


async def test_redundant_audio_is_not_forced_on_who_does_not_offer_it(alice: Participant) -> None:
    await alice.add_track("cid-1", "audio")

    audio = sections_of((await negotiated(alice, DATA, AUDIO)).sdp)[1]

    assert payload_types(audio)[0] == "111"
    assert "63" not in payload_types(audio)


async def test_telephones_sound_is_taken_from_who_has_no_other(alice: Participant) -> None:
    await alice.add_track("cid-1", "audio")
    telephone = (
        re.sub("a=.*:111 .*\n", "", AUDIO)
        .replace(" 111 0", " 0 8")
        .replace("a=rtpmap:0 ", "a=rtpmap:8 PCMA/8000\na=rtpmap:0 ")
    )

    audio = sections_of((await negotiated(alice, DATA, telephone)).sdp)[1]

    assert payload_types(audio)[0] == "0"
    assert "a=rtpmap:0 PCMU/8000" in audio
    assert "a=recvonly" in audio


async def test_each_section_has_its_own_choice(alice: Participant) -> None:
    await alice.add_track("cid-1", "audio")
    await alice.add_track("cid-2", "audio", disable_red=True, source=models.TrackSource.SCREEN_SHARE_AUDIO)

    sections = sections_of((await negotiated(alice, DATA, WITH_RED, WITH_RED)).sdp)

    assert [payload_types(section)[0] for section in sections[1:]] == ["63", "111"]


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
@pytest.mark.parametrize(("red", "mime"), [(True, "audio/red"), (False, "audio/opus")])
async def test_redundant_audio_is_told_and_heard(call: Call, join: Join, red: bool, mime: str) -> None:
    alice, _ = await call("alice")
    bob, _ = await call("bob")
    witness = await join("witness")

    async with playing_tone(alice, 440, red=red):
        info = await witness.update_about("alice", sends(1))
        sound = await bob.track_of(alice, rtc.TrackSource.SOURCE_MICROPHONE)
        assert await pitch(sound) == pytest.approx(440, abs=4)

    (track,) = info.tracks
    assert (track.mime_type, track.codecs[0].mime_type) == (mime, mime)
    assert track.disable_red is not red


async def test_speakers_are_told_of_redundant_audio(call: Call) -> None:
    alice, _ = await call("alice")
    _, wire = await call("bob")

    async with playing_tone(alice, 440):
        changed = await wire.until("speakers_changed", lambda changed: any(each.active for each in changed.speakers))

    assert [speaker.sid for speaker in changed.speakers] == [alice.me.sid]


OPTIONS = {
    "plain": ({}, {"usedtx=1"}),
    "no-dtx": ({"disable_dtx": True}, set[str]()),
    "stereo": ({"stereo": True}, {"usedtx=1", "stereo=1", "maxaveragebitrate=510000"}),
    "both": ({"stereo": True, "disable_dtx": True}, {"stereo=1", "maxaveragebitrate=510000"}),
    "by-features": (
        {"audio_features": [models.AudioTrackFeature.TF_STEREO, models.AudioTrackFeature.TF_NO_DTX]},
        {"stereo=1", "maxaveragebitrate=510000"},
    ),
}
ALWAYS = {"minptime=10", "useinbandfec=1"}


@pytest.mark.parametrize("section", [AUDIO, WITH_RED], ids=["opus", "red"])
@pytest.mark.parametrize(("options", "formats"), OPTIONS.values(), ids=OPTIONS)
async def test_silence_and_channels_are_in_the_answer(
    alice: Participant, options: dict[str, Any], formats: set[str], section: str
) -> None:
    await alice.add_track("cid-1", "audio", **options)

    audio = sections_of((await negotiated(alice, DATA, section)).sdp)[1]

    assert format_of(audio) == ALWAYS | formats


async def test_silence_and_channels_stay_in_later_answers(alice: Participant) -> None:
    await alice.add_track("cid-1", "audio", stereo=True)
    first = await negotiated(alice, DATA, AUDIO, id=1)

    second = await negotiated(alice, DATA, AUDIO, VIDEO, id=2)

    assert format_of(sections_of(first.sdp)[1]) == format_of(sections_of(second.sdp)[1])


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
@pytest.mark.parametrize("stereo", [True, False])
async def test_receivers_are_told_of_two_channels(call: Call, stereo: bool) -> None:
    alice, wire = await call("alice")
    _, bob = await call("bob")
    wire.announcement = {"stereo": stereo}

    async with playing_tone(alice, 440, channels=2) as published:
        described = await bob.described(lambda description: published.sid in description.sdp)

    (section,) = [lines for lines in sections_of(described.sdp) if any(published.sid in line for line in lines)]
    assert ("sprop-stereo=1" in format_of(section)) is stereo


# With two connections this client makes one of them; so the browsers' tests hear them there.
@pytest.mark.parametrize("path", ["/rtc/v1"])
async def test_two_channels_are_heard_apart(call: Call) -> None:
    alice, wire = await call("alice")
    bob, _ = await call("bob")
    wire.announcement = {"stereo": True, "disable_red": True}

    async with playing_tone(alice, 440, red=False, channels=2, source=SCREEN_AUDIO):
        sound = await bob.track_of(alice, SCREEN_AUDIO)
        heard = await pitches(sound)

    assert heard == [pytest.approx(440, abs=4), pytest.approx(660, abs=4)]
