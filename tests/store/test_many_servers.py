"""Several servers with one history: each answers for its own, and what two tell counts once."""

import asyncio
import os
import random
import signal
import subprocess
import sys

import happening
import pytest
from happening import MakeRecorder, Sql
from livekit import rtc
from livekit.protocol import models
from store_api import TOKEN, history_of, until

from ports import port
from servers import visavis_server
from visavis.store import leases
from visavis.store.found import HistoryFilter

# Processes start, which a busy machine takes its time for.
pytestmark = pytest.mark.timeout(400)

ALL = HistoryFilter()


async def test_what_two_servers_tell_at_once_counts_once(make_recorder: MakeRecorder, url: str) -> None:
    told = [happening.room("room_started")]
    for number in range(300):
        sid, identity = f"PA_{number}", f"p{number}"
        told.append(happening.participant("participant_joined", sid, identity))
        told.append(happening.track("track_published", f"TR_{number}", sid))
        told.append(happening.participant("participant_left", sid, identity, reason=models.CLIENT_INITIATED))
    recorders = [await make_recorder(url) for _ in range(2)]
    for seed, (recorder, _) in enumerate(recorders):
        for event in random.Random(seed).sample(told, len(told)):
            recorder.happened(event)
    await asyncio.gather(*(recorder.flushed() for recorder, _ in recorders))
    history = recorders[0][1]
    sessions = [row async for row in history.all("sessions", ALL)]
    tracks = [row async for row in history.all("tracks", ALL)]
    assert ((await history.rooms(ALL, limit=10)).total, len(sessions), len(tracks)) == (1, 300, 300)
    assert {row["end_reason"] for row in sessions} == {"client_initiated"}
    assert all(row["ended_at"] for row in (*sessions, *tracks))


async def test_a_server_that_was_cut_off_opens_again_what_was_closed_in_its_absence(
    make_recorder: MakeRecorder, url: str, sql: Sql
) -> None:
    cut_off, history = await make_recorder(url)
    cut_off.happened(happening.participant("participant_joined", "PA_stays", "olga"))
    cut_off.happened(happening.participant("participant_joined", "PA_leaves", "leo"))
    await cut_off.flushed()
    happening.take_elsewhere(cut_off)
    await sql("UPDATE servers SET place = 'another', lease_until = 1")
    other, _ = await make_recorder(url, keep_days=0)
    await other.flushed()
    assert {row["end_reason"] for row in (await history.sessions(ALL, limit=10)).rows} == {"server_stopped"}

    cut_off.happened(happening.participant("participant_left", "PA_leaves", "leo", reason=models.CLIENT_INITIATED))
    await cut_off.flushed()
    sessions = {row["identity"]: row["end_reason"] for row in (await history.sessions(ALL, limit=10)).rows}
    assert sessions == {"olga": None, "leo": "client_initiated"}


async def test_a_server_of_the_version_before_has_no_lease_and_lives_while_it_says_so(
    make_recorder: MakeRecorder, url: str, sql: Sql
) -> None:
    before, history = await make_recorder(url)
    before.happened(happening.room("room_started"))
    await before.flushed()
    happening.take_elsewhere(before)
    await sql("UPDATE servers SET place = '', born = '', lease_until = NULL")
    after, _ = await make_recorder(url)
    await after.flushed()
    [room] = (await history.rooms(ALL, limit=10)).rows
    assert room["ended_at"] is None


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_server_that_is_killed_ends_its_own_sessions_and_nobody_elses(url: str) -> None:
    options = {"database_url": url, "admin_token": TOKEN}
    with (
        visavis_server(port(730), **options) as dies,
        visavis_server(port(735), **options) as lives,
    ):
        there, here = rtc.Room(), rtc.Room()
        await there.connect(dies.url, dies.token("there", "atrium"))
        await here.connect(lives.url, lives.token("here", "atrium"))
        await until(lives, "sessions", lambda rows: len(rows) == 2)
        assert dies.process is not None
        dies.process.send_signal(signal.SIGKILL)
        dies.process.wait(10)
        with visavis_server(port(740), **options) as starts:
            sessions = {row["identity"]: row["endReason"] for row in await history_of(starts, "sessions")}
            rooms = sorted(str(row["endReason"]) for row in await history_of(lives, "rooms"))
        assert sessions == {"there": "server_stopped", "here": None}
        assert rooms == ["None", "server_stopped"]
        await here.disconnect()
        await until(lives, "sessions", lambda rows: all(row["endedAt"] for row in rows))
        sessions = {row["identity"]: row["endReason"] for row in await history_of(lives, "sessions")}
        assert sessions == {"there": "server_stopped", "here": "client_initiated"}
    await there.disconnect()


def test_a_process_is_known_to_live_by_its_number_and_its_birth() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        born = leases._born(process.pid)
        assert born
        assert leases._lives(process.pid, born)
        # Another one had the number before.
        assert not leases._lives(process.pid, "1")
        process.kill()
        # It has ended, and nobody has asked how.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not leases._lives(process.pid, born)
        process.wait()
        assert not leases._lives(process.pid, born)


def test_a_process_that_hides_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_born", lambda _: None)
    assert leases._lives(os.getpid(), "1")
