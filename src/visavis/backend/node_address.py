"""Finds the addresses to serve media on, and those that clients are told to send it to."""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

# Nothing is sent there: connecting a UDP socket only asks the routing table. Both are reserved for documentation.
_PROBES = {4: (socket.AF_INET, "192.0.2.1"), 6: (socket.AF_INET6, "2001:db8::1")}
_ANY = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - what people are asked to say who want it
_LOOPBACK = {4: "127.0.0.1", 6: "::1"}


@dataclass(frozen=True, slots=True)
class MediaAddresses:
    """Where media is served.

    Attributes:
        bound: addresses to bind.
        told: addresses for ICE candidates.
    """

    bound: tuple[str, ...]
    told: tuple[str, ...]


def find_media_addresses(
    host: str, node_ips: Sequence[str] = (), *, ask_outside: Callable[[str], str] | None = None
) -> MediaAddresses:
    """The addresses for those who are asked to serve at `host`.

    Args:
        host: an address or a name. ``0.0.0.0`` is all of this machine, ``::`` also over IPv6.
        node_ips: what clients are told, if somebody knows better than this machine.
        ask_outside: finds the address that has outside what is bound to the given one.

    Raises:
        OSError: the name cannot be resolved, or nobody outside has answered.
    """
    bound = _bound_addresses(host)
    if node_ips:
        return _with_node_ips(bound, node_ips)
    if ask_outside is not None:
        return MediaAddresses(bound, _unique(ask_outside(address) for address in bound))
    if all(_is_any(address) for address in bound):
        return MediaAddresses(
            bound, _unique(_own_address(_version(address)) or _LOOPBACK[_version(address)] for address in bound)
        )
    return MediaAddresses(bound, bound)


def bind_address(host: str) -> str:
    """The address to bind for `host`, which may be a name such as ``localhost``."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return _resolve(host)


def loopback_if_any(ip: str) -> str:
    """Where this machine reaches what is bound to `ip`."""
    return _LOOPBACK[_version(ip)] if _is_any(ip) else ip


def _bound_addresses(host: str) -> tuple[str, ...]:
    address = bind_address(host)
    version = _version(address)
    if ipaddress.ip_address(address).is_loopback:
        # Loopback gets this machine's own address beside it: Firefox never pairs its candidates with one of loopback,
        # so without that it could not call on the machine that it runs on. Signalling stays where it is, and media
        # takes no packet from whom signalling did not let in.
        return _unique(filter(None, (address, _own_address(version))))
    if address == _ANY[6]:
        return tuple(_ANY[kind] for kind in (4, 6) if _own_address(kind)) or (address,)
    return (address,)


def _with_node_ips(bound: tuple[str, ...], node_ips: Sequence[str]) -> MediaAddresses:
    """Who names the node's address knows where its packets arrive: at `host`, so loopback needs nothing beside it."""
    bound = bound[:1] if ipaddress.ip_address(bound[0]).is_loopback else bound
    chosen: list[str] = []
    for address in bound:
        of_kind = [ip for ip in node_ips if _version(ip) == _version(address)]
        if not of_kind and len(bound) > 1:
            continue
        # From a socket for any address, answers leave with the one of the route, and a client that had sent to another
        # takes none from there. So those that are this machine's own get a socket each.
        several_own = _is_any(address) and len(of_kind) > 1 and all(map(_is_own, of_kind))
        chosen.extend(of_kind if several_own else [address])
    return MediaAddresses(tuple(chosen), tuple(node_ips))


def _is_own(ip: str) -> bool:
    with socket.socket(_PROBES[_version(ip)][0], socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((ip, 0))
        except OSError:
            return False
        return True


def _resolve(host: str) -> str:
    infos = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    # IPv4 first: "localhost" is both, and the sockets are bound to one.
    infos.sort(key=lambda info: info[0] != socket.AF_INET)
    return str(infos[0][4][0])


def _own_address(version: int) -> str | None:
    """The address that this machine has on its default route."""
    family, target = _PROBES[version]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((target, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def _version(ip: str) -> int:
    return ipaddress.ip_address(ip).version


def _is_any(ip: str) -> bool:
    return ipaddress.ip_address(ip).is_unspecified


def _unique(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(addresses))
