"""Rooms that say how receivers play what they get: how long they hold pictures back, and what they play in sync."""

import pytest
from livekit import api
from livekit.protocol import room as rooms
from offers import sections_of
from wiretap import Call

from media import Colour, playing_tone, showing
from servers import MediaServer

URI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
CASES = {
    "nothing": ({}, False, False),
    "shortest": ({"min_playout_delay": 100}, True, False),
    "longest": ({"max_playout_delay": 2000}, True, False),
    "in-sync": ({"sync_streams": True}, False, True),
    "all": ({"min_playout_delay": 100, "max_playout_delay": 2000, "sync_streams": True}, True, True),
}


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
@pytest.mark.parametrize(("options", "has_delay", "in_sync"), CASES.values(), ids=CASES)
async def test_receivers_are_told_how_to_play(
    server: MediaServer, room: str, call: Call, options: dict[str, int], has_delay: bool, in_sync: bool
) -> None:
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as moderator:
        await moderator.room.create_room(rooms.CreateRoomRequest(name=room, **options))
    alice, _ = await call("alice")
    _, bob = await call("bob")

    async with playing_tone(alice, 440) as sound, showing(alice, Colour.RED) as picture:
        both = [sound.sid, picture.sid]
        described = await bob.described(lambda description: all(sid in description.sdp for sid in both))

    audio, video = (section(described.sdp, sid) for sid in both)
    assert any(URI in line for line in video) is has_delay
    names = [stream_of(lines) for lines in (audio, video)]
    sid = alice.me.sid
    assert names == ([f"{sid}|camera"] * 2 if in_sync else [f"{sid}|{track}" for track in both])


def section(sdp: str, track: str) -> list[str]:
    """The lines of the section that carries this track."""
    carried = [lines for lines in sections_of(sdp) if any(line.endswith(f" {track}") for line in lines)]
    assert len(carried) == 1
    return carried[0]


def stream_of(lines: list[str]) -> str:
    """The stream that a section names."""
    (line,) = [line for line in lines if line.startswith("a=msid:")]
    return line.removeprefix("a=msid:").split()[0]
