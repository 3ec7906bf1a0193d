"""TURN for those who want it to be something else: a relay to others, an amplifier, a way in."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from turn_wire import (
    ALLOCATE,
    CHANNEL_BIND,
    CREATE_PERMISSION,
    REFRESH,
    SEND,
    UDP_TRANSPORT,
    TurnClient,
    attributes_of,
    message,
    peer,
)
from wire import joined, udp_to

from servers import PEER, MediaServer

pytestmark = pytest.mark.skipif(bool(PEER), reason="livekit-server has TURN on other ports, if at all")

HEADERS = 28  # of IP and UDP


@asynccontextmanager
async def mallory_with_turn(target: MediaServer, room: str) -> AsyncIterator[TurnClient]:
    async with joined(target, "mallory", room) as mallory, udp_to(target.udp_port) as (transport, datagrams):
        (server,) = mallory.join.ice_servers
        yield TurnClient(transport, datagrams, server.username, server.credential)


async def test_a_flood_without_credentials_is_answered_in_hardly_more_than_it_sends(target: MediaServer) -> None:
    request = message(ALLOCATE, bytes(12), b"\x00\x19\x00\x04\x11\x00\x00\x00")
    async with udp_to(target.udp_port) as (transport, datagrams):
        for n in range(3000):
            transport.sendto(request)
            if n % 50 == 0:
                await asyncio.sleep(0.002)
        answer = await asyncio.wait_for(datagrams.received.get(), 10)
    assert attributes_of(answer)[0x0009][2:4] == b"\x04\x01"
    assert len(answer) + HEADERS <= 2 * (len(request) + HEADERS)


async def test_nothing_is_relayed_to_anybody_else(target: MediaServer, room: str) -> None:
    async with mallory_with_turn(target, room) as client:
        assert await client.ask(ALLOCATE, UDP_TRANSPORT) == 0
        assert await client.ask(CREATE_PERMISSION, peer("127.0.0.1", target.udp_port)) == 0
        for host, port in (("192.0.2.250", 53), ("169.254.169.254", 80), ("0.0.0.0", target.udp_port)):
            assert await client.ask(CREATE_PERMISSION, peer(host, port)) == 403
            assert await client.ask(CHANNEL_BIND, (0x000C, b"\x40\x00\x00\x00"), peer(host, port)) == 403
        # The permission is for the address; that to another port of it nothing goes, only its socket can tell.
        async with _listening() as (port, heard):
            data = message(SEND | 0x10, os.urandom(12), _pack(peer("127.0.0.1", port), (0x0013, b"hello")))
            client.transport.sendto(data)
            assert await client.ask(CHANNEL_BIND, (0x000C, b"\x40\x00\x00\x00"), peer("127.0.0.1", port)) == 403
            assert heard.empty()


async def test_what_is_relayed_is_no_way_in(target: MediaServer, room: str) -> None:
    dice = random.Random(5)
    media = peer("127.0.0.1", target.udp_port)
    async with mallory_with_turn(target, room) as client:
        assert await client.ask(ALLOCATE, UDP_TRANSPORT) == 0
        assert await client.ask(CHANNEL_BIND, (0x000C, b"\x40\x01\x00\x00"), media) == 0
        for n in range(2000):
            payload = dice.randbytes(dice.randrange(0, 1200))
            length = dice.choice([len(payload), 0, 0xFFFF])
            client.transport.sendto(b"\x40\x01" + length.to_bytes(2) + payload)
            client.transport.sendto(message(SEND | 0x10, os.urandom(12), _pack(media, (0x0013, payload))))
            if n % 50 == 0:
                await asyncio.sleep(0.002)
        # TURN within TURN, and a request that was cut.
        client.transport.sendto(b"\x40\x01\x00\x1c" + message(ALLOCATE, bytes(12), _pack(UDP_TRANSPORT)))
        client.transport.sendto(message(ALLOCATE, bytes(12), _pack(UDP_TRANSPORT))[:-3])
        assert await client.ask(REFRESH) == 0


async def test_credentials_are_good_for_nobody_else_and_only_in_the_room(target: MediaServer, room: str) -> None:
    async with mallory_with_turn(target, room) as client:
        other = TurnClient(client.transport, client.datagrams, client.username.replace("PA_", "PA_x"), client.password)
        assert await other.ask(ALLOCATE, UDP_TRANSPORT) == 401
        later = TurnClient(client.transport, client.datagrams, f"9{client.username}", client.password)
        assert await later.ask(ALLOCATE, UDP_TRANSPORT) == 401
        assert await client.ask(ALLOCATE, UDP_TRANSPORT) == 0
        assert await client.ask(ALLOCATE, UDP_TRANSPORT) == 437
    # Another takes the identity over: the one before is gone.
    async with mallory_with_turn(target, room), udp_to(target.udp_port) as (transport, datagrams):
        late = TurnClient(transport, datagrams, client.username, client.password)
        assert await late.ask(ALLOCATE, UDP_TRANSPORT) == 401


@asynccontextmanager
async def _listening() -> AsyncIterator[tuple[int, asyncio.Queue[bytes]]]:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            heard.put_nowait(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Ear, ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1], heard
    finally:
        transport.close()


def _pack(*attributes: tuple[int, bytes]) -> bytes:
    packed = (kind.to_bytes(2) + len(value).to_bytes(2) + value + bytes(-len(value) % 4) for kind, value in attributes)
    return b"".join(packed)
