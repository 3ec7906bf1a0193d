"""Finds the address of this machine that clients can send media to."""

import ipaddress
import socket

# Nothing is sent there: connecting a UDP socket only asks the routing table. Both are reserved for documentation.
_PROBES = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))

_LOOPBACK = "127.0.0.1"


def bind_address(host: str) -> str:
    """The address to bind for `host`, which may be a name such as ``localhost``."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return _resolve(host)


def find_node_ips(host: str) -> tuple[str, ...]:
    """The addresses to put into ICE candidates for sockets that are bound to `host`.

    Args:
        host: an address or a name. One that is not "any address" is itself the answer. For "any address" it is that
            of the default route, and loopback if there is none.

    Raises:
        OSError: the name cannot be resolved.
    """
    address = ipaddress.ip_address(bind_address(host))
    if not address.is_unspecified:
        return (str(address),)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    for probed, target in _PROBES:
        if probed == family:
            found = _source_address(family, target)
            if found is not None:
                return (found,)
    return (_LOOPBACK,) if address.version == 4 else ("::1",)


def with_own_address(host: str) -> tuple[str, ...]:
    """The addresses to bind media sockets to, for those who are asked to serve at `host`.

    Loopback gets this machine's own address beside it: Firefox never pairs its candidates with one of loopback, so
    without that it could not call on the machine that it runs on. Signalling stays where it is, and media takes no
    packet from whom signalling did not let in.
    """
    address = ipaddress.ip_address(bind_address(host))
    if not address.is_loopback:
        return (str(address),)
    return tuple(dict.fromkeys((str(address), *find_node_ips("0.0.0.0" if address.version == 4 else "::"))))  # noqa: S104


def _resolve(host: str) -> str:
    infos = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    # IPv4 first: "localhost" is both, and the sockets are bound to one.
    infos.sort(key=lambda info: info[0] != socket.AF_INET)
    return str(infos[0][4][0])


def _source_address(family: socket.AddressFamily, target: str) -> str | None:
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((target, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
