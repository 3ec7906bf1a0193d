"""What a room keeps of its chat: of packets as the media core copies them."""

import json
import zlib

import pytest
from livekit.protocol import models

from visavis.rooms import ChatLog
from visavis.rooms.chat import MAX_BYTES, MAX_MESSAGE_BYTES, MAX_MESSAGES, MAX_OPEN

NAMES = {"alice": "Alice", "bob": "Bob"}


class Room:
    """A log, and people who write into it."""

    def __init__(self) -> None:
        self.log = ChatLog()

    def packet(self, identity: str, **value: object) -> None:
        packet = models.DataPacket(participant_identity=identity, **value).SerializeToString()
        self.log.take(f"PA_{identity}", packet, name_of=lambda who: NAMES.get(who, ""), now=7)

    def header(self, identity: str, id_: str, **more: object) -> None:
        more = {"text_header": models.DataStream.TextHeader(), **more}
        self.packet(identity, stream_header=models.DataStream.Header(stream_id=id_, topic="lk.chat", **more))

    def chunk(self, identity: str, id_: str, content: bytes) -> None:
        self.packet(identity, stream_chunk=models.DataStream.Chunk(stream_id=id_, content=content))

    def end(self, identity: str, id_: str) -> None:
        self.packet(identity, stream_trailer=models.DataStream.Trailer(stream_id=id_))

    def says(self, identity: str, id_: str, text: str) -> None:
        self.header(identity, id_, inline_content=text.encode())

    @property
    def texts(self) -> list[str]:
        return [said.text for said in self.log]


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_stream_is_put_together_and_told_with_its_true_sender(room: Room) -> None:
    room.header("alice", "1", attributes={"visavis.reply_to": "0"})
    room.chunk("alice", "1", "Grü".encode()[:3])
    room.says("bob", "2", "between")
    room.chunk("alice", "1", "Grüße".encode()[3:])
    assert room.texts == ["between"]
    room.end("alice", "1")
    [_, said] = room.log
    assert (said.id, said.identity, said.name, said.text, said.said_at) == ("1", "alice", "Alice", "Grüße", 7)
    assert said.attributes == {"visavis.reply_to": "0"}


def test_nobody_writes_into_anothers_stream(room: Room) -> None:
    room.header("alice", "1")
    room.chunk("bob", "1", b"forged")
    room.end("bob", "1")
    room.chunk("alice", "1", b"true")
    room.end("alice", "1")
    assert room.texts == ["true"]


def test_compressed_text_is_kept_if_it_is_short(room: Room) -> None:
    def deflated(text: str) -> bytes:
        stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return stream.compress(text.encode()) + stream.flush()

    room.header("alice", "1", compression=1, inline_content=deflated("short"))
    room.header("alice", "2", compression=1, inline_content=deflated("long" * MAX_MESSAGE_BYTES))
    room.header("alice", "3", compression=1, inline_content=b"nothing of the kind")
    assert room.texts == ["short"]


def test_old_components_are_kept_unless_a_stream_tells_the_same(room: Room) -> None:
    for message in (
        {"id": "1", "message": "old"},
        {"id": "1", "message": "sent twice"},
        {"id": "2", "message": "copy", "ignoreLegacy": True},
        {"id": 3, "message": "no"},
        ["no"],
    ):
        room.packet("alice", user=models.UserPacket(payload=json.dumps(message).encode()))
    room.packet("alice", user=models.UserPacket(payload=b"\xff"))
    assert room.texts == ["old"]


@pytest.mark.parametrize("what", ["a file", "no text", "a nameless sender", "too long"])
def test_other_streams_are_not_kept(room: Room, what: str) -> None:
    match what:
        case "a file":
            header = models.DataStream.Header(byte_header=models.DataStream.ByteHeader(), inline_content=b"x")
            room.packet("alice", stream_header=header)
        case "no text":
            room.header("alice", "1", inline_content=b"\xff")
        case "a nameless sender":
            room.says("", "1", "hidden")
        case _:
            room.header("alice", "1")
            for _ in range(4):
                room.chunk("alice", "1", b"x" * (MAX_MESSAGE_BYTES // 3))
            room.end("alice", "1")
    assert room.texts == []


def test_what_is_kept_is_bounded(room: Room) -> None:
    for number in range(MAX_MESSAGES + 5):
        room.says("alice", str(number), str(number))
    assert room.texts == [str(number) for number in range(5, MAX_MESSAGES + 5)]
    for number in range(100):
        room.says("bob", str(number), "x" * (MAX_MESSAGE_BYTES - 10))
    assert sum(said.size for said in room.log) <= MAX_BYTES


def test_of_one_participant_few_streams_are_open_and_none_after_it_left(room: Room) -> None:
    for number in range(MAX_OPEN + 1):
        room.header("alice", str(number))
    for number in range(MAX_OPEN):
        room.end("alice", str(number))
    room.log.forget("PA_alice")
    room.end("alice", str(MAX_OPEN))
    assert [said.id for said in room.log] == ["1", "2", "3"]
