"""STUN binding requests (RFC 8489) as an ICE agent sends them, right and wrong."""

import hashlib
import hmac
import os
import struct
import zlib

_COOKIE = 0x2112A442


def request(local_ufrag: str, password: str, *, remote_ufrag: str = "them") -> bytes:
    """A check for the agent with `local_ufrag`, authenticated by `password`."""
    body = _attribute(0x0006, f"{local_ufrag}:{remote_ufrag}".encode())
    body += _attribute(0x0024, struct.pack("!I", 1853824767)) + _attribute(0x802A, os.urandom(8))
    body += _attribute(0x0025, b"")
    head = struct.pack("!HHI", 1, len(body) + 24, _COOKIE) + os.urandom(12)
    body += _attribute(0x0008, hmac.digest(password.encode(), head + body, hashlib.sha1))
    head = head[:2] + struct.pack("!H", len(body) + 8) + head[4:]
    return head + body + _attribute(0x8028, struct.pack("!I", zlib.crc32(head + body) ^ 0x5354554E))


def is_success(packet: bytes) -> bool:
    """Whether it is the answer to a request that was authenticated."""
    return packet[:2] == b"\x01\x01" and packet[4:8] == struct.pack("!I", _COOKIE)


def credentials(sdp: str) -> tuple[str, str]:
    """Ufrag and password that a description names."""
    ufrag, password = (sdp.split(f"a=ice-{name}:")[1].split()[0] for name in ("ufrag", "pwd"))
    return ufrag, password


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
