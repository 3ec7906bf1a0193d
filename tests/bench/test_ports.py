"""Which ports the benchmark's servers get."""

import socket

import pytest

import processes


@pytest.mark.parametrize(("kind", "offset"), [(socket.SOCK_STREAM, 0), (socket.SOCK_STREAM, 1), (socket.SOCK_DGRAM, 2)])
def test_ports_that_somebody_has_are_passed_over(kind: socket.SocketKind, offset: int):
    first = next(processes.free_ports(15_000))
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", first + offset))
        assert next(processes.free_ports(first)) > first


def test_without_free_ports_it_says_what_to_do():
    with pytest.raises(processes.BenchError, match="--port"):
        next(processes.free_ports(1 << 16))
