"""PyPI `livekit` at servers with other addresses than one of IPv4."""

import asyncio
import socket

import pytest
from caller import Join, MakeServer

from media import CAMERA, MICROPHONE, Colour, pitch, playing_tone, showing, watch
from visavis.backend.node_address import find_media_addresses


def _can_bind(ip: str) -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((ip, 0))
        except OSError:
            return False
        return True


@pytest.mark.skipif(not _can_bind("::1"), reason="this machine has no IPv6")
async def test_a_call_over_ipv6_alone(make_server: MakeServer, join: Join) -> None:
    # With loopback alone the client has no candidate that fits.
    node_ips = find_media_addresses("::1").told
    server = await make_server(host="::", node_ip=",".join(node_ips))
    url = f"ws://[::1]:{server.http_port}"
    alice = await join("alice", url=url)
    bob = await join("bob", url=url)
    async with playing_tone(alice, 440), showing(alice, Colour.RED):
        sound, video = await asyncio.gather(bob.track_of(alice, MICROPHONE), bob.track_of(alice, CAMERA))
        heard, seen = await asyncio.gather(pitch(sound), watch(video, 5))
    assert heard == pytest.approx(440, abs=4)
    assert {picture.colour for picture in seen} == {Colour.RED}
