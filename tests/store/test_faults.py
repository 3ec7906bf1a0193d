"""Databases that do not do as they are told: what is said, and that nothing is lost."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import happening
import pytest
from happening import MakeRecorder
from livekit import rtc
from slow_link import SlowLink
from store_api import TOKEN, history_of, until
from structlog.testing import capture_logs

from databases import Postgres, postgres
from ports import port
from servers import visavis_server
from visavis.store.database import Database
from visavis.store.faults import DatabaseFault, FaultKind
from visavis.store.found import HistoryFilter

# Processes start, which a busy machine takes its time for.
pytestmark = pytest.mark.timeout(400)

ALL = HistoryFilter()


@pytest.fixture
def own_cluster() -> Iterator[Postgres]:
    """PostgreSQL for one test, which may stop it."""
    with postgres(port(990)) as cluster:
        yield cluster


def serve(url: str) -> "subprocess.CompletedProcess[str]":
    """Starts a server that is to refuse."""
    secret = "a secret of the tests, 32 bytes or more"
    settings = {"DATABASE_URL": url, "API_KEY": "mykey", "API_SECRET": secret, "BEHIND_PROXY": "127.0.0.1"}
    ports = ["--port", port(960), "--tcp-port", port(961), "--udp-port", port(962)]
    return subprocess.run(
        [sys.executable, "-m", "visavis", "serve", *map(str, ports)],
        env=os.environ | {f"VISAVIS_{name}": value for name, value in settings.items()},
        capture_output=True,
        text=True,
        timeout=120,
    )


async def test_a_server_refuses_to_start_with_what_nobody_but_a_person_can_mend(
    cluster: Postgres, tmp_path: Path
) -> None:
    newer = await cluster.make_database()
    await cluster.execute("CREATE TABLE alembic_version (version_num text)", url=newer)
    await cluster.execute("INSERT INTO alembic_version VALUES ('9999')", url=newer)
    await cluster.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    (tmp_path / "letter.txt").write_text("Dear database, " * 100)
    refused = {
        cluster.url(password="wrong"): "lets 'visavis' in neither with this password nor without one",
        cluster.url("nothing_here"): "has no database 'nothing_here': make it",
        cluster.url(name_of(newer), user="stranger", password="stranger"): "make 'stranger' the owner of",
        newer: "was made by a newer version of Visavis (its schema is 9999",
        f"sqlite:///{tmp_path / 'letter.txt'}": "the file is no SQLite database",
    }
    for url, says in refused.items():
        done = await asyncio.to_thread(serve, url)
        assert done.returncode == 2, (url, done.stderr)
        assert "database_url" in done.stderr
        assert says in done.stderr.replace("\n", " "), done.stderr
        assert "Traceback" not in done.stderr
        assert "a password of the tests" not in done.stderr


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


async def test_a_server_whose_database_does_not_answer_serves_and_writes_what_happened_when_it_does(
    own_cluster: Postgres,
) -> None:
    url = await own_cluster.make_database()
    own_cluster.stop()
    with visavis_server(port(770), database_url=url, admin_token=TOKEN) as server:
        room = rtc.Room()
        await room.connect(server.url, server.token("alice", "atrium"))
        await room.disconnect()
        own_cluster.start()
        [session] = await until(server, "sessions", lambda rows: any(row["endedAt"] for row in rows))
        assert (session["identity"], session["endReason"]) == ("alice", "client_initiated")


async def test_postgresql_that_is_gone_for_ten_seconds_costs_nobody_a_call_and_nothing_of_the_history(
    own_cluster: Postgres,
) -> None:
    url = await own_cluster.make_database()
    with visavis_server(port(775), database_url=url, admin_token=TOKEN) as server:
        stays = rtc.Room()
        lost: list[object] = []
        stays.on("disconnected", lost.append)
        stays.on("reconnecting", lambda: lost.append("reconnecting"))
        await stays.connect(server.url, server.token("stays", "atrium"))
        await until(server, "sessions", lambda rows: len(rows) == 1)
        own_cluster.stop()
        gone = time.monotonic()
        for number in range(10):
            guest = rtc.Room()
            await guest.connect(server.url, server.token(f"guest {number}", "atrium"))
            await guest.disconnect()
            await asyncio.sleep(max(0.0, gone + number + 1 - time.monotonic()))
        own_cluster.start()
        rows = await until(server, "sessions", lambda rows: sum(bool(row["endedAt"]) for row in rows) == 10, within=40)
        assert {row["identity"]: row["endReason"] for row in rows} == {
            "stays": None,
            **{f"guest {number}": "client_initiated" for number in range(10)},
        }
        assert lost == []
        [room] = await history_of(server, "rooms")
        assert room["endedAt"] is None
        await stays.disconnect()


async def test_a_full_disk_of_postgresql_is_waited_for(
    make_recorder: MakeRecorder, postgres_url: str, cluster: Postgres
) -> None:
    recorder, history = await make_recorder(postgres_url)
    await recorder.flushed()
    # PostgreSQL's own code and words, said by a trigger: everybody's disk cannot be filled.
    raises = "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'"
    await cluster.execute(
        f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raises}; END $$", url=postgres_url
    )
    await cluster.execute(
        "CREATE TRIGGER full_disk BEFORE INSERT ON sessions EXECUTE FUNCTION full_disk()", url=postgres_url
    )
    with capture_logs() as logs:
        for number in range(50):
            recorder.happened(happening.participant("participant_joined", f"PA_{number}", f"p{number}"))
        async with asyncio.timeout(20):
            while recorder._failures < 3:  # noqa: ASYNC110 - the other side tells nobody
                await asyncio.sleep(0.01)
        await cluster.execute("DROP TRIGGER full_disk ON sessions", url=postgres_url)
        await recorder.flushed()
    assert (await history.sessions(ALL, limit=10)).total == 50
    assert [line["event"] for line in logs] == ["history_write_failed", "history_written_again"]
    assert "No space left" in logs[0]["reason"]


async def test_a_deadlock_is_done_again_without_a_word(
    make_recorder: MakeRecorder, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, history = await make_recorder(postgres_url)
    await recorder.flushed()
    original, conflicts = recorder._write, iter([DatabaseFault(FaultKind.CONFLICT, "deadlock detected")] * 3)

    async def write(changes: list[object]) -> None:
        for conflict in conflicts:
            raise conflict
        await original(changes)  # type: ignore[arg-type]

    monkeypatch.setattr(recorder, "_write", write)
    with capture_logs() as logs:
        recorder.happened(happening.participant("participant_joined"))
        await recorder.flushed()
    assert (await history.sessions(ALL, limit=10)).total == 1
    assert logs == []


async def test_a_database_that_hangs_is_told_as_one_that_does_not_answer(
    postgres_url: str, cluster: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visavis.store.database._CONNECT_SECONDS", 0.3)
    async with SlowLink(cluster.port).open() as link:
        link.hang()
        database = Database(cluster.url(name_of(postgres_url), at=link.port))
        with pytest.raises(DatabaseFault) as fault:
            async with database.connect():
                pass
        await database.aclose()
    assert fault.value.kind is FaultKind.UNAVAILABLE
    assert f"no answer from PostgreSQL at 127.0.0.1:{link.port}" in fault.value.reason
