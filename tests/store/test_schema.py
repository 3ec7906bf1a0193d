"""Schemas that are older or newer than this version, and servers that start at once."""

import asyncio
import os
import sys
from pathlib import Path

import happening
import pytest
from alembic import command
from alembic.config import Config
from happening import MakeRecorder, Sql
from sqlalchemy import Connection
from structlog.testing import capture_logs

from visavis.errors import VisavisError
from visavis.store import schema
from visavis.store.database import Database
from visavis.store.found import HistoryFilter
from visavis.store.schema import NEWEST, REVISIONS, Upgraded, revision_of, upgrade

# Processes start, which a busy machine takes its time for.
pytestmark = pytest.mark.timeout(400)

ALL = HistoryFilter()


def bring_to(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def make_old(url: str, sql: Sql) -> None:
    """Fills a database as the first version did: a call that ended and one that a crash cut off."""
    database = Database(url)
    await database.make_folder()
    async with database.alone() as connection:
        await connection.run_sync(bring_to, "0001")
    await database.aclose()
    began, seen = happening.STARTED, happening.STARTED + 60_000
    await sql(f"INSERT INTO servers VALUES ('SV_old', 'here', 1, {began}, {seen})")
    columns = "sid, name, server_id, started_at, ended_at, end_reason"
    ended = f"('RM_ended', 'atrium', 'SV_old', {began}, {began + 1000}, 'room_closed')"
    await sql(f"INSERT INTO rooms ({columns}) VALUES {ended}, ('RM_open', 'atrium', 'SV_old', {began}, NULL, NULL)")


@pytest.fixture
async def old(url: str, sql: Sql) -> str:
    await make_old(url, sql)
    return url


async def test_an_older_schema_is_renewed_at_the_start_and_loses_nothing(make_recorder: MakeRecorder, old: str) -> None:
    recorder, history = await make_recorder(old, keep_days=0)
    with capture_logs() as logs:
        recorder.happened(happening.participant("participant_joined"))
        await recorder.flushed()
    assert logs == []
    rooms = {row["sid"]: row for row in (await history.rooms(ALL, limit=10)).rows}
    assert rooms["RM_ended"]["end_reason"] == "room_closed"
    assert rooms["RM_open"]["end_reason"] == "server_stopped"
    assert rooms["RM_open"]["ended_at"] == happening.STARTED + 60_000
    assert (await history.sessions(ALL, limit=10)).total == 1


async def test_every_migration_goes_from_the_one_before(url: str) -> None:
    database = Database(url)
    await database.make_folder()
    for revision in REVISIONS:
        async with database.alone() as connection:
            await connection.run_sync(bring_to, revision)
        assert await revision_of(database) == revision
    assert await upgrade(database) == Upgraded(NEWEST, NEWEST)
    await database.aclose()


@pytest.mark.parametrize("begins_with", ["nothing", "an older schema"])
async def test_of_servers_that_start_at_once_one_migrates(url: str, sql: Sql, begins_with: str) -> None:
    before = "nothing" if begins_with == "nothing" else "schema 0001"
    if begins_with != "nothing":
        await make_old(url, sql)
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "visavis", "database", "upgrade"),
            env=os.environ | {"VISAVIS_DATABASE_URL": url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        for _ in range(4)
    ]
    said = [(await process.communicate())[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    assert sum(f"went from {before} to schema {NEWEST}" in text for text in said) == 1, said
    assert sum(f"has schema {NEWEST}" in text for text in said) == 3, said


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(
    old: str, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sql("CREATE INDEX tracks_started_at ON tracks (started_at)")  # In the way of the new one, after the columns.
    database = Database(old)
    with pytest.raises(Exception, match="already exists"):
        await upgrade(database)
    assert await revision_of(database) == "0001"
    await sql("DROP INDEX tracks_started_at")
    assert await upgrade(database) == Upgraded("0001", NEWEST)
    await database.aclose()


async def test_a_newer_schema_is_refused_and_left_as_it_is(url: str, sql: Sql) -> None:
    database = Database(url)
    await upgrade(database)
    await sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(VisavisError, match=r"database_url: .* was made by a newer version of Visavis"):
        await upgrade(database)
    assert await revision_of(database) == "9999"
    await database.aclose()
