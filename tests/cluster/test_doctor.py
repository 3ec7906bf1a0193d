"""`visavis doctor` in front of a real cluster: all is well, and each leg that fails is named with its setting."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from in_front import in_front_of

from clusters import WEBHOOK, app_settings
from ports import port
from servers import LIVEKIT_SERVER, MediaServer, RedisServer, livekit_server, redis_server, visavis_server
from visavis import config
from visavis.doctor import Outcome, examine
from visavis.errors import ErrorKind, VisavisError
from visavis.store.database import Database
from visavis.store.schema import upgrade

APP = 780
_MARKS = {
    Outcome.WELL: "well",
    Outcome.DOUBTFUL: "look",
    Outcome.FAILED: "FAILED",
    Outcome.LEFT_OUT: "left out",
}


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server(port(760)) as server:
        yield server


@pytest.fixture(scope="module")
def node() -> Iterator[MediaServer]:
    hook = f"http://127.0.0.1:{port(APP)}{WEBHOOK}"
    with livekit_server(port(770), binary=str(LIVEKIT_SERVER), webhook_url=hook) as server:
        yield server


def said_settings(node: MediaServer, **settings: Any) -> dict[str, Any]:
    return {
        "api_key": node.api_key,
        "api_secret": node.api_secret,
        "backend": "livekit",
        "livekit_url": node.url,
        "port": port(APP),
        "database_url": "",
        **settings,
    }


async def doctor(node: MediaServer, **settings: Any) -> tuple[int, str]:
    """What it would end with, and what it finds, a leg a line."""
    loaded = config.load(said_settings(node, **settings))
    findings = [finding async for finding in examine(loaded, loaded.all_keys())]
    status = int(any(finding.outcome is Outcome.FAILED for finding in findings))
    return status, "\n".join(f"{_MARKS[finding.outcome]:<8} {finding.leg} {finding.text}" for finding in findings)


def line_of(said: str, leg: str) -> str:
    return next(line for line in said.splitlines() if line[8:].strip().startswith(leg))


@pytest.mark.parametrize("runs", [False, True])
def test_all_is_well_whether_or_not_the_server_runs(
    node: MediaServer, redis: RedisServer, tmp_path: Path, runs: bool
) -> None:
    settings = said_settings(node, redis_url=redis.url, database_url=f"sqlite:///{tmp_path}/history.sqlite3")
    variables = {f"VISAVIS_{name.upper()}": str(value) for name, value in settings.items()}
    with contextlib.ExitStack() as stack:
        if runs:
            stack.enter_context(visavis_server(port(APP), **app_settings(node, redis)))
        command = [sys.executable, "-m", "visavis", "doctor"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | variables)
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    for leg in ("cluster", "clock", "keys", "version", "webhook", "redis", "database"):
        assert line_of(said, leg).startswith("well"), said


async def test_keys_that_are_wrong(node: MediaServer) -> None:
    for wrong in ({"api_secret": "another secret, of 32 bytes or more"}, {"api_key": "somebody"}):
        status, said = await doctor(node, **wrong)
        assert status == 1
        line = line_of(said, "keys")
        assert line.startswith("FAILED")
        assert "LIVEKIT_API_SECRET" in line


async def test_a_cluster_that_does_not_answer(node: MediaServer) -> None:
    status, said = await doctor(node, livekit_url=f"ws://127.0.0.1:{port(799)}")
    assert status == 1
    assert line_of(said, "cluster").startswith("FAILED")
    assert "livekit_url" in line_of(said, "cluster")


async def test_something_else_in_the_place_of_the_cluster(node: MediaServer, redis: RedisServer) -> None:
    with visavis_server(port(790), **app_settings(node, redis)) as app:
        status, said = await doctor(node, livekit_url=app.url)
    assert status == 1
    assert "livekit_url" in line_of(said, "keys")


async def test_clients_that_are_sent_elsewhere_and_no_token_is_shown(node: MediaServer, redis: RedisServer) -> None:
    with visavis_server(port(790), **app_settings(node, redis)) as app:
        status, said = await doctor(node, livekit_client_url=app.url)
    assert status == 1
    line = line_of(said, "version")
    assert line.startswith("FAILED")
    assert "HTTP 404" in line
    assert "livekit_client_url" in line
    assert "access_token" not in said


async def test_redis_that_is_gone(node: MediaServer) -> None:
    status, said = await doctor(node, redis_url=f"redis://127.0.0.1:{port(799)}")
    assert status == 1
    assert line_of(said, "redis").startswith("FAILED")
    assert "redis_url" in line_of(said, "redis")


async def test_a_webhook_that_does_not_come(node: MediaServer) -> None:
    status, said = await doctor(node, port=port(798))
    assert status == 1
    line = line_of(said, "webhook")
    assert line.startswith("FAILED")
    assert "webhook.urls" in line
    assert WEBHOOK in line


async def test_a_database_that_is_none(node: MediaServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    status, said = await doctor(node, database_url=f"sqlite:///{tmp_path}/file/history.sqlite3")
    assert status == 1
    assert "database_url" in line_of(said, "database")


@pytest.mark.parametrize(
    ("revision", "mark", "words"), [("0001", "look", "the start brings it to"), ("9999", "FAILED", "newer")]
)
async def test_a_database_of_another_version(
    node: MediaServer, tmp_path: Path, revision: str, mark: str, words: str
) -> None:
    file = tmp_path / "history.sqlite3"
    database = Database(f"sqlite:///{file}")
    await upgrade(database)
    await database.aclose()
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    status, said = await doctor(node, database_url=f"sqlite:///{file}")
    assert status == int(mark == "FAILED")
    line = line_of(said, "database")
    assert line.startswith(mark)
    assert words in line
    assert ("database_url" in line) is (mark == "FAILED")


@pytest.mark.parametrize(("seconds", "mark"), [(-90, "FAILED"), (90, "FAILED"), (45, "look"), (5, "well")])
async def test_clocks_that_differ(node: MediaServer, seconds: float, mark: str) -> None:
    async with in_front_of(node, port(795), seconds=seconds) as url:
        status, said = await doctor(node, livekit_url=url, livekit_client_url=node.url)
    assert line_of(said, "clock").startswith(mark), said
    assert status == int(mark == "FAILED")
    if mark == "FAILED":
        assert "NTP" in line_of(said, "clock")


@pytest.mark.parametrize(("version", "is_well"), [("1.4.3", False), ("1.9.0", False), ("1.9.1", True), ("2.0.0", True)])
async def test_a_cluster_that_is_too_old(node: MediaServer, version: str, is_well: bool) -> None:
    async with in_front_of(node, port(796), version=version) as url:
        status, said = await doctor(node, livekit_client_url=url)
    assert (status == 0) is is_well, said
    if not is_well:
        assert "upgrade" in line_of(said, "version")
        assert version in line_of(said, "version")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"livekit_url": None}, "livekit_url is not set"),
        ({"livekit_url": "livekit.example.org"}, "livekit_url: is no URL"),
        ({"redis_url": "localhost:6379"}, "redis_url: is no URL"),
        ({"backend": "embedded", "redis_url": "redis://localhost"}, "redis_url is set, but backend is embedded"),
        ({"backend": "somewhere"}, "backend"),
    ],
)
def test_settings_that_cannot_be(node: MediaServer, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(VisavisError) as refused:
        config.load(said_settings(node, **settings))
    assert refused.value.kind is ErrorKind.INVALID_SETTING
    assert words in refused.value.message


def test_livekits_own_variables_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"URL": "wss://lk.example", "API_KEY": "key", "API_SECRET": "s" * 32}.items():
        monkeypatch.setenv(f"LIVEKIT_{name}", value)
    settings = config.load({"backend": "livekit"})
    assert (settings.livekit_url, settings.all_keys()) == ("wss://lk.example", {"key": "s" * 32})
