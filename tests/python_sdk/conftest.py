"""Fixtures of the tests with the PyPI `livekit` client: a server, a room of one's own, callers in it."""

import asyncio
import itertools
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest
from caller import PATIENCE, Caller, Join, MakeServer
from livekit import rtc

from ports import port
from servers import PEER, MediaServer, livekit_server, visavis_server


@pytest.fixture(scope="session")
def media_server() -> Iterator[MediaServer]:
    with _start(port(410)) as server:
        yield server


@pytest.fixture
async def make_server() -> AsyncIterator[MakeServer]:
    """Starts servers of one's own: ``server = await make_server(max_participants=2)``."""
    async with AsyncExitStack() as stack:

        async def make(http_port: int = 0, **settings: Any) -> MediaServer:
            context = _start(http_port or next(_ports), **settings)
            server = await asyncio.to_thread(context.__enter__)
            stack.push_async_callback(asyncio.to_thread, context.__exit__, None, None, None)
            return server

        yield make


_start = livekit_server if PEER else visavis_server
_ports = itertools.count(port(420), 5)


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """The name of a room that only this test uses."""
    return f"{re.sub('[^a-z0-9]+', '-', request.node.name.lower())[:60]}-{uuid4().hex[:6]}"


@pytest.fixture
async def join(media_server: MediaServer, room: str) -> AsyncIterator[Join]:
    """Makes callers and lets them join: ``alice = await join("alice")``."""
    callers: list[Caller] = []

    async def join(
        identity: str,
        *,
        room: str = room,
        url: str = media_server.url,
        token: str | None = None,
        options: rtc.RoomOptions | None = None,
        name: str = "",
        **grants: Any,
    ) -> Caller:
        caller = Caller(identity)
        callers.append(caller)
        token = token or media_server.token(identity, room, name=name, **grants)
        await asyncio.wait_for(caller.room.connect(url, token, options or rtc.RoomOptions()), PATIENCE)
        return caller

    yield join
    await asyncio.gather(*(asyncio.wait_for(caller.room.disconnect(), PATIENCE) for caller in callers))


@pytest.fixture
async def alice(join: Join) -> Caller:
    return await join("alice")


@pytest.fixture
async def bob(join: Join, alice: Caller) -> Caller:
    bob = await join("bob")
    await asyncio.gather(alice.sees(bob), bob.sees(alice))
    return bob


@pytest.fixture
async def carol(join: Join, alice: Caller, bob: Caller) -> Caller:
    carol = await join("carol")
    await asyncio.gather(alice.sees(carol), bob.sees(carol), carol.sees(alice), carol.sees(bob))
    return carol


@pytest.fixture(autouse=True)
def quiet_client() -> None:
    """The client logs each retry as a warning; a failing test shows its own history."""
    logging.getLogger("livekit").setLevel(logging.ERROR)
