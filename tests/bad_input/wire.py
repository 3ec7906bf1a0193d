"""Clients that know no manners: bare signalling sockets, hand-made tokens, STUN and RTP packets."""

import asyncio
import hashlib
import hmac
import json
import os
import struct
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jwt
import websockets
from google.protobuf import json_format
from livekit.protocol import rtc as signal

from servers import MediaServer


def hand_made_token(server: MediaServer, **changes: Any) -> str:
    """A good token but for the changes; a claim of None is left out. `secret` and `algorithm` can be changed too."""
    secret = changes.pop("secret", server.api_secret)
    algorithm = changes.pop("algorithm", "HS256")
    claims: dict[str, Any] = {
        "iss": server.api_key,
        "sub": "mallory",
        "exp": int(time.time()) + 600,
        "video": {"roomJoin": True, "room": "mallorys-room"},
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, None if algorithm == "none" else secret, algorithm=algorithm)


class Signalling:
    """A participant that is nothing but its signalling socket."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.join = signal.JoinResponse()
        """What it was told first."""

    async def send(self, **message: Any) -> None:
        """Sends one request."""
        await self.socket.send(signal.SignalRequest(**message).SerializeToString())

    async def next(self) -> signal.SignalResponse:
        """The next response."""
        data = await asyncio.wait_for(self.socket.recv(), 10)
        if isinstance(data, str):  # so the server answers who has sent text
            return json_format.Parse(data, signal.SignalResponse())
        return signal.SignalResponse.FromString(data)

    async def until(self, kind: str) -> signal.SignalResponse:
        """The next response of that kind."""
        while True:
            response = await self.next()
            if response.WhichOneof("message") == kind:
                return response

    async def until_closed(self) -> signal.LeaveRequest | None:
        """Waits until the server closes, and returns the last leave it sent."""
        leave: signal.LeaveRequest | None = None
        try:
            while True:
                response = await self.next()
                if response.WhichOneof("message") == "leave":
                    leave = response.leave
        except websockets.ConnectionClosed:
            return leave

    async def answers_pings(self) -> None:
        """The session still works."""
        await self.send(ping_req=signal.Ping(timestamp=int(time.time() * 1000)))
        await self.until("pong_resp")


def rtc_url(server: MediaServer, token: str | None, path: str = "/rtc", scheme: str = "ws", **query: Any) -> str:
    """The address of signalling."""
    access = {} if token is None else {"access_token": token}
    query = {**access, "protocol": 16, "sdk": "js", "version": "2.15.0", "auto_subscribe": 1, **query}
    return f"{scheme}://127.0.0.1:{server.http_port}{path}?{urlencode(query)}"


@asynccontextmanager
async def joined(server: MediaServer, identity: str, room: str) -> AsyncIterator[Signalling]:
    """A signalling socket that has read its join response."""
    # No bound on what waits unread: the closing handshake would wait behind it.
    url = rtc_url(server, server.token(identity, room))
    async with websockets.connect(url, max_size=None, max_queue=None) as socket:
        client = Signalling(socket)
        first = await client.next()
        assert first.WhichOneof("message") == "join"
        client.join = first.join
        yield client


async def refusal(server: MediaServer, token: str | None, path: str = "/rtc", **query: Any) -> tuple[int, str]:
    """Status and text of the answer to a WebSocket that must not be let in."""
    try:
        socket = await websockets.connect(rtc_url(server, token, path, **query))
    except websockets.InvalidStatus as refused:
        return refused.response.status_code, bytes(refused.response.body or b"").decode()
    await socket.close()
    raise AssertionError("it was let in")


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """What an SDP says of ICE."""

    ufrag: str
    password: str

    @classmethod
    def of(cls, sdp: str) -> "IceCredentials":
        """Reads them from a description."""
        values = dict(line.partition(":")[::2] for line in sdp.splitlines())
        return cls(values["a=ice-ufrag"], values["a=ice-pwd"])


_NOT_MINE = ("a=candidate", "a=end-of-candidates", "a=ice-lite")


def answer_to(offer: str, *, ufrag: str = "mall") -> str:
    """An answer that agrees to everything, from a client whose ICE and DTLS nobody will ever see."""
    mine = {
        "a=ice-ufrag": f"a=ice-ufrag:{ufrag}",
        "a=ice-pwd": "a=ice-pwd:" + "m" * 24,
        "a=fingerprint": "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        "a=setup": "a=setup:active",
    }
    lines = [line for line in offer.splitlines() if not line.startswith(_NOT_MINE)]
    return "\r\n".join(mine.get(line.split(":", 1)[0], line) for line in lines) + "\r\n"


def stun_check(ice: IceCredentials, password: str, *, mine: str = "mall") -> bytes:
    """A STUN binding request as ICE sends it, signed with `password` (RFC 8489, RFC 8445)."""
    username = f"{ice.ufrag}:{mine}".encode()
    attributes = _attribute(0x0006, username)
    attributes += _attribute(0x802A, os.urandom(8)) + _attribute(0x0024, struct.pack("!I", 1 << 24 | 0xFFFFFF))
    transaction = os.urandom(12)

    def header(length: int) -> bytes:
        return struct.pack("!HHI", 0x0001, length, 0x2112A442) + transaction

    signed = header(len(attributes) + 24) + attributes
    attributes += _attribute(0x0008, hmac.new(password.encode(), signed, hashlib.sha1).digest())
    checked = header(len(attributes) + 8) + attributes
    attributes += _attribute(0x8028, struct.pack("!I", zlib.crc32(checked) ^ 0x5354554E))
    return header(len(attributes)) + attributes


def is_stun_success(packet: bytes) -> bool:
    """Is it a binding success response?"""
    return packet[:2] == b"\x01\x01"


def rtp_packet(sequence: int) -> bytes:
    """An RTP packet with made-up encryption."""
    return struct.pack("!BBHII", 0x80, 96, sequence & 0xFFFF, sequence * 3000, 0xDEADBEEF) + os.urandom(900)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


class Datagrams(asyncio.DatagramProtocol):
    """A UDP socket whose answers can be awaited."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Keeps it."""
        self.received.put_nowait(data)


@asynccontextmanager
async def udp_to(port: int) -> AsyncIterator[tuple[asyncio.DatagramTransport, Datagrams]]:
    """A UDP socket towards the server."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Datagrams, remote_addr=("127.0.0.1", port))
    try:
        yield transport, protocol
    finally:
        transport.close()


def as_json(text: str) -> dict[str, Any]:
    """The body of an error of the API."""
    return json.loads(text)
