"""The TURN servers that a client is told: this server's own media ports, with credentials that expire."""

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from livekit.protocol import rtc

# For new relays only: one that is there lives as long as its call. A client that reconnects is given new ones, but one
# that publishes for the first time late in a call connects with those that it got when it joined.
TTL_SECONDS = 12 * 3600


Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class IceServers:
    """Makes what `JoinResponse.ice_servers` says.

    Attributes:
        urls: of this server's TURN; none: clients are told of none.
        secret: passwords are made of it; the media core knows it, too.
        wall: seconds since the epoch.
    """

    urls: tuple[str, ...]
    secret: bytes
    wall: Callable[[], float]

    def of(self, participant: str) -> list[rtc.ICEServer]:
        """For one participant: coturn's REST scheme, a user name with its end and whose it is, and the HMAC of that."""
        if not self.urls:
            return []
        username = f"{int(self.wall()) + TTL_SECONDS}:{participant}"
        password = base64.b64encode(hmac.digest(self.secret, username.encode(), hashlib.sha1)).decode()
        return [rtc.ICEServer(urls=self.urls, username=username, credential=password)]


def turn_urls(udp: Sequence[Address], tcp: Sequence[Address], tls: Address | None) -> tuple[str, ...]:
    """The URLs of TURN at media addresses.

    Args:
        udp: addresses of media over UDP.
        tcp: addresses of media over TCP.
        tls: the name in the certificate, and the port; None without TLS.
    """
    urls = [f"turn:{_bracketed(ip)}:{port}?transport=udp" for ip, port in _useful(udp)]
    urls += [f"turn:{_bracketed(ip)}:{port}?transport=tcp" for ip, port in _useful(tcp)]
    if tls is not None:
        urls.append(f"turns:{tls[0]}:{tls[1]}?transport=tcp")
    return tuple(urls)


def _useful(addresses: Sequence[Address]) -> Sequence[Address]:
    """One of each kind (IPv4, IPv6). Loopback only where there is nothing else: Firefox uses no TURN server there."""
    outside = [address for address in addresses if not ipaddress.ip_address(address[0]).is_loopback]
    by_version = {ipaddress.ip_address(ip).version: (ip, port) for ip, port in reversed(outside or addresses)}
    return [by_version[version] for version in sorted(by_version)]


def _bracketed(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip
