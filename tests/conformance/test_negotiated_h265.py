"""H265 among the codecs: how it is enabled, answered and offered."""

import pytest
from livekit.protocol import rtc as signal
from offers import DATA, VIDEO, sections_of
from participant import Participant
from test_negotiated import negotiated

H265 = "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST"
WITH_H265 = VIDEO.replace(" 96 97 98 99", " 96 97 98 99 116 117") + (
    "a=rtpmap:116 H265/90000\n"
    "a=rtcp-fb:116 transport-cc\n"
    "a=rtcp-fb:116 ccm fir\n"
    "a=rtcp-fb:116 nack\n"
    "a=rtcp-fb:116 nack pli\n"
    "a=fmtp:116 {h265}\n"
    "a=rtpmap:117 rtx/90000\n"
    "a=fmtp:117 apt=116\n"
)


async def test_h265_is_enabled(alice: Participant) -> None:
    told = alice.joined

    assert "video/H265" in {codec.mime for codec in told.room.enabled_codecs}
    assert "video/H265" in {codec.mime for codec in told.enabled_publish_codecs}


@pytest.mark.parametrize("formats", [H265, "profile-id=1"], ids=["as-browsers", "as-pion"])
async def test_h265_is_the_first_if_it_is_wanted(alice: Participant, formats: str) -> None:
    track = await alice.add_track("cid-1", simulcast_codecs=[signal.SimulcastCodec(codec="h265", cid="cid-1")])

    video = sections_of((await negotiated(alice, DATA, WITH_H265.replace("{h265}", formats))).sdp)[1]

    assert track.codecs[0].mime_type.lower() == "video/h265"
    assert video[0].split()[3] == "116"
    assert "a=rtpmap:116 H265/90000" in video
    assert {"a=rtcp-fb:116 nack", "a=rtcp-fb:116 nack pli", "a=rtcp-fb:116 transport-cc"} <= set(video)
    assert {"a=rtpmap:117 rtx/90000", "a=fmtp:117 apt=116"} <= set(video)


async def test_h265_is_not_the_first_if_it_is_merely_offered(alice: Participant) -> None:
    await alice.add_track("cid-1", simulcast_codecs=[signal.SimulcastCodec(codec="vp8", cid="cid-1")])

    video = sections_of((await negotiated(alice, DATA, WITH_H265.replace("{h265}", H265))).sdp)[1]

    assert video[0].split()[3] == "96"
