"""Ports on loopback for what tests start: a block of them that no other run of these tests on this machine has."""

import functools
import socket

_FIRST, _SIZE = 17_000, 1000
# Below where Linux takes the ports of outgoing connections from.
_BLOCKS = range(_FIRST, 32_000, _SIZE)


@functools.cache
def _claim() -> tuple[int, socket.socket]:
    """The first port of a block, and what holds the block as long as this process lives: its last port, open."""
    for first in _BLOCKS:
        try:
            return first, socket.create_server(("127.0.0.1", first + _SIZE - 1))
        except OSError:
            continue
    raise RuntimeError(f"no block of {_SIZE} ports is free from {_FIRST} on: end other runs of these tests")


def port(number: int) -> int:
    """The port of that number, from 0 to 998, in the block of this run."""
    return _claim()[0] + number
