"""What rooms in this process stand on: ports, and an address at which clients reach them."""

import errno
import ipaddress
import socket
from collections.abc import Generator

from visavis.backend.node_address import MediaAddresses, find_media_addresses
from visavis.backend.public_address import ask_stun
from visavis.config import Settings
from visavis.doctor.finding import Finding, doubtful, failed, well


def examine(settings: Settings) -> Generator[Finding]:
    """Tries them. None of it stays open."""
    yield _port("http", settings.host, settings.port, socket.SOCK_STREAM, "port")
    addresses, finding = _addresses(settings)
    if addresses is not None:
        for host in addresses.bound:
            yield _port("media over UDP", host, settings.udp_port, socket.SOCK_DGRAM, "udp_port")
            yield _port("media over TCP", host, settings.tcp_port, socket.SOCK_STREAM, "tcp_port")
    yield finding


def _port(leg: str, host: str, port: int, kind: socket.SocketKind, setting: str) -> Finding:
    shown = f"{'UDP' if kind is socket.SOCK_DGRAM else 'TCP'} {port} on {host}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                # As servers open theirs: what has just ended holds nobody up.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return doubtful(leg, f"{shown} is in use: well if Visavis runs; else stop what has it, or set {setting}")
        if error.errno == errno.EACCES:
            return failed(leg, f"{shown} cannot be opened by this user: set {setting} to 1024 or more")
        return failed(leg, f"{shown} cannot be opened ({error.strerror or error}): set {setting}, or the host")
    return well(leg, f"{shown} can be opened")


def _addresses(settings: Settings) -> tuple[MediaAddresses | None, Finding]:
    leg, servers = "public address", settings.stun_server if settings.use_external_ip else ()
    try:
        found = find_media_addresses(
            settings.media_host or settings.host,
            settings.node_ip,
            ask_outside=(lambda local: ask_stun(servers, local)) if servers else None,
        )
    except OSError as error:
        said = "no STUN server has answered" if servers else "the host cannot be resolved"
        return None, failed(leg, f"{said} ({error}): set node_ip to the address that clients reach, or stun_server")
    told = ", ".join(found.told)
    parsed = [ipaddress.ip_address(address) for address in found.told]
    if all(address.is_loopback for address in parsed):
        return found, doubtful(leg, f"media is told to be at {told}: only this machine reaches it; set host")
    if all(address.is_private for address in parsed):
        return found, doubtful(
            leg,
            f"media is told to be at {told}: from outside this network set node_ip to this machine's public address, "
            "or use_external_ip",
        )
    return found, well(leg, f"media is told to be at {told}")
