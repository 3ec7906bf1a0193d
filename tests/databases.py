"""PostgreSQL for tests: a cluster of their own in a temporary folder, from the distribution's package."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from ports import port
from servers import wait_for_port

USER, PASSWORD = "visavis", "a password of the tests"
_PORT = port(995)


class Postgres:
    """A cluster that can be stopped, killed and started again, with any number of databases."""

    def __init__(self, folder: Path, at: int = _PORT, *, is_durable: bool = False) -> None:
        self._folder, self.port = folder, at
        self._is_durable = is_durable
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", *, user: str = USER, password: str = PASSWORD, at: int = 0) -> str:
        """Of a database; `at`: another port, of a proxy."""
        return f"postgresql://{user}:{password.replace(' ', '%20')}@127.0.0.1:{at or self.port}/{database}"

    async def make_database(self) -> str:
        """The URL of a new one."""
        self._count += 1
        name = f"visavis_{self._count}"
        await self.execute(f"CREATE DATABASE {name} STRATEGY = FILE_COPY")
        return self.url(name)

    async def execute(self, statement: str, *, url: str = "") -> None:
        """Does something beside those who are tested."""
        connection = await asyncpg.connect(url or self.url())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def make(self) -> None:
        """Makes the cluster."""
        shutil.chown(self._folder, *_owner())
        word = self._folder / "password"
        word.write_text(PASSWORD)
        shutil.chown(word, *_owner())
        flags = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", f"--username={USER}", "--no-sync"]
        self._run("initdb", *flags, f"--pwfile={word}", "--pgdata", str(self._data)).check_returncode()

    def start(self) -> None:
        """Starts it, and returns when it answers."""
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        settings |= {} if self._is_durable else {"fsync": "off"}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(_binaries() / "postgres"), "-D", str(self._data), *flags]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log, **_as_owner())
        wait_for_port(self.port)
        # It listens before it lets anybody in.
        deadline = time.monotonic() + 20
        while self._run("pg_isready", "-h", "127.0.0.1", "-p", str(self.port)).returncode:
            assert time.monotonic() < deadline, (self._folder / "log").read_text()
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        """Of its first process, whose children the others are."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    def stop(self) -> None:
        """Ends it as an administrator does who does not wait for clients."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(20)
            self._process = None

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        command = [str(_binaries() / program), *arguments]
        return subprocess.run(command, cwd=self._folder, capture_output=True, **_as_owner())


@contextlib.contextmanager
def postgres(at: int = _PORT, *, is_durable: bool = False) -> Iterator[Postgres]:
    """A cluster that runs, and is gone afterwards; `is_durable`: it waits for the disk, as one in production does."""
    folder = Path(tempfile.mkdtemp(prefix="visavis-postgres-"))
    cluster = Postgres(folder, at, is_durable=is_durable)
    try:
        cluster.make()
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder)


def _binaries() -> Path:
    """Debian keeps them beside the path, for there may be several versions."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    if on_path is not None:
        found.append(Path(on_path).resolve())
    assert found, "there is no PostgreSQL: `make setup-test` installs it (tools/install_servers.sh)"
    return found[-1].parent


def _owner() -> tuple[int, int]:
    """PostgreSQL refuses to run as root: then as the user that its package made."""
    if os.getuid():
        return os.getuid(), os.getgid()
    user = pwd.getpwnam("postgres")
    return user.pw_uid, user.pw_gid


def _as_owner() -> dict[str, object]:
    user, group = _owner()
    return {"user": user, "group": group, "extra_groups": []} if os.getuid() == 0 else {}
