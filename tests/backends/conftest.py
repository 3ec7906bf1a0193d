"""Each case runs in front of both backends: rooms of one process, and of a cluster behind two processes in turn."""

import asyncio
import contextlib
import itertools
import logging
import re
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
from hook import Hook, hook_at
from room_stage import Stage, Video

from clusters import ADMIN_TOKEN, app_cluster
from ports import port
from servers import visavis_server


@pytest.fixture(scope="session")
def hook() -> Iterator[Hook]:
    """Where the host's own program hears what happens."""
    with hook_at(port(566)) as hook:
        yield hook


@pytest.fixture(scope="session", params=["embedded", "livekit"])
def video(request: pytest.FixtureRequest, hook: Hook, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Video]:
    history = tmp_path_factory.mktemp(request.param) / "history.sqlite3"
    settings = {"database_url": f"sqlite:///{history}", "webhook_url": hook.url}
    if request.param == "embedded":
        with visavis_server(port(560), admin_token=ADMIN_TOKEN, **settings) as server:
            yield Video("embedded", [server], server)
        return
    with app_cluster(port(570), nodes=1, apps=2, departure_timeout=2, **settings) as cluster:
        yield Video("livekit", cluster.apps, cluster.nodes[0])


@pytest.fixture
async def stage(video: Video, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    room = f"{re.sub('[^a-z0-9]+', '-', request.node.originalname.lower())[:40]}-{uuid4().hex[:6]}"
    async with contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=app.http_url, timeout=30)) for app in video.apps
        ]
        stage = Stage(video, room, itertools.cycle(clients))
        yield stage
        for task in stage.asking:
            task.cancel()
        await asyncio.gather(*(caller.room.disconnect() for caller in stage.callers.values()))


@pytest.fixture(autouse=True)
def quiet_client() -> None:
    """The client logs each retry as a warning; a failing test shows its own history."""
    logging.getLogger("livekit").setLevel(logging.ERROR)
