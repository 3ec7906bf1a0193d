"""A disk that is really full: a server whose history is on a small file system of its own, and a call that goes on."""

import asyncio
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from livekit import rtc
from store_api import TOKEN, history_of, until

from ports import port
from servers import MediaServer, wait_for_port

# In a namespace of its own a process may mount what nobody else sees.
IN_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


def can_mount() -> bool:
    """Whether this machine lets us: containers often do not."""
    tried = [*IN_NAMESPACE, "mount -t tmpfs -o size=1m tmpfs /mnt"]
    return shutil.which("unshare") is not None and subprocess.run(tried, capture_output=True).returncode == 0


@contextmanager
def server_on(disk: Path, log: Path, size: str) -> Iterator[tuple[MediaServer, Path]]:
    """A server that sees a file system of this size at `disk`, and where others find that."""
    server = MediaServer(f"http://127.0.0.1:{port(965)}", udp_port=port(967), tcp_port=port(966))
    settings = {
        "api_key": server.api_key,
        "api_secret": server.api_secret,
        "admin_token": TOKEN,
        "database_url": f"sqlite:///{disk}/history.sqlite3",
    }
    ports = f"--port {port(965)} --tcp-port {port(966)} --udp-port {port(967)}"
    mounted = f'mount -t tmpfs -o size={size} tmpfs "{disk}" && exec "$0" -m visavis dev --log-level info {ports}'
    environment = os.environ | {f"VISAVIS_{name.upper()}": value for name, value in settings.items()}
    with log.open("wb") as written:
        command = [*IN_NAMESPACE, mounted, sys.executable]
        process = subprocess.Popen(command, stderr=written, env=environment)
        try:
            wait_for_port(port(965))
            yield server, Path(f"/proc/{process.pid}/root{disk}")
        finally:
            process.terminate()
            process.wait(15)


def fill(folder: Path) -> Path:
    """Writes until nothing more fits."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return filler


async def said(log: Path, event: str) -> str:
    """The line of the log about it."""
    async with asyncio.timeout(20):
        while not (found := [line for line in log.read_text().splitlines() if event in line]):  # noqa: ASYNC110 - a file
            await asyncio.sleep(0.05)
    return found[0]


@pytest.mark.skipif(not can_mount(), reason="no file system may be mounted in a namespace here")
async def test_people_meet_while_the_disk_is_full_and_all_of_it_is_written_when_there_is_room(tmp_path: Path) -> None:
    disk, log = tmp_path / "disk", tmp_path / "log"
    disk.mkdir()
    with server_on(disk, log, "2m") as (server, seen):
        stays = rtc.Room()
        lost: list[object] = []
        stays.on("disconnected", lost.append)
        await stays.connect(server.url, server.token("stays", "atrium"))
        await until(server, "sessions", lambda rows: len(rows) == 1)
        filler = fill(seen)
        for number in range(20):
            guest = rtc.Room()
            # Their names do not fit into what the file has left over.
            await guest.connect(server.url, server.token(f"guest {number}", "atrium", name=f"{number}" * 1500))
            await guest.disconnect()
        assert lost == []
        told = await said(log, "history_write_failed")
        assert "full" in told
        assert "calls go on" in told
        assert "database_url" in told
        filler.unlink()
        rows = await until(server, "sessions", lambda rows: sum(bool(row["endedAt"]) for row in rows) == 20, within=40)
        assert {row["identity"] for row in rows} == {"stays", *(f"guest {number}" for number in range(20))}
        [room] = await history_of(server, "rooms")
        assert room["endedAt"] is None
        await said(log, "history_written_again")
        assert log.read_text().count("history_write_failed") == 1
        await stays.disconnect()
