"""TURN requests (RFC 8656) as a client sends them over UDP, right and wrong."""

import asyncio
import hashlib
import hmac
import os
import socket
import struct
from dataclasses import dataclass

from wire import Datagrams

COOKIE = 0x2112A442
ALLOCATE, REFRESH, SEND, CREATE_PERMISSION, CHANNEL_BIND = 3, 4, 6, 8, 9
UDP_TRANSPORT = (0x0019, bytes([17, 0, 0, 0]))


@dataclass
class TurnClient:
    """One five-tuple of TURN, with the credentials that signalling gave."""

    transport: asyncio.DatagramTransport
    datagrams: Datagrams
    username: str
    password: str
    realm: str = ""
    nonce: bytes = b""

    async def ask(self, method: int, *attributes: tuple[int, bytes]) -> int:
        """The error code that a request is answered with; 0: success. Learns realm and nonce if it is told them."""
        code = await self._ask(method, *attributes)
        if code in (401, 438) and self.nonce:
            return await self._ask(method, *attributes)
        return code

    async def _ask(self, method: int, *attributes: tuple[int, bytes]) -> int:
        transaction = os.urandom(12)
        body = b"".join(_attribute(kind, value) for kind, value in attributes)
        key = None
        if self.nonce:
            login = [(0x0006, self.username.encode()), (0x0014, self.realm.encode()), (0x0015, self.nonce)]
            body += b"".join(_attribute(kind, value) for kind, value in login)
            key = hashlib.md5(f"{self.username}:{self.realm}:{self.password}".encode()).digest()
        self.transport.sendto(message(method, transaction, body, key))
        async with asyncio.timeout(10):
            while (answer := await self.datagrams.received.get())[8:20] != transaction:
                pass
        told = attributes_of(answer)
        self.realm = told.get(0x0014, self.realm.encode()).decode()
        self.nonce = told.get(0x0015, self.nonce)
        error = told.get(0x0009)
        return 0 if error is None else error[2] * 100 + error[3]


def message(kind: int, transaction: bytes, body: bytes, key: bytes | None = None) -> bytes:
    """A STUN message, signed if there is a key."""
    length = len(body) + (24 if key else 0)
    signed = struct.pack("!HHI", kind, length, COOKIE) + transaction + body
    return signed + (_attribute(0x0008, hmac.digest(key, signed, hashlib.sha1)) if key else b"")


def peer(host: str, port: int) -> tuple[int, bytes]:
    """XOR-PEER-ADDRESS of IPv4."""
    address = struct.unpack("!I", socket.inet_aton(host))[0] ^ COOKIE
    return 0x0012, struct.pack("!BBHI", 0, 1, port ^ (COOKIE >> 16), address)


def attributes_of(packet: bytes) -> dict[int, bytes]:
    """The attributes of a message."""
    found: dict[int, bytes] = {}
    at = 20
    while at + 4 <= len(packet):
        kind, length = struct.unpack_from("!HH", packet, at)
        found[kind] = packet[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
    return found


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
