"""A server starts in front of a cluster that is not as it should be: what no time mends ends it, the rest is said."""

import asyncio
import contextlib
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from in_front import in_front_of
from livekit.api import access_token

from clusters import app_settings
from ports import port
from servers import LIVEKIT_SERVER, MediaServer, livekit_server, wait_for_port
from visavis.backend.livekit import LiveKitBackend, LiveKitOptions
from visavis.errors import ErrorKind, VisavisError

APP = 830


@pytest.fixture(scope="module")
def node() -> Iterator[MediaServer]:
    with livekit_server(port(835), binary=str(LIVEKIT_SERVER)) as server:
        yield server


def command(node: MediaServer, log_level: str = "warning", **settings: Any) -> dict[str, Any]:
    """As `subprocess` takes it."""
    said = app_settings(node, None) | {"api_key": node.api_key, "api_secret": node.api_secret} | settings
    variables = {f"VISAVIS_{name.upper()}": str(value) for name, value in said.items()}
    line = [sys.executable, "-m", "visavis", "dev", "--port", str(port(APP)), "--log-level", log_level]
    return {"args": line, "env": os.environ | variables}


def refused(node: MediaServer, **settings: Any) -> str:
    """Starts one that is to end at once, and returns what it says."""
    ran = subprocess.run(**command(node, **settings), capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1, ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stderr.replace("\n", " ")


@contextlib.contextmanager
def started(node: MediaServer, log: Path, **settings: Any) -> Iterator[httpx.Client]:
    """Starts one that serves; asks it."""
    with log.open("wb") as written:
        process = subprocess.Popen(**command(node, **settings), stdout=subprocess.DEVNULL, stderr=written)
        try:
            wait_for_port(port(APP))
            with httpx.Client(base_url=f"http://127.0.0.1:{port(APP)}", timeout=20) as http:
                yield http
        finally:
            process.terminate()
            assert process.wait(10) == 0


def until_said(log: Path, *words: str) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        line = next((line for line in log.read_text().splitlines() if all(word in line for word in words)), None)
        if line is not None:
            return line
        time.sleep(0.05)
    raise AssertionError(f"no line with {words} in {log.read_text()}")


@pytest.mark.parametrize("wrong", [{"api_secret": "another secret, of 32 bytes or more"}, {"api_key": "somebody"}])
def test_wrong_keys_end_it_and_the_settings_are_named(node: MediaServer, wrong: dict[str, str]) -> None:
    said = refused(node, **wrong)
    assert "LIVEKIT_API_SECRET" in said
    assert repr(wrong.get("api_key", node.api_key)) in said
    assert not any(secret in said for secret in (node.api_secret, "another secret"))


def test_something_else_in_the_place_of_the_cluster_ends_it(node: MediaServer, tmp_path: Path) -> None:
    # A web server that is none of LiveKit's.
    web = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(tmp_path), str(port(840))]
    with subprocess.Popen(web, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port(840))
            said = refused(node, livekit_url=f"http://127.0.0.1:{port(840)}")
        finally:
            process.terminate()
    assert "livekit_url" in said
    assert "no LiveKit server" in said


async def test_a_clock_that_is_minutes_ahead_of_the_clusters_is_thought_of(
    node: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return datetime.datetime.now(tz) + datetime.timedelta(minutes=2)

    class Shifted:
        datetime, timedelta, timezone = Ahead, datetime.timedelta, datetime.timezone

    # The tokens by which we ask: the cluster takes them for such that are not valid yet.
    monkeypatch.setattr(access_token, "datetime", Shifted)
    backend = LiveKitBackend(LiveKitOptions(url=node.url, keys={node.api_key: node.api_secret}))
    with pytest.raises(VisavisError) as failed:
        await backend.start()
    assert failed.value.kind is ErrorKind.CLUSTER_REFUSED
    assert "clock and this machine's are more than a minute apart" in failed.value.message


def test_a_cluster_that_does_not_answer_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    late = MediaServer(f"http://127.0.0.1:{port(845)}", udp_port=port(845) + 2, tcp_port=port(845) + 1)
    with started(late, log) as http:
        line = until_said(log, "cluster_not_read", "LIVEKIT_URL")
        assert late.url in line
        assert http.get("/").status_code == 200
        assert http.get("/api/video/rooms").json() == []
        answer = http.get("/api/video/token", params={"room": "atrium"})
        assert (answer.status_code, answer.json()["error"]) == (503, "cluster_unreachable")
        assert "livekit_url" in answer.json()["message"]
        with livekit_server(port(845), binary=str(LIVEKIT_SERVER)):
            deadline = time.monotonic() + 30
            while (answer := http.get("/api/video/token", params={"room": "atrium"})).status_code != 200:
                assert time.monotonic() < deadline, answer.text
                time.sleep(0.1)
        # One line for all the while.
        assert log.read_text().count("cluster_not_read") <= 2


async def test_clocks_and_versions_that_differ_are_said_of_a_server_that_serves(
    node: MediaServer, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with in_front_of(node, port(841), seconds=-90, version="1.4.3") as url:

        def look() -> tuple[str, str, int]:
            with started(node, log, livekit_url=url) as http:
                clock = until_said(log, "cluster_doubtful", "clock")
                version = until_said(log, "cluster_doubtful", "1.4.3")
                return clock, version, http.get("/api/video/token", params={"room": "atrium"}).status_code

        clock, version, status = await asyncio.to_thread(look)
    assert "NTP" in clock
    assert "upgrade it to 1.9.1" in version
    assert status == 200


def test_of_a_cluster_as_it_should_be_nothing_is_said(node: MediaServer, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with started(node, log, log_level="info") as http:
        assert http.get("/api/video/token", params={"room": "atrium"}).status_code == 200
        until_said(log, "cluster_looked_at")
    levels = {json.loads(line)["level"] for line in log.read_text().splitlines()}
    assert levels == {"info"}
