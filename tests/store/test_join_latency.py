"""Who joins does not wait for the database, however slow that is."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Iterator

import happening
import httpx
import pytest
import websockets
from slow_link import SlowLink
from store_api import TOKEN, history_of, until

from databases import Postgres
from ports import port
from servers import MediaServer, visavis_server

# Processes start, which a busy machine takes its time for.
pytestmark = pytest.mark.timeout(400)

JOINS = 15
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def link(cluster: Postgres) -> AsyncIterator[SlowLink]:
    async with SlowLink(cluster.port).open() as link:
        yield link


@pytest.fixture
async def url(cluster: Postgres) -> str:
    return await cluster.make_database()


@pytest.fixture
def unhindered() -> Iterator[MediaServer]:
    with visavis_server(port(780)) as server:
        yield server


async def join(server: MediaServer, identity: str) -> float:
    """Seconds from the request to the answer that somebody is in the room."""
    started = time.perf_counter()
    token = server.token(identity, "atrium")
    async with websockets.connect(f"{server.url}/rtc?access_token={token}&protocol=16", max_size=None) as socket:
        await socket.recv()
        return time.perf_counter() - started


@contextlib.asynccontextmanager
async def hindered(link: SlowLink, url: str, how: str) -> AsyncIterator[None]:
    match how:
        case "slow":
            link.delay = 0.5
            yield
            link.delay = 0.0
        case "hanging":
            link.hang()
            yield
            link.go_on()
        case _:
            async with happening.locked(url):
                yield


@pytest.mark.parametrize("how", ["slow", "hanging", "locked"])
async def test_who_joins_does_not_wait_for_a_database_that_is(
    unhindered: MediaServer, link: SlowLink, cluster: Postgres, url: str, how: str
) -> None:
    through = cluster.url(url.rpartition("/")[2], at=link.port)
    async with _in_thread(visavis_server(port(785), database_url=through, admin_token=TOKEN)) as server:
        assert await history_of(server, "sessions") == []
        without, hindered_by = [], []
        async with hindered(link, url, how):
            # In turn, so that both meet the same machine, however busy that is.
            for number in range(JOINS):
                without.append(await join(unhindered, f"p{number}"))
                hindered_by.append(await join(server, f"p{number}"))
            # It really is in the way: a reader waits for it, or is told so.
            async with httpx.AsyncClient(base_url=server.http_url, headers=HEADERS) as http:
                with pytest.raises(httpx.ReadTimeout):
                    await http.get("/api/admin/history/sessions", timeout=1)
        print(f"\n{how}: {_ms(hindered_by)} ms to join, {_ms(without)} ms without a history")
        assert statistics.median(hindered_by) < 1.5 * statistics.median(without) + 0.01
        rows = await until(
            server, "sessions", lambda rows: sum(bool(row["endedAt"]) for row in rows) == JOINS, within=40
        )
        assert {row["identity"] for row in rows} == {f"p{number}" for number in range(JOINS)}


@contextlib.asynccontextmanager
async def _in_thread(server: contextlib.AbstractContextManager[MediaServer]) -> AsyncIterator[MediaServer]:
    """A server whose database is reached through this event loop, which must go on while it starts."""
    try:
        yield await asyncio.to_thread(server.__enter__)
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


def _ms(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.1f}"
