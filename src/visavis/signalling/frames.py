"""Protobuf messages in the frames of a WebSocket, a client's or a worker's. What they mean is not known here."""

import json
from typing import Any, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from starlette.types import Message as Event
from starlette.websockets import WebSocket, WebSocketDisconnect

MAX_FRAME_BYTES = 2 << 20

Heard = TypeVar("Heard", bound=Message)


class BadFrame(Exception):
    """A message that no client sends; its sender's connection ends."""


class Frames:
    """Answers in the encoding of the last frame received: binary at first; JSON is for people who debug."""

    def __init__(self, websocket: WebSocket, answer: type[Message]) -> None:
        """Of a socket that is sent messages of the type `answer`."""
        self._websocket = websocket
        self._answer = answer
        self._is_json = False

    async def receive(self) -> bytes | str:
        """The next frame, for `decode`.

        Raises:
            WebSocketDisconnect: the socket is closed.
        """
        return self.heard(await self._websocket.receive())

    async def send(self, message: bytes) -> None:
        """Sends a message that is serialized already: the same one often goes to many."""
        frame = self.encoded(message)
        if isinstance(frame, str):
            await self._websocket.send_text(frame)
        else:
            await self._websocket.send_bytes(frame)

    def heard(self, event: Event) -> bytes | str:
        """The frame in what `receive` of ASGI returns.

        Raises:
            WebSocketDisconnect: the socket is closed.
        """
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        binary: bytes | None = event.get("bytes")
        self._is_json = binary is None
        return event["text"] if binary is None else binary

    def encoded(self, message: bytes) -> bytes | str:
        """The frame for a message that is serialized already."""
        if not self._is_json:
            return message
        return json_format.MessageToJson(self._answer.FromString(message), indent=None)


def decode(frame: bytes | str, kind: type[Heard]) -> Heard:
    """The message in a frame.

    Raises:
        BadFrame: there is none of this kind.
    """
    if len(frame) > MAX_FRAME_BYTES:
        raise BadFrame(f"a frame of {len(frame)} bytes, more than {MAX_FRAME_BYTES}")
    try:
        return parse_json(frame, kind()) if isinstance(frame, str) else kind.FromString(frame)
    except (DecodeError, json_format.ParseError, ValueError, RecursionError) as error:
        raise BadFrame(f"a frame of {len(frame)} bytes that is no {kind.__name__}") from error


def parse_json(text: str | bytes, message: Heard) -> Heard:
    """Reads a message in JSON, in either spelling of names; unknown ones are passed over.

    Raises:
        json_format.ParseError: it is another message.
        ValueError: it is not JSON, or not an object, which protobuf's own reader takes for an empty message.
        RecursionError: it is nested thousands deep.
    """
    fields: object = json.loads(text)
    if not isinstance(fields, dict):
        raise ValueError(f"a message is an object, not a {type(fields).__name__}")
    return json_format.ParseDict(cast(dict[str, Any], fields), message, ignore_unknown_fields=True)
