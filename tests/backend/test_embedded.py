"""The embedded backend's life, and the address it tells clients."""

import socket

import pytest

from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions
from visavis.backend.node_address import find_node_ips, with_own_address
from visavis.errors import ErrorKind, VisavisError
from visavis.media.fake import FakeEngine


@pytest.fixture
def engines():
    return []


@pytest.fixture
async def backend(engines):
    def make(_):
        engines.append(FakeEngine())
        return engines[-1]

    backend = EmbeddedBackend(EmbeddedOptions(keys={"devkey": "secret"}, token_ttl=60), engine=make)
    yield backend
    await backend.stop()


async def test_starting_and_stopping_twice_is_fine(backend, engines):
    await backend.start()
    await backend.start()
    assert len(engines) == 1
    await backend.stop()
    await backend.stop()
    assert engines[0].is_closed


async def test_a_stopped_backend_lets_nobody_in(backend, engines):
    await backend.stop()
    with pytest.raises(VisavisError) as refused:
        await backend.registry()
    assert (refused.value.kind, refused.value.status) == (ErrorKind.SERVER_STOPPING, 503)
    assert not engines


def test_there_are_no_rooms_before_the_start(backend):
    assert backend.rooms() == []


def test_a_token_joins_its_room_or_is_exchanged_for_one(backend):
    claims = backend.verify(backend.token("alice", name="Alice", room="atrium"))
    assert (claims.identity, claims.name, claims.video.room) == ("alice", "Alice", "atrium")
    roomless = backend.token("alice", name="Alice")
    assert backend.verify(roomless).video.room == ""
    assert backend.verify(backend.exchange(roomless, "cellar")).video.room == "cellar"
    with pytest.raises(VisavisError, match="has a '/'"):
        backend.exchange(roomless, "a/b")
    with pytest.raises(VisavisError, match="0 characters"):
        backend.token("")


async def test_taken_ports_are_named():
    pytest.importorskip("visavis._sfu")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        backend = EmbeddedBackend(EmbeddedOptions(keys={"devkey": "secret"}, udp_port=port, tcp_port=None))
        with pytest.raises(VisavisError, match=f"UDP {port}"):
            await backend.start()


@pytest.mark.parametrize(
    ("host", "ips"), [("127.0.0.1", ("127.0.0.1",)), ("10.1.2.3", ("10.1.2.3",)), ("localhost", ("127.0.0.1",))]
)
def test_an_address_that_is_bound_is_the_nodes(host, ips):
    assert find_node_ips(host) == ips


def test_any_address_is_that_of_the_default_route(monkeypatch):
    import visavis.backend.node_address as module

    monkeypatch.setattr(module, "_source_address", lambda *_: "192.0.2.77")
    assert find_node_ips("0.0.0.0") == ("192.0.2.77",)
    monkeypatch.setattr(module, "_source_address", lambda *_: None)
    assert find_node_ips("0.0.0.0") == ("127.0.0.1",)
    assert find_node_ips("::") == ("::1",)


def test_loopback_media_is_served_at_the_machines_own_address_too(monkeypatch):
    import visavis.backend.node_address as module

    monkeypatch.setattr(module, "_source_address", lambda *_: "192.0.2.77")
    assert with_own_address("localhost") == ("127.0.0.1", "192.0.2.77")
    assert with_own_address("10.1.2.3") == ("10.1.2.3",)
    monkeypatch.setattr(module, "_source_address", lambda *_: None)
    assert with_own_address("localhost") == ("127.0.0.1",)
