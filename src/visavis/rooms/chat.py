"""What was said in a room's chat, kept for who comes later. For as long as the room lives, in memory, and bounded.

The server keeps it, and not the participants, who could hand it to a newcomer too: a packet that passes here is signed
with its true sender, a hand-over would be whatever a peer claims. Messages that are encrypted from end to end, or for
some only, never come here.
"""

import json
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from google.protobuf.message import DecodeError
from livekit.protocol import models

MAX_MESSAGES = 200
MAX_MESSAGE_BYTES = 32_768
MAX_BYTES = 1 << 20
# Of one participant: the core follows no more either.
MAX_OPEN = 4


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message.

    Attributes:
        id: the sender's; unique among its own.
        identity: of the sender, as the server knows it.
        name: what the sender was called then.
        text: at most `MAX_MESSAGE_BYTES` in UTF-8, attributes included.
        attributes: of the stream.
        said_at: seconds of the clock that `ChatLog` was told of.
    """

    id: str
    identity: str
    name: str
    text: str
    attributes: Mapping[str, str]
    said_at: float

    @property
    def size(self) -> int:
        """Bytes that count against the bound."""
        return len(self.text.encode()) + sum(len(key) + len(value) for key, value in self.attributes.items())


@dataclass(slots=True)
class _Open:
    header: models.DataStream.Header
    content: bytearray = field(default_factory=bytearray)


class ChatLog:
    """The last messages of a room, put together of the packets that the media core copies."""

    def __init__(self) -> None:
        self._messages: deque[ChatMessage] = deque()
        self._bytes = 0
        self._open: dict[str, dict[str, _Open]] = {}

    def __iter__(self) -> Iterator[ChatMessage]:
        """The messages, oldest first."""
        return iter(self._messages)

    def take(self, participant: str, packet: bytes, *, name_of: Callable[[str], str], now: float) -> None:
        """Takes one packet of a participant. What is malformed or too long is left out.

        Args:
            participant: its sid.
            packet: a `livekit.DataPacket`, signed by the core.
            name_of: what an identity is called: an agent may write in another's name.
            now: seconds.
        """
        try:
            data = models.DataPacket.FromString(packet)
        except DecodeError:
            return
        identity, name = data.participant_identity, name_of(data.participant_identity)
        match data.WhichOneof("value"):
            case "user":
                self._take_old(identity, name, data.user.payload, now)
            case "stream_header":
                header = data.stream_header
                if header.HasField("inline_content"):
                    self._finish(identity, name, _Open(header, bytearray(header.inline_content)), now)
                    return
                streams = self._open.setdefault(participant, {})
                while len(streams) >= MAX_OPEN:
                    del streams[next(iter(streams))]
                streams[header.stream_id] = _Open(header)
            case "stream_chunk":
                stream = self._open.get(participant, {}).get(data.stream_chunk.stream_id)
                if stream is not None:
                    stream.content += data.stream_chunk.content
                    if len(stream.content) > MAX_MESSAGE_BYTES:
                        del self._open[participant][data.stream_chunk.stream_id]
            case "stream_trailer":
                stream = self._open.get(participant, {}).pop(data.stream_trailer.stream_id, None)
                if stream is not None:
                    self._finish(identity, name, stream, now)
            case _:
                pass

    def forget(self, participant: str) -> None:
        """The participant is gone: what it has not finished never will be. What it said stays."""
        self._open.pop(participant, None)

    def _finish(self, identity: str, name: str, stream: _Open, now: float) -> None:
        header = stream.header
        if not header.HasField("text_header"):
            return
        is_update = header.text_header.operation_type != models.DataStream.OperationType.CREATE
        try:
            content = _inflated(stream.content) if header.compression else bytes(stream.content)
            text = content.decode()
        except (UnicodeDecodeError, zlib.error):
            return
        if not is_update:
            self._add(ChatMessage(header.stream_id, identity, name, text, dict(header.attributes), now))

    def _take_old(self, identity: str, name: str, payload: bytes, now: float) -> None:
        try:
            loaded = json.loads(payload)
        except ValueError:
            return
        if not isinstance(loaded, dict):
            return
        message = cast(dict[str, Any], loaded)
        # The copy that new clients send for old ones beside the stream.
        if message.get("ignoreLegacy"):
            return
        text, id_ = message.get("message"), message.get("id")
        if isinstance(text, str) and isinstance(id_, str):
            self._add(ChatMessage(id_, identity, name, text, {}, now))

    def _add(self, message: ChatMessage) -> None:
        if not message.identity or message.size > MAX_MESSAGE_BYTES:
            return
        if any(message.id == said.id and message.identity == said.identity for said in self._messages):
            return
        self._messages.append(message)
        self._bytes += message.size
        while len(self._messages) > MAX_MESSAGES or self._bytes > MAX_BYTES:
            self._bytes -= self._messages.popleft().size


def _inflated(content: bytes | bytearray) -> bytes:
    """A few bytes can stand for very many: no more than what is kept is made of them."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    data = stream.decompress(content, MAX_MESSAGE_BYTES + 1)
    if not stream.eof or len(data) > MAX_MESSAGE_BYTES:
        raise zlib.error("longer than what is kept")
    return data
