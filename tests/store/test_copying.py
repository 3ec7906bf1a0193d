"""A history moves between databases: while servers write, in pieces, back and forth."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import happening
import pytest
from happening import MakeRecorder
from livekit import rtc
from livekit.protocol import models
from store_api import TOKEN, history_of, until

from databases import Postgres
from ports import port
from servers import visavis_server
from visavis.errors import VisavisError
from visavis.store import copying
from visavis.store.copying import Portion, copy, missing
from visavis.store.database import Database
from visavis.store.found import KINDS, HistoryFilter
from visavis.store.history import History

# Processes start, which a busy machine takes its time for.
pytestmark = pytest.mark.timeout(400)

ALL = HistoryFilter()


async def rows_of(history: History) -> dict[str, list[dict[str, object]]]:
    return {kind: [dict(row) async for row in history.all(kind, ALL)] for kind in KINDS}


def copy_by_command(source: str, target: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "visavis", "database", "copy", "--from", source]
    return subprocess.run(
        command, env=os.environ | {"VISAVIS_DATABASE_URL": target}, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(params=["sqlite to postgresql", "postgresql to sqlite"])
def urls(request: pytest.FixtureRequest, sqlite_url: str, postgres_url: str) -> tuple[str, str]:
    return (sqlite_url, postgres_url) if request.param.startswith("sqlite") else (postgres_url, sqlite_url)


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "PORTION", 7)


async def test_all_of_it_arrives_as_it_was_and_a_second_time_nothing_is_written(
    make_recorder: MakeRecorder, urls: tuple[str, str]
) -> None:
    recorder, history = await make_recorder(urls[0])
    for number in range(20):
        sid = f"PA_{number}"
        recorder.happened(happening.participant("participant_joined", sid, f"p{number}", "Ünal 💥"))
        recorder.happened(happening.track("track_published", f"TR_{number}", sid))
        if number % 2:
            recorder.happened(happening.participant("participant_left", sid, f"p{number}", "Ünal 💥"))
    recorder.happened(happening.room("room_started"))
    await recorder.flushed()
    source, target = Database(urls[0]), Database(urls[1])
    told: list[Portion] = []
    done = await copy(source, target, told.append)
    assert [(each.table, each.read, each.written) for each in done] == [
        ("rooms", 1, 1),
        ("sessions", 20, 20),
        ("tracks", 20, 20),
    ]
    assert [each.read for each in told if each.table == "tracks"] == [0, 7, 14, 20]
    assert await missing(source, target) == 0
    assert await rows_of(History(target)) == await rows_of(history)
    assert sum(each.written for each in await copy(source, target)) == 0
    await source.aclose()
    await target.aclose()


async def test_a_copy_that_was_cut_off_goes_on_where_it_was(make_recorder: MakeRecorder, urls: tuple[str, str]) -> None:
    recorder, _ = await make_recorder(urls[0])
    for number in range(30):
        recorder.happened(happening.participant("participant_joined", f"PA_{number:02}", f"p{number}"))
    await recorder.flushed()
    source, target = Database(urls[0]), Database(urls[1])

    def cut_off(portion: Portion) -> None:
        if portion.read == 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await copy(source, target, cut_off)
    assert await missing(source, target) == 16
    [_, sessions, _] = await copy(source, target)
    assert (sessions.read, sessions.written) == (30, 16)
    assert await missing(source, target) == 0
    await source.aclose()
    await target.aclose()


async def test_what_is_known_better_in_the_target_stays_and_what_is_known_better_in_the_source_comes(
    make_recorder: MakeRecorder, urls: tuple[str, str]
) -> None:
    recorder, _ = await make_recorder(urls[0])
    for sid in ("PA_a", "PA_b"):
        recorder.happened(happening.participant("participant_joined", sid, sid))
    await recorder.flushed()
    source, target = Database(urls[0]), Database(urls[1])
    await copy(source, target)
    recorder.happened(happening.participant("participant_left", "PA_a", "PA_a", reason=models.CLIENT_INITIATED))
    await recorder.flushed()
    async with target.connect() as connection:
        # A server on the target took it for gone, and ended it; and knows of the other one's end.
        await connection.exec_driver_sql("UPDATE sessions SET ended_at = started_at, end_reason = 'server_stopped'")
        ends = "ended_at = started_at, end_reason = 'participant_removed'"
        await connection.exec_driver_sql(f"UPDATE sessions SET {ends} WHERE sid = 'PA_b'")
    await copy(source, target)
    rows = {row["sid"]: row["end_reason"] for row in (await rows_of(History(target)))["sessions"]}
    assert rows == {"PA_a": "client_initiated", "PA_b": "participant_removed"}
    assert await missing(source, target) == 0
    await source.aclose()
    await target.aclose()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("sqlite:///{tmp}/nothing.sqlite3", "--from: there is no file"),
        ("sqlite:///{tmp}/empty.sqlite3", "--from: there is no history in"),
        ("sqlite://", "is in the memory of one process"),
        ("{target}", "--from and --to are both"),
    ],
)
async def test_what_cannot_be_copied_is_said(postgres_url: str, tmp_path: Path, source: str, says: str) -> None:
    (tmp_path / "empty.sqlite3").touch()
    databases = [Database(source.format(tmp=tmp_path, target=postgres_url)), Database(postgres_url)]
    with pytest.raises(VisavisError) as error:
        await copy(*databases)
    assert says in error.value.message
    assert not (tmp_path / "nothing.sqlite3").exists()
    for database in databases:
        await database.aclose()


async def test_names_that_only_sqlite_takes_are_made_to_fit(sqlite_url: str, postgres_url: str) -> None:
    source, target = Database(sqlite_url), Database(postgres_url)
    await copying.upgrade(source)
    async with source.connect() as connection:
        values = ("TR_long", "RM_a", "PA_a", "video", "camera", "video/" + "x" * 99, "NUL \0", "SV_a", 1)
        columns = "sid, room_sid, session_sid, kind, source, mime_type, name, server_id, started_at"
        await connection.exec_driver_sql(f"INSERT INTO tracks ({columns}) VALUES (?,?,?,?,?,?,?,?,?)", values)
    await copy(source, target)
    [track] = (await History(target).tracks(ALL, limit=10)).rows
    assert (len(track["mime_type"]), track["name"]) == (64, "NUL ")
    assert await missing(source, target) == 0
    await source.aclose()
    await target.aclose()


async def test_a_running_server_moves_to_postgresql_and_back_as_the_documentation_says(
    sqlite_url: str, cluster: Postgres
) -> None:
    there = await cluster.make_database()
    before: list[object] = []
    for step, (source, target) in enumerate([(sqlite_url, there), (there, sqlite_url)]):
        with visavis_server(port(750 + 10 * step), database_url=source, admin_token=TOKEN) as server:
            stays, leaves = rtc.Room(), rtc.Room()
            await stays.connect(server.url, server.token(f"stays {step}", "atrium"))
            await leaves.connect(server.url, server.token(f"leaves {step}", "atrium"))
            await leaves.disconnect()
            await until(
                server, "sessions", lambda rows: all(r["endedAt"] for r in rows if "leaves" in str(r["identity"]))
            )
            # While people talk.
            first = await asyncio.to_thread(copy_by_command, source, target)
            assert "Sessions  " in first.stdout, first.stderr
            assert server.process is not None
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(10) == 0
        await stays.disconnect()
        second = await asyncio.to_thread(copy_by_command, source, target)
        assert second.returncode == 0, second.stderr
        assert "All of it is in" in second.stdout
        assert "a password of the tests" not in second.stdout + second.stderr
        with visavis_server(port(755 + 10 * step), database_url=target, admin_token=TOKEN) as server:
            sessions = {str(row["identity"]): row["endReason"] for row in await history_of(server, "sessions")}
            assert sessions[f"stays {step}"] == "server_shutdown"
            assert sessions[f"leaves {step}"] == "client_initiated"
            assert len(sessions) == 2 * (step + 1)
            assert set(before) <= set(sessions)
            before.extend(sessions)
