"""All of docs/scaling.md on loopback, from real parts, each of which can be killed and started again.

livekit-servers and app processes behind a balancer by its file in deploy/, with one Redis and one PostgreSQL.
"""

import contextlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from balancers import DEPLOY, SOURCES, Balancer, Ports, haproxy, nginx, signalling, source
from clusters import ADMIN_TOKEN, WEBHOOK
from databases import Postgres
from servers import LIVEKIT_SERVER, MediaServer, RedisServer, livekit_server, visavis_server

# What a node is told besides its ports, keys and Redis, which are the tests' own.
_NODE_SETTINGS = ("node_stats", "signal_relay")
BALANCERS = {"haproxy": haproxy, "nginx": nginx}


@dataclass
class Part:
    """A server that dies and comes back at the same ports.

    Attributes:
        make: starts it.
        name: of its own.
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
        balancer: in front of the apps and nodes.
    """

    url: str
    livekit_url: str
    apps: list[Part]
    nodes: list[Part]
    redis: RedisServer
    postgres: Postgres
    balancer: Balancer

    def page_by(self, app: int) -> str:
        """The page's address for somebody whose hub connection the app process of that number (from 0) takes."""
        served = self.apps[app].server.http_url.removeprefix("http://")
        # One that was away is sent nobody for some seconds.
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for number in range(SOURCES):
                url = self.url.replace("127.0.0.1", source(number))
                answer = httpx.post(f"{url}/notificationHub/negotiate", params={"negotiateVersion": 1})
                if answer.headers["X-Served-By"] == served:
                    return url
            time.sleep(0.5)
        raise AssertionError(f"of {SOURCES} sources none is sent to {served}")

    def mend(self) -> None:
        """Starts what does not run, after a test that failed."""
        for part in (*self.nodes, *self.apps):
            if not part.is_running:
                part.start()


@contextlib.contextmanager
def balanced(
    first_port: int, postgres: Postgres, database_url: str, *, balancer: str = "haproxy"
) -> Iterator[Balanced]:
    """Starts all of it, and ends it.

    Args:
        first_port: of 60 ports.
        postgres: runs already.
        database_url: of a database in it.
        balancer: ``haproxy`` or ``nginx``.
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
    ports = Ports(page, livekit, webhooks, plain, app_ports, node_ports)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, redis.folder)
        stack.callback(redis.stop)
        redis.start()
        for part in nodes:
            part.start()
            stack.callback(part.stop)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"visavis-{balancer}-")))
        # First: the apps ask the cluster by it as they start.
        running = stack.enter_context(BALANCERS[balancer](folder, ports))
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
            running,
        )
        running.wait_until_all_are_up()
        yield made


def signalling_by(url: str, number: int) -> str:
    """The address at which node `number` (1 or 2) takes the signalling, as long as it lives."""
    return url.replace("127.0.0.1", signalling(number))
