"""The hubs of two processes as one: negotiated here, connected there, and what one client says is heard by all."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
import pytest
import websockets
from served_hub import HANDSHAKE, serving

from visavis.hub import tickets


@dataclass
class Wire:
    """What carries the words of some hubs to the others, without any process between them."""

    ends: "list[End]" = field(default_factory=list)


@dataclass
class End:
    wire: Wire
    secret: bytes = b"of all processes"
    heard: Callable[[bool], None] | None = None

    def on_word(self, callback: Callable[[bool], None]) -> None:
        self.heard = callback

    async def pass_on(self, flag: bool) -> None:
        for end in self.wire.ends:
            if end is not self and end.heard is not None:
                end.heard(flag)


@pytest.fixture
async def addresses() -> AsyncIterator[list[str]]:
    """Where the hubs of two processes are served."""
    wire = Wire()
    wire.ends = [End(wire), End(wire)]
    async with serving(fanout=wire.ends[0]) as one, serving(fanout=wire.ends[1]) as other:
        yield [one.url, other.url]


async def negotiate(address: str, version: int = 1) -> dict:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{address}/negotiate?negotiateVersion={version}")
    return answer.json()


async def connect(address: str, token: str) -> websockets.ClientConnection:
    socket = await websockets.connect(f"{address.replace('http', 'ws', 1)}?id={token}")
    await socket.send(HANDSHAKE)
    assert await socket.recv() == "{}\x1e"
    return socket


@pytest.mark.parametrize(("version", "name"), [(0, "connectionId"), (1, "connectionToken")])
async def test_what_one_negotiates_the_other_connects(addresses: list[str], version: int, name: str) -> None:
    answer = await negotiate(addresses[0], version)
    assert [each["transport"] for each in answer["availableTransports"]] == ["WebSockets"]
    await (await connect(addresses[1], answer[name])).close()


async def test_what_a_client_says_is_heard_by_all_but_itself(addresses: list[str]) -> None:
    sockets = [await connect(address, (await negotiate(address))["connectionToken"]) for address in addresses * 2]
    call = {"type": 1, "invocationId": "7", "target": "RoomsUpdated", "arguments": [True]}
    await sockets[0].send(json.dumps(call) + "\x1e")
    async with asyncio.timeout(5):
        for socket in sockets[1:]:
            assert json.loads((await socket.recv()).rstrip("\x1e"))["target"] == "RoomsUpdated"
        assert json.loads((await sockets[0].recv()).rstrip("\x1e"))["type"] == 3
    for socket in sockets:
        await socket.close()


def other_end(ticket: str) -> str:
    return ticket[:-1] + ("1" if ticket.endswith("0") else "0")


@pytest.mark.parametrize("change", [other_end, lambda it: "9" + it, lambda _: "a.b.c", lambda _: "x"])
async def test_a_token_that_no_process_gave_is_refused(addresses: list[str], change: Callable[[str], str]) -> None:
    token = change((await negotiate(addresses[0]))["connectionToken"])
    with pytest.raises(websockets.InvalidStatus, match="404"):
        await connect(addresses[1], token)


def test_a_ticket_is_good_for_a_minute_and_with_its_secret() -> None:
    now = time.time()
    ticket = tickets.issue(b"one", now)
    assert tickets.is_good(b"one", ticket, now + tickets.GOOD_SECONDS - 1)
    assert not tickets.is_good(b"one", ticket, now + tickets.GOOD_SECONDS + 1)
    assert not tickets.is_good(b"two", ticket, now)
