"""What strangers send to the media ports: it is counted and dropped, and who belongs there does not notice."""

import contextlib
import random
import socket
import struct
from collections.abc import Iterator

import pytest
from sfu_engines import LOOPBACK, PATIENCE, MakeEngine, answer, join, offer_of, until
from stun_requests import credentials, is_success, request

from visavis import _sfu

RTP = struct.pack("!BBHII", 0x80, 96, 1, 1, 0x12345678) + bytes(100)
RTCP = struct.pack("!BBHI", 0x81, 206, 2, 1) + bytes(4)
DTLS = b"\x16\xfe\xfd" + bytes(8) + b"\x00\x40" + bytes(64)


@pytest.fixture
def stranger(engine: _sfu.Engine) -> Iterator[socket.socket]:
    with _udp_to(engine) as sender:
        yield sender


def _udp_to(engine: _sfu.Engine) -> socket.socket:
    sender = socket.socket(type=socket.SOCK_DGRAM)
    sender.settimeout(PATIENCE)
    sender.connect((LOOPBACK, engine.udp_ports[0]))
    return sender


def _tcp_to(engine: _sfu.Engine) -> socket.socket:
    return socket.create_connection((LOOPBACK, engine.tcp_ports[0]), timeout=PATIENCE)


def _framed(packet: bytes) -> bytes:
    return struct.pack("!H", len(packet)) + packet


def _assert_answers(engine: _sfu.Engine, ufrag: str, password: str) -> None:
    """Who has the password still gets an answer, and no thread panicked."""
    with _udp_to(engine) as friend:
        friend.send(request(ufrag, password))
        assert is_success(friend.recv(2048))
    assert engine.stats()["panics"] == 0


def _member(engine: _sfu.Engine) -> tuple[str, str]:
    join(engine, "PA_member")
    offer = offer_of(engine, "PA_member")
    answer(engine, offer)
    return credentials(offer.sdp)


@pytest.mark.parametrize("seed", range(3))
def test_random_bytes_over_udp(engine: _sfu.Engine, stranger: socket.socket, seed: int) -> None:
    member = _member(engine)
    chance = random.Random(seed)
    for _ in range(500):
        stranger.send(chance.randbytes(chance.randrange(0, 1500)))
    # loopback loses datagrams only if the buffer is full, and that is larger than this
    until(lambda: engine.stats()["packets_dropped"] >= 500, "all of it to be dropped")
    _assert_answers(engine, *member)


@pytest.mark.parametrize("packet", [RTP, RTCP, DTLS, b"", b"\x00", bytes(65_507)], ids=lambda packet: str(len(packet)))
def test_media_from_an_address_that_nobody_authenticated(
    engine: _sfu.Engine, stranger: socket.socket, packet: bytes
) -> None:
    member = _member(engine)
    stranger.send(packet)
    until(lambda: engine.stats()["packets_dropped"] == 1, "it to be dropped")
    _assert_answers(engine, *member)


def test_stun_with_a_wrong_password_gets_no_answer_and_no_route(engine: _sfu.Engine, stranger: socket.socket) -> None:
    ufrag, password = _member(engine)
    stranger.send(request(ufrag, "not the password"))
    until(lambda: engine.stats()["packets_dropped"] == 1, "the request to be dropped")
    stranger.send(RTP)
    until(lambda: engine.stats()["packets_dropped"] == 2, "the media to be dropped")
    assert engine.stats()["packets_out"] == 0
    _assert_answers(engine, ufrag, password)


def test_stun_for_nobody(engine: _sfu.Engine, stranger: socket.socket) -> None:
    member = _member(engine)
    strange = ["", "0", "00nobody", "zzzz", "\u202eabc", "A" * 500]
    for ufrag in strange:
        stranger.send(request(ufrag, "secret"))
    until(lambda: engine.stats()["packets_dropped"] == len(strange), "all of them to be dropped")
    _assert_answers(engine, *member)


def test_media_before_dtls_from_an_authenticated_address(engine: _sfu.Engine) -> None:
    ufrag, password = _member(engine)
    with _udp_to(engine) as hasty:
        hasty.send(request(ufrag, password))
        assert is_success(hasty.recv(2048))
        for packet in (RTP, RTCP, RTP, b"\x17" + DTLS[1:]):
            hasty.send(packet)
        until(lambda: engine.stats()["packets_in"] == 5, "the packets to reach the worker")
        hasty.send(request(ufrag, password))
        assert is_success(hasty.recv(2048)), "it is still there"
    _assert_answers(engine, ufrag, password)


def test_a_check_ahead_of_the_answer_opens_the_way_once_that_is_there(engine: _sfu.Engine) -> None:
    join(engine, "PA_member")
    offer = offer_of(engine, "PA_member")
    with _udp_to(engine) as hasty:
        hasty.send(request(*credentials(offer.sdp)))
        until(lambda: engine.stats()["packets_in"] == 1, "the check to reach the worker")
        answer(engine, offer)
        assert is_success(hasty.recv(2048))
        hasty.send(DTLS)
        until(lambda: engine.stats()["packets_in"] == 2, "DTLS to reach the worker without another check")
        assert engine.stats()["panics"] == 0


def test_a_packet_cut_anywhere(engine: _sfu.Engine, stranger: socket.socket) -> None:
    ufrag, password = _member(engine)
    whole = request(ufrag, password)
    for length in range(len(whole)):
        stranger.send(whole[:length])
    until(lambda: engine.stats()["packets_dropped"] == len(whole), "all pieces to be dropped")
    _assert_answers(engine, ufrag, password)


def test_ice_tcp_answers_in_frames(engine: _sfu.Engine) -> None:
    ufrag, password = _member(engine)
    with _tcp_to(engine) as client:
        check = _framed(request(ufrag, password))
        client.sendall(check[:7])
        client.sendall(check[7:])
        (length,) = struct.unpack("!H", client.recv(2, socket.MSG_WAITALL))
        assert is_success(client.recv(length, socket.MSG_WAITALL))


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(0x4745), _framed(RTP), _framed(DTLS), _framed(b"x") * 100],
    ids=["http", "rtp", "dtls", "short"],
)
def test_tcp_that_does_not_begin_with_a_check_is_closed(engine: _sfu.Engine, sent: bytes) -> None:
    member = _member(engine)
    with _tcp_to(engine) as client:
        client.sendall(sent)
        # A reset is the same: an end with bytes of ours unread.
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
    _assert_answers(engine, *member)


def test_tcp_with_a_wrong_password_gets_no_answer(engine: _sfu.Engine) -> None:
    ufrag, password = _member(engine)
    with _tcp_to(engine) as client:
        client.sendall(_framed(request(ufrag, "not the password")))
        until(lambda: engine.stats()["packets_dropped"] == 1, "the request to be dropped")
        client.sendall(_framed(request(ufrag, password)))
        (length,) = struct.unpack("!H", client.recv(2, socket.MSG_WAITALL))
        # The first answer is to the second request.
        assert is_success(client.recv(length, socket.MSG_WAITALL))
    _assert_answers(engine, ufrag, password)


def test_500_silent_connections_leave_room_for_others(make_engine: MakeEngine) -> None:
    engine = make_engine()
    ufrag, password = _member(engine)
    silent = [_tcp_to(engine) for _ in range(500)]
    try:
        with _tcp_to(engine) as client:
            client.sendall(_framed(request(ufrag, password)))
            (length,) = struct.unpack("!H", client.recv(2, socket.MSG_WAITALL))
            assert is_success(client.recv(length, socket.MSG_WAITALL))
    finally:
        for connection in silent:
            connection.close()
