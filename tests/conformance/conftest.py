"""Each case runs against livekit-server and against ours; `differences.toml` tells where ours differs, and why."""

import logging
import re
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

# The media and the bare signalling socket are those of the other tests.
sys.path.insert(0, str(Path(__file__).parent.parent / "python_sdk"))
sys.path.insert(0, str(Path(__file__).parent.parent / "bad_input"))

from caller import Caller
from livekit import rtc
from participant import LARGEST_ROOM, Join, Participant, connected, token
from wiretap import Call, Detour, Tapped, wiretap

from ports import port
from servers import LIVEKIT_SERVER, MediaServer, livekit_server, visavis_server

_HERE = Path(__file__).parent
_DIFFERENCES: list[dict[str, str]] = tomllib.loads((_HERE / "differences.toml").read_text()).get("difference", [])
_REASONS = {difference["case"]: f"{difference['what']}: {difference['reason']}" for difference in _DIFFERENCES}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the cases where ours differs, unless they use `differs` and so know the other outcome."""
    cases = [item for item in items if isinstance(item, pytest.Function) and item.path.is_relative_to(_HERE)]
    for case in cases:
        case.add_marker(pytest.mark.conformance)
        reason = _REASONS.get(case.originalname)
        if reason and "[visavis" in case.name and "differs" not in case.fixturenames:
            case.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture(scope="session", params=["livekit-server", "visavis"])
def server(request: pytest.FixtureRequest) -> Iterator[MediaServer]:
    """The server under test."""
    if request.param == "visavis":
        with visavis_server(port(510), max_participants=LARGEST_ROOM) as server:
            yield server
        return
    if not LIVEKIT_SERVER.is_file():
        pytest.fail(f"there is no livekit-server at {LIVEKIT_SERVER}: run `make livekit-server`", pytrace=False)
    with livekit_server(port(500), max_participants=LARGEST_ROOM, binary=str(LIVEKIT_SERVER)) as server:
        yield server


@pytest.fixture
def differs(request: pytest.FixtureRequest) -> bool:
    """Whether `differences.toml` says that the server under test does otherwise in this case."""
    assert request.node.originalname in _REASONS, "only cases of differences.toml may ask"
    return "[visavis" in request.node.name


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """The name of a room that only this test uses."""
    return f"{re.sub('[^a-z0-9]+', '-', request.node.name.lower())[:60]}-{uuid4().hex[:6]}"


@pytest.fixture
async def join(server: MediaServer, room: str) -> AsyncIterator[Join]:
    """Lets participants join: ``alice = await join("alice")``; they have read `join` and nothing else."""
    async with AsyncExitStack() as stack:

        async def join(identity: str, *, query: dict[str, Any] | None = None, **grants: Any) -> Participant:
            access = token(server, identity, room, **grants)
            participant = await stack.enter_async_context(connected(server, access, identity, **(query or {})))
            participant.joined = (await participant.next()).join
            return participant

        yield join


@pytest.fixture
async def alice(join: Join) -> Participant:
    return await join("alice")


@pytest.fixture
async def bob(join: Join, alice: Participant) -> Participant:
    return await join("bob")


@pytest.fixture
def path() -> str:
    """Where the clients of `call` connect: to `/rtc` with two peer connections, to `/rtc/v1` with one."""
    return "/rtc"


@pytest.fixture
async def call(path: str, server: MediaServer, room: str) -> AsyncIterator[Call]:
    """Lets the PyPI client join, with media: ``alice, wire = await call("alice")``."""
    async with wiretap(server, port(530), path) as tap, AsyncExitStack() as stack:

        async def call(
            identity: str,
            *,
            auto_subscribe: bool = True,
            dynacast: bool = False,
            detour: Detour | None = None,
            **grants: Any,
        ) -> tuple[Caller, Tapped]:
            if detour:
                tap.detours[identity] = detour
            caller = Caller(identity)
            stack.push_async_callback(caller.room.disconnect)
            options = rtc.RoomOptions(auto_subscribe=auto_subscribe, dynacast=dynacast)
            await caller.room.connect(tap.url, token(server, identity, room, **grants), options)
            return caller, tap.of[identity]

        yield call


@pytest.fixture(autouse=True)
def quiet_client() -> None:
    """The client logs each retry as a warning; a failing case shows its own history."""
    logging.getLogger("livekit").setLevel(logging.ERROR)
