"""`visavis database`: what it tells, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import happening
import pytest
from happening import MakeRecorder

from databases import Postgres
from visavis.store.schema import NEWEST

# Processes start, which a busy machine takes its time for.
pytestmark = pytest.mark.timeout(400)


def database(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "visavis", "database", *arguments]
    return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=120)


async def test_status_tells_what_is_there_and_who_writes(make_recorder: MakeRecorder, url: str) -> None:
    recorder, _ = await make_recorder(url)
    for event in happening.whole_call():
        recorder.happened(event)
    recorder.happened(happening.participant("participant_joined", "PA_open", "olga"))
    await recorder.flushed()
    done = database("status", VISAVIS_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert lines[1:] == [
        ["Schema", NEWEST],
        ["Rooms", "1, 0 of them open"],
        ["Sessions", "2, 1 of them open"],
        ["Tracks", "1, 0 of them open"],
        ["Servers", "1 that live"],
    ]
    assert "a password of the tests" not in done.stdout


def test_status_of_what_is_not_there_makes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "nothing.sqlite3"
    done = database("status", "--database-url", f"sqlite:///{file}")
    assert done.returncode == 2
    assert f"database_url: there is no file '{file}'" in done.stderr
    assert not file.exists()


async def test_what_is_wrong_with_the_database_is_said_and_the_setting_named(cluster: Postgres, tmp_path: Path) -> None:
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
        done = database(command, VISAVIS_DATABASE_URL=url)
        said = done.stdout + done.stderr
        assert done.returncode == status, (command, url, said)
        assert says in said, (command, url, said)
        assert "Traceback" not in said
