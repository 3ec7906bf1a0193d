"""Fixtures of the tests in front of a cluster; what they start is in tests/clusters.py, for others, too."""

import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "python_sdk"))

from caller import Caller
from livekit import api

from clusters import AppCluster, Enter, app_cluster
from ports import port


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppCluster]:
    """Two livekit-servers with one Redis, and two app processes with one history; tests leave it as they found it."""
    history = tmp_path_factory.mktemp("history") / "history.sqlite3"
    with app_cluster(port(650), nodes=2, apps=2, departure_timeout=1, database_url=f"sqlite:///{history}") as cluster:
        yield cluster


@pytest.fixture
def room() -> str:
    return f"room-{uuid4().hex[:8]}"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30) as http:
        yield http


@pytest.fixture
async def server_api(cluster: AppCluster) -> AsyncIterator[api.LiveKitAPI]:
    client = cluster.server_api()
    yield client
    await client.aclose()


@pytest.fixture
async def enter(cluster: AppCluster, http: httpx.AsyncClient, room: str) -> AsyncIterator[Enter]:
    """Lets people come in by one of the apps: ``alice = await enter("alice", app=1)``; they have their `token`."""
    async with AsyncExitStack() as stack:

        async def enter(identity: str, *, app: int = 0, room: str = room) -> Caller:
            params = {"identity": identity, "name": identity.title(), "room": room}
            answer = await http.get(f"{cluster.apps[app].http_url}/api/video/token", params=params)
            assert answer.status_code == 200, answer.text
            caller = Caller(identity)
            caller.token = answer.json()["token"]
            await caller.room.connect(answer.json()["url"], caller.token)
            stack.push_async_callback(caller.room.disconnect)
            return caller

        yield enter


@pytest.fixture(autouse=True)
def quiet_client() -> None:
    """The client logs each retry as a warning; a failing test shows its own history."""
    logging.getLogger("livekit").setLevel(logging.ERROR)
