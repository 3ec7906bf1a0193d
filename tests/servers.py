"""What these tests talk to: addresses, keys, tokens. And the real livekit-server, to check the tests themselves by."""

import contextlib
import datetime
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from livekit import api

PEER = os.environ.get("TEST_PEER", "")
"""Path of a livekit-server to run these tests against instead, to see whether a test or the server is wrong."""


LIVEKIT_SERVER = Path(
    os.environ.get("TEST_LIVEKIT_SERVER", "") or "~/.cache/visavis/livekit-server-1.13.5"
).expanduser()
"""The real one, which judges ours."""


@dataclass(frozen=True, slots=True)
class MediaServer:
    """A running server."""

    http_url: str
    udp_port: int
    tcp_port: int
    api_key: str = "devkey"
    api_secret: str = "a secret of the tests, 32 bytes or more"
    process: "subprocess.Popen[bytes] | None" = None
    log: Path | None = None

    @property
    def url(self) -> str:
        """Where LiveKit clients connect."""
        return self.http_url.replace("http", "ws", 1)

    @property
    def http_port(self) -> int:
        """The TCP port of HTTP and signalling."""
        return int(self.http_url.rsplit(":", 1)[1])

    def token(self, identity: str, room: str | None = None, *, name: str = "", **grants: Any) -> str:
        """A token that joins `room` (None: names no room)."""
        allowed = api.VideoGrants(room_join=True, room=room or "", can_update_own_metadata=True, **grants)
        token = api.AccessToken(self.api_key, self.api_secret).with_identity(identity).with_grants(allowed)
        return token.with_name(name).with_ttl(datetime.timedelta(minutes=10)).to_jwt()


@contextlib.contextmanager
def livekit_server(
    http_port: int,
    *,
    max_participants: int = 0,
    binary: str = PEER,
    webhook_url: str = "",
    webhook_urls: Sequence[str] = (),
    redis: str = "",
    more: Mapping[str, object] | None = None,
) -> Iterator[MediaServer]:
    """The real livekit-server, kept on loopback.

    Args:
        http_port: the media ports are the two after it.
        max_participants: of each room; 0: no limit.
        binary: its path.
        webhook_url: where its webhooks go.
        webhook_urls: the same, for several.
        redis: ``host:port``, which makes several of them one cluster.
        more: of its configuration, by its topmost names.
    """
    urls = [*([webhook_url] if webhook_url else []), *webhook_urls]
    further = "\n".join(f"{name}: {json.dumps(value)}" for name, value in (more or {}).items())
    shared = f"redis: {{address: {json.dumps(redis)}}}" if redis else ""
    server = MediaServer(f"http://127.0.0.1:{http_port}", udp_port=http_port + 2, tcp_port=http_port + 1)
    folder = Path(tempfile.mkdtemp())
    (folder / "livekit.yaml").write_text(
        f"""
port: {http_port}
bind_addresses: ["127.0.0.1"]
keys: {{devkey: "{server.api_secret}"}}
room: {{max_participants: {max_participants}, departure_timeout: 2}}
rtc:
  udp_port: {server.udp_port}
  tcp_port: {server.tcp_port}
  node_ip: 127.0.0.1
  use_external_ip: false
  enable_loopback_candidate: true
  interfaces: {{includes: [lo]}}
  ips: {{includes: ["127.0.0.1/32"]}}
  stun_servers: ["127.0.0.1:3478"]
webhook: {{api_key: devkey, urls: {json.dumps(urls)}}}
{shared}
{further}
"""
    )
    log = (folder / "log").open("wb")
    command = [binary, "--dev", "--node-ip", "127.0.0.1", "--config", str(folder / "livekit.yaml")]
    with _running(command, http_port, log) as process:
        try:
            yield replace(server, process=process, log=folder / "log")
        finally:
            process.kill()  # Asked kindly, it waits for its last participant.
    shutil.rmtree(folder)


@dataclass(slots=True)
class RedisServer:
    """A Redis that can be stopped and started again; it keeps what it has in its folder."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        """As livekit-server wants it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """As the setting `redis_url` wants it."""
        return f"redis://{self.address}/0"

    def start(self) -> None:
        """Starts it, and returns when it answers."""
        program = shutil.which("redis-server")
        assert program, "there is no redis-server: `make setup-test` installs it (tools/install_servers.sh)"
        flags = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder, "save": "", "appendonly": "yes"}
        command = [program, *(part for name, value in flags.items() for part in (f"--{name}", str(value)))]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for_port(self.port)

    def kill(self) -> None:
        """Ends it as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Ends it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


@contextlib.contextmanager
def redis_server(redis_port: int) -> Iterator[RedisServer]:
    """A real Redis, kept on loopback."""
    server = RedisServer(redis_port, Path(tempfile.mkdtemp(prefix="visavis-redis-")))
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder)


@contextlib.contextmanager
def visavis_server(
    http_port: int, *, command: str = "dev", flags: Sequence[str] = (), **settings: object
) -> Iterator[MediaServer]:
    """Our server by its command: ``visavis_server(port(400), max_participants=3)``.

    Args:
        http_port: the media ports are the two after it.
        command: ``dev`` or ``serve``.
        flags: of the command line, as they are.
        settings: by name, as environment variables.
    """
    server = MediaServer(f"http://127.0.0.1:{http_port}", udp_port=http_port + 2, tcp_port=http_port + 1)
    ports = ["--port", http_port, "--tcp-port", server.tcp_port, "--udp-port", server.udp_port]
    settings = {
        "api_key": server.api_key,
        "api_secret": server.api_secret,
        "departure_timeout": 2,
        "log_level": "warning",
        # Tests of `serve` must not write into the home of whoever runs them.
        "database_url": "",
        **settings,
    }
    environment = {f"VISAVIS_{name.upper()}": str(value) for name, value in settings.items()}
    line = [sys.executable, "-m", "visavis", command, *map(str, ports), *flags]
    with _running(line, http_port, None, os.environ | environment) as process:
        yield replace(server, process=process)


@contextlib.contextmanager
def _running(
    command: list[str], http_port: int, log: IO[bytes] | None, environment: Mapping[str, str] | None = None
) -> "Iterator[subprocess.Popen[bytes]]":
    process = subprocess.Popen(command, stdout=log or subprocess.DEVNULL, stderr=log, env=environment)
    try:
        wait_for_port(http_port)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            if log is not None:
                log.close()


def wait_for_port(port: int, seconds: float = 20.0) -> None:
    """Returns when something listens there."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
