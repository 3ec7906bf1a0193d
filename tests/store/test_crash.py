"""A real server that is killed: what had ended is there, what was open is closed truthfully by the next one."""

import itertools
import signal
import time

import pytest
from livekit import rtc
from store_api import TOKEN, Rows, history_of, until

from ports import port
from servers import MediaServer, visavis_server

_ports = itertools.count(port(700), 5)


async def ended(server: MediaServer, identity: str) -> dict[str, object]:
    """Waits until it is written that somebody left."""

    def who(rows: Rows) -> Rows:
        return [row for row in rows if row["identity"] == identity and row["endedAt"] and row["bytesIn"] is not None]

    return who(await until(server, "sessions", lambda rows: bool(who(rows))))[0]


@pytest.mark.parametrize("killed", [True, False], ids=["kill -9", "SIGTERM"])
async def test_the_next_server_tells_the_truth_about_the_last_one(url: str, killed: bool) -> None:
    before = time.time() * 1000
    with visavis_server(next(_ports), database_url=url, admin_token=TOKEN) as server:
        stays, leaves = rtc.Room(), rtc.Room()
        await stays.connect(server.url, server.token("stays", "atrium"))
        await leaves.connect(server.url, server.token("leaves", "atrium"))
        source = rtc.AudioSource(48_000, 1)
        await stays.local_participant.publish_track(rtc.LocalAudioTrack.create_audio_track("mic", source))
        await leaves.disconnect()
        finished = await ended(server, "leaves")
        process = server.process
        assert process is not None
        process.send_signal(signal.SIGKILL if killed else signal.SIGTERM)
        process.wait(10)
    await stays.disconnect()
    after = time.time() * 1000

    with visavis_server(next(_ports), database_url=url, admin_token=TOKEN) as server:
        sessions = {row["identity"]: row for row in await history_of(server, "sessions")}
        [room], [track] = await history_of(server, "rooms"), await history_of(server, "tracks")
    assert sessions["leaves"] == finished
    assert (finished["endReason"], isinstance(finished["bytesIn"], int)) == ("client_initiated", True)
    cut_off = sessions["stays"]
    assert cut_off["endReason"] == ("server_stopped" if killed else "server_shutdown")
    assert room["endReason"] == ("server_stopped" if killed else "server_shutdown")
    assert track["endReason"] == ("server_stopped" if killed else "participant_left")
    for row in (cut_off, room, track):
        assert before - 1000 <= row["startedAt"] <= row["endedAt"] <= after
    if not killed:
        assert cut_off["bytesIn"] > 0, "what came of it until the end is known"
