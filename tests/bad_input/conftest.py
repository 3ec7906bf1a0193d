"""A server, a call that runs beside every test here, and the check that the call noticed nothing."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

# Callers, media and servers are those of the tests with the same client.
sys.path.insert(0, str(Path(__file__).parent.parent / "python_sdk"))

from running_call import RunningCall, call_on

from ports import port
from servers import PEER, MediaServer, livekit_server, visavis_server

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all tests of this folder: the call runs on it from the first to the last."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def target() -> Iterator[MediaServer]:
    """The server under attack."""
    start = livekit_server if PEER else visavis_server
    with start(port(450)) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_call(target: MediaServer) -> AsyncIterator[RunningCall]:
    """The call beside."""
    async with call_on(target) as call:
        yield call


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nobody_is_disturbed(running_call: RunningCall) -> AsyncIterator[None]:
    """Around every test: the call noticed nothing of it."""
    mark = running_call.mark()
    yield
    await running_call.undisturbed(mark)


@pytest.fixture
def room() -> str:
    """The name of a room that only this test uses."""
    return f"attacked-{uuid4().hex[:6]}"
