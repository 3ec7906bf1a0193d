"""The embedded backend's life, and the address it tells clients."""

import socket

import pytest

from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions
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


async def test_a_token_joins_its_room_or_is_exchanged_for_one(backend):
    claims = backend.verify(backend.token("alice", name="Alice", room="atrium"))
    assert (claims.identity, claims.name, claims.video.room) == ("alice", "Alice", "atrium")
    roomless = backend.token("alice", name="Alice")
    assert backend.verify(roomless).video.room == ""
    assert backend.verify((await backend.entrance.exchange(roomless, "cellar")).token).video.room == "cellar"
    with pytest.raises(VisavisError, match="has a '/'"):
        await backend.entrance.exchange(roomless, "a/b")
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
