"""Protobuf messages in the frames of a WebSocket, a client's or a worker's. What they mean is not known here."""

import json
from typing import Any, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
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
        frame = await self._websocket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1005))
        binary: bytes | None = frame.get("bytes")
        self._is_json = binary is None
        return frame["text"] if binary is None else binary

    async def send(self, message: bytes) -> None:
        """Sends a message that is serialized already: the same one often goes to many."""
        if self._is_json:
            json = json_format.MessageToJson(self._answer.FromString(message), indent=None)
            await self._websocket.send_text(json)
        else:
            await self._websocket.send_bytes(message)


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
