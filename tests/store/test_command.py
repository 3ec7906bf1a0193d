"""`visavis database`: what it tells, and how it ends."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import happening
import pytest
from happening import MakeRecorder

from databases import Postgres
from visavis import cli
from visavis.store.schema import NEWEST

Database = Callable[..., Awaitable["Typed"]]


@dataclass(frozen=True, slots=True)
class Typed:
    """What the command printed, and its status."""

    status: int
    said: str


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Database:
    """Runs the command: ``await database("status", url)``."""

    def run(*arguments: str) -> Typed:
        monkeypatch.setattr(sys, "argv", ["visavis", "database", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return Typed(int(end.value.code or 0), printed.out + printed.err)

    async def run_beside(command: str, url: str, *flags: str) -> Typed:
        monkeypatch.setenv("VISAVIS_DATABASE_URL", url)
        # It has an event loop of its own.
        return await asyncio.to_thread(run, command, *flags)

    return run_beside


async def test_status_tells_what_is_there_and_who_writes(
    make_recorder: MakeRecorder, url: str, database: Database
) -> None:
    recorder, _ = await make_recorder(url)
    for event in happening.whole_call():
        recorder.happened(event)
    recorder.happened(happening.participant("participant_joined", "PA_open", "olga"))
    await recorder.flushed()
    done = await database("status", url)
    assert done.status == 0, done.said
    lines = [line.split(maxsplit=1) for line in done.said.splitlines()]
    assert lines[1:] == [
        ["Schema", NEWEST],
        ["Rooms", "1, 0 of them open"],
        ["Sessions", "2, 1 of them open"],
        ["Tracks", "1, 0 of them open"],
        ["Servers", "1 that live"],
    ]
    assert "a password of the tests" not in done.said


async def test_status_of_what_is_not_there_makes_nothing(tmp_path: Path, database: Database) -> None:
    file = tmp_path / "nothing.sqlite3"
    done = await database("status", "sqlite://", "--database-url", f"sqlite:///{file}")
    assert done.status == 2
    assert f"database_url: there is no file '{file}'" in done.said
    assert not file.exists()


async def test_what_is_wrong_with_the_database_is_said_and_the_setting_named(
    cluster: Postgres, tmp_path: Path, database: Database
) -> None:
    empty = await cluster.make_database()
    newer = await cluster.make_database()
    await cluster.execute("CREATE TABLE alembic_version AS SELECT '9999' AS version_num", url=newer)
    (tmp_path / "folder").write_text("none")
    wrong = {
        ("upgrade", cluster.url(password="wrong")): (2, "database_url: PostgreSQL at 127.0.0.1"),
        ("upgrade", newer): (2, "was made by a newer version of Visavis"),
        ("upgrade", cluster.url(at=1)): (1, "database_url: no answer from PostgreSQL at 127.0.0.1:1"),
        ("upgrade", f"sqlite:///{tmp_path}/folder/history.sqlite3"): (1, "database_url: "),
        ("status", newer): (0, "a newer version has been here"),
        ("status", empty): (0, "none: no history is in it yet"),
        ("upgrade", "mysql://db/x"): (2, "there is no driver for 'mysql'"),
        ("upgrade", ""): (2, "database_url is empty"),
    }
    for (command, url), (status, says) in wrong.items():
        done = await database(command, url)
        assert done.status == status, (command, url, done.said)
        assert says in done.said, (command, url, done.said)
