"""The Go SDK as a participant: it hears, publishes, and answers data and RPC. Its program gives back what it gets."""

import asyncio
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from caller import Caller
from livekit import api, rtc
from participant import token

from media import pitch, playing_tone
from servers import MediaServer

_GO = Path(__file__).parent / "go"
COMPILING = 110.0
"""Seconds until the program runs; once compiled it takes one."""


@pytest.fixture
async def alice(server: MediaServer, room: str) -> AsyncIterator[Caller]:
    async with AsyncExitStack() as stack:
        alice = Caller("alice")
        stack.push_async_callback(alice.room.disconnect)
        await alice.room.connect(server.url, token(server, "alice", room))
        yield alice


@pytest.fixture
async def go(server: MediaServer, room: str, alice: Caller, tmp_path: Path) -> AsyncIterator[Process]:
    """The Go participant, in the room with Alice."""
    compiler = shutil.which("go")
    assert compiler, "go is needed for this test"
    program = tmp_path / "echo"
    compiling = await asyncio.create_subprocess_exec(compiler, "build", "-o", program, "./echo", cwd=_GO)
    assert await asyncio.wait_for(compiling.wait(), COMPILING) == 0
    process = await asyncio.create_subprocess_exec(
        program, server.url, token(server, "go", room), stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 20) == b"joined\n"
    await alice.sees(Caller("go"))
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


@pytest.mark.slow
async def test_what_go_hears_it_gives_back(alice: Caller, go: Process) -> None:
    async with playing_tone(alice, 440):
        echo, _, _ = await alice.event("track_subscribed", lambda _, publication, __: publication.name == "echo")
        assert await pitch(echo) == pytest.approx(440, abs=4)


@pytest.mark.slow
async def test_go_answers_data_and_rpc(alice: Caller, go: Process) -> None:
    await alice.me.publish_data("there and back", topic="call", destination_identities=["go"])
    (packet,) = await alice.event("data_received", lambda packet: packet.topic == "echo")
    assert isinstance(packet, rtc.DataPacket)
    assert packet.data == b"there and back"
    assert await alice.me.perform_rpc(destination_identity="go", method="shout", payload="quiet") == "QUIET"


@pytest.mark.slow
async def test_go_ends_when_it_is_removed(server: MediaServer, room: str, alice: Caller, go: Process) -> None:
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as moderator:
        await moderator.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="go"))
    assert await asyncio.wait_for(go.wait(), 10) == 0
    await alice.event("participant_disconnected", lambda left: left.identity == "go")
