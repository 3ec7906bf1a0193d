"""Packets on the media port that nobody asked for."""

import asyncio
import random
from contextlib import suppress

import pytest
from livekit.protocol import rtc as signal
from wire import (
    Datagrams,
    IceCredentials,
    Signalling,
    answer_to,
    is_stun_success,
    joined,
    rtp_packet,
    stun_check,
    udp_to,
)

from servers import MediaServer

BURST = 50


async def test_random_bytes_are_passed_over(target: MediaServer) -> None:
    dice = random.Random(1)
    async with udp_to(target.udp_port) as (transport, datagrams):
        for n in range(5000):
            transport.sendto(dice.randbytes(dice.randrange(1, 1500)))
            if n % BURST == 0:
                await asyncio.sleep(0.002)  # gently: to fill the server's socket buffer is another attack
        transport.sendto(b"")
        assert datagrams.received.empty()


@pytest.mark.parametrize("first_byte", [0x00, 0x01, 0x14, 0x16, 0x17, 0x40, 0x80, 0xBF, 0xC8, 0xFF])
async def test_short_and_odd_packets_of_every_kind_are_passed_over(target: MediaServer, first_byte: int) -> None:
    dice = random.Random(first_byte)
    async with udp_to(target.udp_port) as (transport, datagrams):
        for length in range(0, 200):
            transport.sendto(bytes([first_byte]) + dice.randbytes(length))
            if length % BURST == 0:
                await asyncio.sleep(0.002)
        assert datagrams.received.empty()


async def test_a_stun_check_with_a_wrong_password_gets_no_success(target: MediaServer, room: str) -> None:
    async with joined(target, "mallory", room) as mallory, udp_to(target.udp_port) as (transport, datagrams):
        ice = await ice_of_the_server(mallory)
        for _ in range(200):
            transport.sendto(stun_check(ice, "wrong-password-of-24-char"))
        # The right one after them is answered: so the wrong ones were looked at before, and refused.
        await send_until_success(transport, datagrams, stun_check(ice, ice.password), expected=True)


async def test_stun_checks_for_nobody_get_no_success(target: MediaServer) -> None:
    async with udp_to(target.udp_port) as (transport, datagrams):
        for n in range(500):
            nobody = IceCredentials(f"{n:08x}", "x" * 24)
            transport.sendto(stun_check(nobody, nobody.password))
            if n % BURST == 0:
                await asyncio.sleep(0.002)
        await send_until_success(transport, datagrams, b"", expected=False)


async def test_rtp_before_dtls_is_passed_over(target: MediaServer, room: str) -> None:
    async with joined(target, "mallory", room) as mallory, udp_to(target.udp_port) as (transport, datagrams):
        for n in range(500):  # from an address that nobody knows
            transport.sendto(rtp_packet(n))
        ice = await ice_of_the_server(mallory)
        await send_until_success(transport, datagrams, stun_check(ice, ice.password), expected=True)
        for n in range(500):  # from one that ICE knows, but DTLS does not
            transport.sendto(rtp_packet(n))
            transport.sendto(b"\x16\xfe\xff" + rtp_packet(n))
            if n % BURST == 0:
                await asyncio.sleep(0.002)
        await mallory.answers_pings()
    async with joined(target, "mallory", room) as again:
        await again.answers_pings()


async def ice_of_the_server(client: Signalling) -> IceCredentials:
    """Negotiates the subscriber connection, without the will to bring it up."""
    offer = (await client.until("offer")).offer
    await client.send(answer=signal.SessionDescription(type="answer", sdp=answer_to(offer.sdp), id=offer.id))
    return IceCredentials.of(offer.sdp)


async def send_until_success(
    transport: asyncio.DatagramTransport, datagrams: Datagrams, packet: bytes, *, expected: bool
) -> None:
    """Sends as ICE does, several times, and looks whether a success response comes."""
    succeeded = False
    for _ in range(10):
        if packet:
            transport.sendto(packet)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                while not succeeded:
                    succeeded = is_stun_success(await datagrams.received.get())
        if succeeded:
            break
    assert succeeded is expected
