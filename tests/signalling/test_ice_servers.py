"""What clients are told of TURN."""

import base64
import hashlib
import hmac

import pytest

from visavis.signalling.ice_servers import TTL_SECONDS, IceServers, turn_urls

NOW = 1_800_000_000.5


def test_credentials_name_the_participant_and_their_end():
    (server,) = IceServers(("turn:192.0.2.1:7882",), b"secret", lambda: NOW).of("PA_alice")
    assert list(server.urls) == ["turn:192.0.2.1:7882"]
    assert server.username == f"{1_800_000_000 + TTL_SECONDS}:PA_alice"
    expected = hmac.new(b"secret", server.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(server.credential) == expected


def test_without_turn_nobody_is_told_anything():
    assert IceServers((), b"secret", lambda: NOW).of("PA_alice") == []


@pytest.mark.parametrize(
    ("ips", "told"),
    [
        (["127.0.0.1", "192.0.2.2"], ["192.0.2.2"]),
        (["127.0.0.1"], ["127.0.0.1"]),
        (["::1"], ["[::1]"]),
        (["192.0.2.2", "2001:db8::5", "192.0.2.3"], ["192.0.2.2", "[2001:db8::5]"]),
    ],
)
def test_one_address_of_each_kind_is_told_and_loopback_only_for_want_of_others(ips, told):
    urls = turn_urls([(ip, 7882) for ip in ips], [(ip, 7881) for ip in ips], None)
    udp = [f"turn:{host}:7882?transport=udp" for host in told]
    assert list(urls) == udp + [f"turn:{host}:7881?transport=tcp" for host in told]


def test_tls_is_told_by_the_name_in_the_certificate():
    assert turn_urls([], [], ("turn.example.com", 443)) == ("turns:turn.example.com:443?transport=tcp",)
