"""The server API by LiveKit's SDKs for other languages: every method of their RoomServiceClient once."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from livekit import rtc
from wiretap import Call

from media import playing_tone
from servers import MediaServer

_HERE = Path(__file__).parent
_BROWSER = _HERE.parent / "browser"
_PROGRAMS: dict[str, tuple[Path, list[str]]] = {
    "npm": (_BROWSER, ["node", "--import", "tsx", "server-api.ts"]),
    "go": (_HERE / "go", ["go", "run", "."]),
}


async def answers_of(sdk: str, *arguments: str) -> dict[str, Any]:
    """Method → what the SDK returned, or the code of the error that it raised."""
    folder, (program, *options) = _PROGRAMS[sdk]
    path = shutil.which(program)
    assert path, f"{program} is needed for this test"
    process = await asyncio.create_subprocess_exec(
        path, *options, *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return dict(json.loads(line) for line in output.splitlines())


@pytest.mark.parametrize("sdk", _PROGRAMS)
async def test_every_method(
    server: MediaServer, call: Call, room: str, sdk: str, request: pytest.FixtureRequest
) -> None:
    alice, _ = await call("alice")
    bob, _ = await call("bob")
    async with playing_tone(alice, 440) as published:
        assert isinstance(published, rtc.LocalTrackPublication)
        await bob.event("track_subscribed")
        answers = await answers_of(
            sdk, server.http_url, server.api_key, server.api_secret, room, "alice", published.sid
        )
        # livekit-server closes the connections of whom it removes beside telling it so. A client that hears of that
        # first, as on a busy machine, comes back before it hears why.
        may_come_back = request.node.callspec.params["server"] == "livekit-server"
        heard = ("disconnected", "reconnecting") if may_come_back else ("disconnected",)
        left = await alice.until(lambda: [args for name, args in alice.events if name in heard], "a removal")
    answers["ListParticipants"].sort()
    assert answers == {
        "CreateRoom": [f"{room}-made", 61, 3, "m", "RM_"],
        "ListRooms": [[f"{room}-made", 0]],
        "ListParticipants": ["alice", "bob"],
        "GetParticipant": ["alice", "ACTIVE", 1],
        "UpdateRoomMetadata": "agenda",
        "UpdateParticipant": ["Alice", {"hand": "up"}],
        "MutePublishedTrack": True,
        "Unmute": "failed_precondition",
        "UpdateSubscriptions": None,
        "SendData": None,
        "ForwardParticipant": "unknown",
        "MoveParticipant": "unknown",
        "Nobody": "not_found",
        "RemoveParticipant": None,
        "DeleteRoom": None,
        "DeleteAgain": "not_found",
    }
    assert left[0] == (() if alice.all("reconnecting") else (rtc.DisconnectReason.PARTICIPANT_REMOVED,))
    assert [packet.data for (packet,) in bob.all("data_received")] == [b"hi"]
