"""Which addresses media is served on, and which ones clients are told."""

import socket
import threading

import pytest

import visavis.backend.node_address as module
from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions
from visavis.backend.node_address import MediaAddresses, find_media_addresses
from visavis.backend.public_address import ask_stun, split_address
from visavis.errors import ErrorKind, VisavisError

OWN = {4: "192.0.2.77", 6: "2001:db8::77"}


@pytest.fixture
def routes(monkeypatch):
    """The addresses that this machine has on its default routes."""
    own = dict(OWN)
    monkeypatch.setattr(module, "_own_address", own.get)
    monkeypatch.setattr(module, "_is_own", lambda ip: ip in ("192.0.2.77", "192.0.2.78", "2001:db8::77"))
    return own


@pytest.mark.parametrize(
    ("host", "bound", "told"),
    [
        ("10.1.2.3", ["10.1.2.3"], ["10.1.2.3"]),
        ("0.0.0.0", ["0.0.0.0"], ["192.0.2.77"]),
        ("::", ["0.0.0.0", "::"], ["192.0.2.77", "2001:db8::77"]),
        ("localhost", ["127.0.0.1", "192.0.2.77"], ["127.0.0.1", "192.0.2.77"]),
        ("::1", ["::1", "2001:db8::77"], ["::1", "2001:db8::77"]),
    ],
)
def test_addresses_are_found(routes, host, bound, told):
    assert find_media_addresses(host) == MediaAddresses(tuple(bound), tuple(told))


@pytest.mark.parametrize(
    ("host", "bound", "told"),
    [
        ("0.0.0.0", ["0.0.0.0"], ["127.0.0.1"]),
        ("::", ["::"], ["::1"]),
        ("localhost", ["127.0.0.1"], ["127.0.0.1"]),
    ],
)
def test_a_machine_without_a_network_serves_itself(routes, host, bound, told):
    routes.clear()
    assert find_media_addresses(host) == MediaAddresses(tuple(bound), tuple(told))


def test_a_machine_with_ipv4_alone_is_served_over_that(routes):
    del routes[6]
    assert find_media_addresses("::") == MediaAddresses(("0.0.0.0",), ("192.0.2.77",))


@pytest.mark.parametrize(
    ("host", "told", "bound"),
    [
        ("0.0.0.0", ["203.0.113.7"], ["0.0.0.0"]),
        ("0.0.0.0", ["192.0.2.77", "192.0.2.78"], ["192.0.2.77", "192.0.2.78"]),
        ("0.0.0.0", ["192.0.2.77", "203.0.113.7"], ["0.0.0.0"]),
        ("::", ["203.0.113.7", "2001:db8::7"], ["0.0.0.0", "::"]),
        ("::", ["203.0.113.7"], ["0.0.0.0"]),
        ("127.0.0.1", ["203.0.113.7"], ["127.0.0.1"]),
    ],
)
def test_several_addresses_of_this_machine_get_a_socket_each(routes, host, told, bound):
    assert find_media_addresses(host, told) == MediaAddresses(tuple(bound), tuple(told))


def test_who_is_outside_is_asked_for_each_kind(routes):
    outside = {"0.0.0.0": "203.0.113.7", "::": "2001:db8::7"}
    found = find_media_addresses("::", ask_outside=outside.__getitem__)
    assert found == MediaAddresses(("0.0.0.0", "::"), ("203.0.113.7", "2001:db8::7"))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("stun.example", ("stun.example", 3478)),
        ("stun.example:19302", ("stun.example", 19302)),
        ("[::1]:5", ("::1", 5)),
        ("::1", ("::1", 3478)),
    ],
)
def test_stun_servers_are_read(text, address):
    assert split_address(text) == address


@pytest.mark.parametrize("text", ["stun.example:", "stun.example:x", ":3478", "stun.example:0"])
def test_what_is_no_stun_server_is_refused(text):
    with pytest.raises(ValueError, match="is no address"):
        split_address(text)


@pytest.fixture
def stun_server():
    """Tells everybody that they are 203.0.113.7."""
    pytest.importorskip("visavis._sfu")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)

        def answer():
            request, client = server.recvfrom(1500)
            address = bytes(a ^ b for a, b in zip(socket.inet_aton("203.0.113.7"), request[4:8], strict=True))
            mapped = b"\x00\x20\x00\x08\x00\x01\x12\x34" + address
            server.sendto(b"\x01\x01\x00\x0c" + request[4:20] + mapped, client)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


async def test_clients_are_told_what_a_stun_server_says(stun_server):
    options = EmbeddedOptions(
        keys={"devkey": "secret"}, host="0.0.0.0", udp_port=0, tcp_port=0, stun_servers=(stun_server,)
    )
    backend = EmbeddedBackend(options)
    await backend.start()
    try:
        assert backend.engine is not None
        assert {ip for ip, _ in (*backend.engine.udp_candidates, *backend.engine.tcp_candidates)} == {"203.0.113.7"}
    finally:
        await backend.stop()


async def test_a_silent_stun_server_ends_the_start_with_words(monkeypatch):
    pytest.importorskip("visavis._sfu")
    monkeypatch.setattr("visavis.backend.public_address.WITHIN_SECONDS", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        name = f"127.0.0.1:{silent.getsockname()[1]}"
        backend = EmbeddedBackend(EmbeddedOptions(keys={"a": "b"}, host="0.0.0.0", udp_port=0, stun_servers=(name,)))
        with pytest.raises(VisavisError, match="--node-ip") as error:
            await backend.start()
    assert error.value.kind is ErrorKind.NO_PUBLIC_ADDRESS
    assert name in error.value.message


def test_a_stun_server_of_another_kind_is_no_help():
    pytest.importorskip("visavis._sfu")
    with pytest.raises(OSError, match=r"(?i)address|name"):
        ask_stun(["127.0.0.1:9"], "::")
