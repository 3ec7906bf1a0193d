"""Asks STUN servers which address this machine has outside, for machines behind NAT, as most clouds' are."""

import socket
from collections.abc import Sequence

# Three requests to each server, and no longer than people wait for a start.
WITHIN_SECONDS = 3.0
_PORT = 3478


def ask_stun(servers: Sequence[str], local: str) -> str:
    """The address outside of what is bound to `local`.

    Args:
        servers: ``host:port`` or ``host``, asked at once; the first answer counts.
        local: an address of this machine, or ``0.0.0.0`` or ``::``.

    Raises:
        OSError: no server has answered within `WITHIN_SECONDS`.
    """
    # Here and not above: tests with a fake need no compiled module.
    from visavis._sfu import public_address

    family = socket.AF_INET6 if ":" in local else socket.AF_INET
    addresses: list[tuple[str, int]] = []
    unknown = None
    for server in servers:
        host, port = split_address(server)
        try:
            infos = socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM)
        except OSError as error:
            unknown = error
            continue
        addresses += [(str(info[4][0]), port) for info in infos[:1]]
    if not addresses:
        raise unknown or OSError("no STUN server is set")
    return public_address(addresses, local=local, within=WITHIN_SECONDS)


def split_address(server: str) -> tuple[str, int]:
    """Host and port of ``host``, ``host:port`` or ``[address]:port``.

    Raises:
        ValueError: the port is none.
    """
    host, separator, port = server.rpartition(":")
    if not separator or "]" in port or (":" in host and not host.startswith("[")):
        host, port = server, str(_PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{server!r} is no address such as stun.example.com:3478")
    return host, int(port)
