"""Serves rooms in a process of its own: ``serve.py PORT TCP_PORT UDP_PORT MAX_PARTICIPANTS KEY SECRET``."""

import asyncio
import sys
from contextlib import suppress
from signal import SIGINT, SIGTERM

import uvicorn
from starlette.applications import Starlette

from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions
from visavis.hub import NotificationHub


async def main() -> None:
    port, tcp_port, udp_port, max_participants = map(int, sys.argv[1:5])
    key, secret = sys.argv[5:7]
    options = EmbeddedOptions(
        keys={key: secret},
        tcp_port=tcp_port,
        udp_port=udp_port,
        node_ips=("127.0.0.1",),
        max_participants=max_participants,
        departure_timeout=2.0,
    )
    backend = EmbeddedBackend(options)
    hub = NotificationHub()
    await backend.start()
    config = uvicorn.Config(
        Starlette(routes=[*backend.routes(), *hub.routes()]),
        port=port,
        lifespan="off",
        log_level="warning",
        ws="wsproto",  # takes request lines of 16 KiB and more: tokens can be long
    )
    server = uvicorn.Server(config)
    stop = asyncio.Event()
    serving = asyncio.create_task(server._serve())  # without uvicorn's own handling of signals
    for number in (SIGINT, SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await asyncio.gather(hub.aclose(), backend.stop())
    server.should_exit = True
    await serving


with suppress(KeyboardInterrupt):
    asyncio.run(main())
