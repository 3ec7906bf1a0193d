"""The answer to a publisher's offer."""

import pytest
from livekit.protocol import models
from livekit.protocol import rtc as signal
from offers import AUDIO, DATA, SIMULCAST, VIDEO, offer_of, sections_of
from participant import Join, Participant, kinds

TRANSPORT_WIDE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


async def negotiated(participant: Participant, *sections: str, id: int = 1) -> signal.SessionDescription:
    """Offers, and returns the answer."""
    await participant.send(offer=signal.SessionDescription(type="offer", sdp=offer_of(*sections), id=id))
    return await participant.until("answer")


async def test_answer_has_the_number_of_the_offer(alice: Participant) -> None:
    answer = await negotiated(alice, DATA, id=37)

    assert (answer.type, answer.id) == ("answer", 37)


async def test_answer_has_the_sections_of_the_offer(alice: Participant) -> None:
    await alice.add_track("cid-1", "audio")
    await alice.add_track("cid-2")

    answer = await negotiated(alice, DATA, AUDIO, VIDEO)

    sections = sections_of(answer.sdp)
    assert [lines[0].split()[0] for lines in sections] == ["m=application", "m=audio", "m=video"]
    assert [next(line for line in lines if line.startswith("a=mid:")) for lines in sections] == [
        "a=mid:0",
        "a=mid:1",
        "a=mid:2",
    ]
    assert "a=group:BUNDLE 0 1 2" in answer.sdp
    assert all(int(lines[0].split()[1]) > 0 for lines in sections), "a port of 0 refuses a section"


async def test_answer_says_how_to_connect(alice: Participant) -> None:
    answer = await negotiated(alice, DATA)

    assert "a=ice-ufrag:" in answer.sdp
    assert "a=ice-pwd:" in answer.sdp
    assert "a=fingerprint:sha-256 " in answer.sdp
    assert "a=setup:active" in answer.sdp or "a=setup:passive" in answer.sdp
    assert "a=setup:actpass" not in answer.sdp


async def test_audio_is_received_as_opus(alice: Participant) -> None:
    await alice.add_track("cid-1", "audio")

    audio = sections_of((await negotiated(alice, DATA, AUDIO)).sdp)[1]

    assert "a=recvonly" in audio
    assert "a=rtcp-mux" in audio
    assert audio[0].split()[3] == "111"
    assert any(line.lower().startswith("a=rtpmap:111 opus/48000/2") for line in audio)
    assert any(line.startswith("a=fmtp:111 ") and "useinbandfec=1" in line for line in audio)
    assert any("ssrc-audio-level" in line for line in audio)


async def test_video_is_received_with_feedback(alice: Participant) -> None:
    await alice.add_track("cid-1")

    video = sections_of((await negotiated(alice, DATA, VIDEO)).sdp)[1]

    assert "a=recvonly" in video
    assert "a=rtpmap:96 VP8/90000" in video
    assert "a=rtpmap:97 rtx/90000" in video
    assert {"a=rtcp-fb:96 nack", "a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 transport-cc"} <= set(video)
    assert any(line.startswith("a=extmap:3 ") for line in video), "the numbers are those of the offer"


async def test_answer_repeats_the_bitrate_that_a_client_wants_to_begin_with(alice: Participant) -> None:
    """libwebrtc reads it in the answer alone."""
    await alice.add_track("cid-1")
    begin = "a=fmtp:96 x-google-start-bitrate=900"
    hinted = VIDEO.replace("a=rtpmap:96 VP8/90000", f"a=rtpmap:96 VP8/90000\n{begin}")
    assert hinted != VIDEO

    video = sections_of((await negotiated(alice, DATA, hinted)).sdp)[1]

    assert begin in video


async def test_sound_is_received_without_transport_feedback(alice: Participant) -> None:
    await alice.add_track("cid-1", "audio")
    numbered = AUDIO.replace("a=sendonly", f"a=extmap:3 {TRANSPORT_WIDE}\na=sendonly")

    audio = sections_of((await negotiated(alice, DATA, numbered, VIDEO)).sdp)[1]

    assert not any(TRANSPORT_WIDE in line or line.endswith("transport-cc") for line in audio)


async def test_simulcast_is_accepted(alice: Participant) -> None:
    layers = [models.VideoLayer(quality=quality, width=320 << quality, height=180 << quality) for quality in (0, 1, 2)]
    await alice.add_track("cid-1", layers=layers)

    video = sections_of((await negotiated(alice, DATA, VIDEO + SIMULCAST)).sdp)[1]

    assert {"a=rid:q recv", "a=rid:h recv", "a=rid:f recv"} <= set(video)
    (simulcast,) = [line for line in video if line.startswith("a=simulcast:recv ")]
    assert set(simulcast.split()[1].split(";")) == {"q", "h", "f"}


async def test_wanted_codec_is_the_first(alice: Participant) -> None:
    await alice.add_track("cid-1", simulcast_codecs=[signal.SimulcastCodec(codec="h264", cid="cid-1")])

    video = sections_of((await negotiated(alice, DATA, VIDEO)).sdp)[1]

    assert video[0].split()[3] == "98"


async def test_offer_may_come_before_the_announcement(alice: Participant) -> None:
    answer = await negotiated(alice, DATA, AUDIO)

    assert len(sections_of(answer.sdp)) == 2
    assert (await alice.add_track("cid-1", "audio")).sid


async def test_second_offer_adds_a_section(alice: Participant) -> None:
    await negotiated(alice, DATA, id=1)
    await alice.add_track("cid-1")

    answer = await negotiated(alice, DATA, VIDEO, id=2)

    assert answer.id == 2
    assert len(sections_of(answer.sdp)) == 2


async def test_same_transport_in_every_answer(alice: Participant) -> None:
    first = await negotiated(alice, DATA, id=1)
    second = await negotiated(alice, DATA, VIDEO, id=2)

    def transport(sdp: str) -> set[str]:
        return {line for line in sdp.splitlines() if line.startswith(("a=ice-ufrag", "a=ice-pwd", "a=fingerprint"))}

    assert transport(first.sdp) == transport(second.sdp)


@pytest.mark.parametrize("media", [AUDIO, VIDEO])
async def test_who_may_not_publish_is_answered_too(join: Join, media: str) -> None:
    alice = await join("alice", can_publish=False)

    answer = await negotiated(alice, DATA, media)

    assert len(sections_of(answer.sdp)) == 2
    assert "leave" not in kinds(await alice.sync())
