"""Twirp's errors and encodings (https://twitchtv.github.io/twirp/docs/spec_v7.html), as LiveKit's server words them."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, TypeVar

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from starlette.responses import JSONResponse, Response

from visavis.signalling.frames import parse_json

Code: TypeAlias = Literal[
    "bad_route",
    "canceled",
    "failed_precondition",
    "internal",
    "invalid_argument",
    "malformed",
    "not_found",
    "resource_exhausted",
    "unauthenticated",
    "unimplemented",
    "unknown",
]

_STATUS: dict[Code, int] = {
    "bad_route": 404,
    "canceled": 408,
    "failed_precondition": 412,
    "internal": 500,
    "invalid_argument": 400,
    "malformed": 400,
    "not_found": 404,
    "resource_exhausted": 429,
    "unauthenticated": 401,
    "unimplemented": 501,
    "unknown": 500,
}

PROTOBUF = "application/protobuf"
JSON = "application/json"

MessageT = TypeVar("MessageT", bound=Message)


class TwirpError(Exception):
    """What a call is answered with where it failed."""

    def __init__(self, code: Code, message: str, meta: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message
        self.meta = dict(meta or {})

    def response(self) -> Response:
        """Always JSON, whatever the call was in."""
        body: dict[str, object] = {"code": self.code, "msg": self.message}
        if self.meta:
            body["meta"] = self.meta
        return JSONResponse(body, _STATUS[self.code])


def decode(kind: type[MessageT], content_type: str, body: bytes) -> MessageT:
    """Reads a request.

    Raises:
        TwirpError: `malformed`.
    """
    message = kind()
    if content_type == PROTOBUF:
        try:
            message.ParseFromString(body)
        except DecodeError as error:
            raise TwirpError("malformed", "the protobuf request could not be decoded") from error
        return message
    try:
        parse_json(body, message)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise TwirpError("malformed", "the json request could not be decoded") from error
    return message


def encode(message: Message, content_type: str) -> Response:
    """Writes an answer in the encoding of its request; JSON with proto names and default values, as LiveKit does."""
    if content_type == PROTOBUF:
        return Response(message.SerializeToString(), media_type=PROTOBUF)
    text = json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=None
    )
    return Response(text, media_type=JSON)
