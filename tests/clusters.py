"""A whole cluster of real parts on loopback: Redis, livekit-servers that share it, and app processes in front."""

import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from livekit import api

from servers import LIVEKIT_SERVER, MediaServer, RedisServer, livekit_server, redis_server, visavis_server

WEBHOOK = "/api/livekit/webhook"
ADMIN_TOKEN = "the operator of the tests"

# Lets somebody come in by one of the apps.
Enter = Callable[..., Awaitable[Any]]


@dataclass
class AppCluster:
    """What runs.

    Attributes:
        redis: that all of it shares.
        nodes: livekit-servers.
        apps: app processes; each node posts its webhooks to another one.
    """

    redis: RedisServer
    nodes: list[MediaServer]
    apps: list[MediaServer]
    _turn: "itertools.cycle[MediaServer]" = field(init=False)

    def __post_init__(self) -> None:
        self._turn = itertools.cycle(self.apps)

    @property
    def next_app(self) -> MediaServer:
        """One after the other, as behind a balancer."""
        return next(self._turn)

    def server_api(self) -> api.LiveKitAPI:
        """The first node's; to be closed."""
        node = self.nodes[0]
        return api.LiveKitAPI(node.http_url, node.api_key, node.api_secret)


def app_settings(node: MediaServer, redis: RedisServer | None, **settings: Any) -> dict[str, Any]:
    """Of an app process in front of a node."""
    shared = {} if redis is None else {"redis_url": redis.url}
    return {"backend": "livekit", "livekit_url": node.url, "admin_token": ADMIN_TOKEN, **shared, **settings}


@contextlib.contextmanager
def app_cluster(
    first_port: int, *, nodes: int = 1, apps: int = 2, app_flags: Sequence[str] = (), **settings: Any
) -> Iterator[AppCluster]:
    """Starts all of it, and ends it.

    Args:
        first_port: 10 ports for each node and each app, and one for Redis.
        nodes: how many livekit-servers.
        apps: how many app processes.
        app_flags: of their command line.
        **settings: of the app processes.
    """
    assert LIVEKIT_SERVER.is_file(), f"there is no livekit-server at {LIVEKIT_SERVER}: run `make livekit-server`"
    app_ports = [first_port + 10 * (1 + nodes + number) for number in range(apps)]
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(redis_server(first_port))
        running = [
            stack.enter_context(
                livekit_server(
                    first_port + 10 * (1 + number),
                    binary=str(LIVEKIT_SERVER),
                    webhook_url=f"http://127.0.0.1:{app_ports[number % apps]}{WEBHOOK}",
                    redis=redis.address,
                )
            )
            for number in range(nodes)
        ]
        served = [
            stack.enter_context(
                visavis_server(app_port, flags=app_flags, **app_settings(running[number % nodes], redis, **settings))
            )
            for number, app_port in enumerate(app_ports)
        ]
        yield AppCluster(redis, running, served)
