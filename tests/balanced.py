"""All of docs/scaling.md on loopback, from real parts, each of which can be killed and started again.

livekit-servers and app processes behind HAProxy by its file in deploy/, with one Redis and one PostgreSQL.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from clusters import ADMIN_TOKEN, WEBHOOK
from databases import Postgres
from servers import LIVEKIT_SERVER, MediaServer, RedisServer, livekit_server, visavis_server, wait_for_port

DEPLOY = Path(__file__).parent.parent / "deploy"
# What a node is told besides its ports, keys and Redis, which are the tests' own.
_NODE_SETTINGS = ("node_stats", "signal_relay")
SOURCES = 8
"""As many addresses, from 127.0.0.1 on, stand for as many places that people come from."""


@dataclass
class Part:
    """A server that dies and comes back at the same ports.

    Attributes:
        make: starts it.
        name: in HAProxy's file.
    """

    name: str
    make: Callable[[], AbstractContextManager[MediaServer]]
    _life: ExitStack = field(default_factory=ExitStack)
    _server: MediaServer | None = None

    @property
    def server(self) -> MediaServer:
        """What runs, or ran."""
        assert self._server is not None
        return self._server

    @property
    def node_id(self) -> str:
        """What a livekit-server calls itself in this life of its own."""
        assert self.server.log is not None
        found = re.search(r"\bND_\w+", self.server.log.read_text())
        assert found
        return found[0]

    def start(self) -> None:
        """Starts it, and returns when it listens."""
        self._server = self._life.enter_context(self.make())

    @property
    def is_running(self) -> bool:
        """Whether it lives."""
        return self._server is not None and self._server.process is not None and self._server.process.poll() is None

    def kill(self) -> None:
        """Ends it as a crash does: it can tell nobody."""
        if self.server.process is not None:
            self.server.process.kill()
            self.server.process.wait()
        self._life.close()

    def stop(self) -> None:
        """Ends it."""
        self._life.close()


@dataclass
class Balanced:
    """What runs.

    Attributes:
        url: of the page and its API, by the balancer.
        livekit_url: of the cluster, by the balancer.
        apps: the app processes.
        nodes: the livekit-servers.
        redis: that all of them share.
        postgres: with the history.
        haproxy: the balancer's control socket.
    """

    url: str
    livekit_url: str
    apps: list[Part]
    nodes: list[Part]
    redis: RedisServer
    postgres: Postgres
    haproxy: Path

    def page_by(self, app: int) -> str:
        """The page's address for somebody whose hub connection the app process of that number (from 0) takes."""
        for number in range(1, SOURCES + 1):
            url = self.url.replace("127.0.0.1", f"127.0.0.{number}")
            answer = httpx.post(f"{url}/notificationHub/negotiate", params={"negotiateVersion": 1})
            if answer.headers["X-Served-By"] == self.apps[app].name:
                return url
        raise AssertionError(f"of {SOURCES} sources none is sent to {self.apps[app].name}")

    def control(self, command: str) -> str:
        """Tells the balancer something while it runs, as an operator does."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.haproxy))
            connection.sendall(command.encode() + b"\n")
            answer = b""
            while some := connection.recv(65536):
                answer += some
        return answer.decode().strip()

    def mend(self) -> None:
        """Starts what does not run, after a test that failed."""
        for part in (*self.nodes, *self.apps):
            if not part.is_running:
                part.start()

    @contextlib.contextmanager
    def webhooks_held_back(self) -> Iterator[None]:
        """No webhook of any node arrives meanwhile: the balancer has no open port for them."""
        assert self.control("disable frontend webhooks") == ""
        try:
            yield
        finally:
            assert self.control("enable frontend webhooks") == ""


@contextlib.contextmanager
def balanced(first_port: int, postgres: Postgres, database_url: str) -> Iterator[Balanced]:
    """Starts all of it, and ends it.

    Args:
        first_port: of 60 ports.
        postgres: runs already.
        database_url: of a database in it.
    """
    assert LIVEKIT_SERVER.is_file(), f"there is no livekit-server at {LIVEKIT_SERVER}: run `make livekit-server`"
    page, livekit, webhooks, plain = range(first_port, first_port + 4)
    app_ports, node_ports = (first_port + 20, first_port + 30), (first_port + 40, first_port + 50)
    redis = RedisServer(first_port + 4, Path(tempfile.mkdtemp(prefix="visavis-redis-")))
    told = yaml.safe_load((DEPLOY / "docker/livekit.yaml").read_text())
    node_settings = {name: told[name] for name in _NODE_SETTINGS if name in told}

    def node(port: int) -> Callable[[], AbstractContextManager[MediaServer]]:
        return lambda: livekit_server(
            port,
            binary=str(LIVEKIT_SERVER),
            webhook_url=f"http://127.0.0.1:{webhooks}{WEBHOOK}",
            redis=redis.address,
            more=node_settings,
        )

    settings: dict[str, Any] = {
        "backend": "livekit",
        "livekit_url": f"ws://127.0.0.1:{livekit}",
        "redis_url": redis.url,
        "database_url": database_url,
        "admin_token": ADMIN_TOKEN,
        "departure_timeout": 20,
        "log_level": os.environ.get("TEST_LOG_LEVEL", "warning"),
    }

    def app(port: int) -> Callable[[], AbstractContextManager[MediaServer]]:
        return lambda: visavis_server(port, command="serve", flags=["--behind-proxy", "127.0.0.1"], **settings)

    nodes = [Part(f"livekit{number + 1}", node(port)) for number, port in enumerate(node_ports)]
    apps = [Part(f"app{number + 1}", app(port)) for number, port in enumerate(app_ports)]
    ports = {7860: webhooks, 7870: app_ports[0], 7871: app_ports[1], 7890: node_ports[0], 7900: node_ports[1]}
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, redis.folder)
        stack.callback(redis.stop)
        redis.start()
        for part in nodes:
            part.start()
            stack.callback(part.stop)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="visavis-haproxy-")))
        (folder / "haproxy.cfg").write_text(_adapted(folder, page, livekit, plain, ports))
        # First: the apps ask the cluster by it as they start.
        program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "there is no haproxy: `make setup-test` installs it (tools/install_servers.sh)"
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([program, "-f", str(folder / "haproxy.cfg")], stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.kill)
        while not (folder / "control").exists():
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        wait_for_port(page)
        assert process.poll() is None, (folder / "log").read_text()
        for part in apps:
            part.start()
            stack.callback(part.stop)
        made = Balanced(
            f"http://127.0.0.1:{page}",
            f"ws://127.0.0.1:{livekit}",
            apps,
            nodes,
            redis,
            postgres,
            folder / "control",
        )

        _wait_until_all_are_up(made)
        yield made


def _adapted(folder: Path, page: int, livekit: int, plain: int, ports: dict[int, int]) -> str:
    """deploy/haproxy/haproxy.cfg, without TLS and with ports of this run.

    The two names become two ports. An address of this machine that somebody connects to stands for the one that it
    comes from, for nobody can choose that one here; and the last two of them choose a node for the signalling by
    number, as the balancer may choose any.
    """
    text = (DEPLOY / "haproxy/haproxy.cfg").read_text()

    def bind(port: int) -> str:
        return f"bind {','.join(f'127.0.0.{number}:{port}' for number in range(1, SOURCES + 1))}"

    text = text.replace("bind :80", f"bind 127.0.0.1:{plain}")
    text = re.sub(r"bind :443 ssl .*", f"{bind(page)}\n    {bind(livekit)}\n    http-request set-src dst", text)
    text = text.replace("hdr(host) -i livekit.example.com", f"dst_port {livekit}")
    choose = "".join(f"    use-server livekit{number} if {{ dst {_signalling(number)} }}\n" for number in (1, 2))
    text = text.replace("backend livekit\n", f"backend livekit\n{choose}")
    # Which process has answered, to be seen.
    text = text.replace("frontend https\n", "frontend https\n    http-response set-header X-Served-By %s\n")
    text = text.replace("maxconn 100000", f"maxconn 1000\n    stats socket {folder}/control mode 600 level admin")
    return re.sub(r"127\.0\.0\.1:(78\d\d|7900)\b", lambda found: f"127.0.0.1:{ports[int(found[1])]}", text)


def _signalling(number: int) -> str:
    return f"127.0.0.{SOURCES - 2 + number}"


def signalling_by(url: str, number: int) -> str:
    """The address at which node `number` (1 or 2) takes the signalling, as long as it lives."""
    return url.replace("127.0.0.1", _signalling(number))


def _wait_until_all_are_up(made: Balanced) -> None:
    deadline = time.monotonic() + 20
    while True:
        rows = [row.split(",") for row in made.control("show stat").splitlines()]
        states = {(row[0], row[1]): row[17] for row in rows if len(row) > 17}
        down = [name for name, state in states.items() if "/" in state or state == "DOWN"]
        if not down:
            return
        assert time.monotonic() < deadline, f"the balancer does not reach {down}"
        time.sleep(0.1)
