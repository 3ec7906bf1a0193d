"""SignalR's JSON hub protocol as values: framing, handshake, messages. No I/O, no clock.

Wording of errors follows ASP.NET Core's, because clients show and match them. Source: the protocol specification
in dotnet/aspnetcore (``src/SignalR/docs/specs/HubProtocol.md``) and the behaviour of its ``JsonHubProtocol``.
"""

import json
from dataclasses import dataclass
from typing import Any, cast

RECORD_SEPARATOR = "\x1e"

_NEWEST_JSON_VERSION = 2
"""Version 2 differs only in stateful reconnect, which is a matter of negotiation; older ones are always spoken."""


class ProtocolError(Exception):
    """What the client sent is not the protocol; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call of a hub method.

    Attributes:
        target: the method's name as the client wrote it.
        arguments: JSON values.
        invocation_id: None: the client does not wait, so nothing may be answered.
        stream_ids: uploads the client wants to attach.
        is_streaming: the client asked for a stream of results.
    """

    target: str
    arguments: tuple[Any, ...]
    invocation_id: str | None
    stream_ids: tuple[str, ...]
    is_streaming: bool


@dataclass(frozen=True, slots=True)
class Ping:
    """Sign of life."""


@dataclass(frozen=True, slots=True)
class Close:
    """The other side is about to end the connection."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A well-formed message that means nothing to this hub (results, stream items, types of a later protocol)."""


Message = Invocation | Ping | Close | Ignored


class Framer:
    """Splits incoming text into records. Records may come batched in one piece or cut into several."""

    def __init__(self, max_record: int) -> None:
        self._max_record = max_record
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        """Returns the records that `text` completes, without their separators.

        Raises:
            ProtocolError: a record is longer than allowed, finished or not.
        """
        *records, self._rest = (self._rest + text).split(RECORD_SEPARATOR)
        longest = max(map(len, (*records, self._rest)))
        if longest > self._max_record:
            raise ProtocolError(f"a message of {longest} characters; at most {self._max_record} are allowed")
        return records


def check_handshake(record: str) -> str | None:
    """Reads the first record of a connection; returns the error to answer with, or None if it is welcome."""
    try:
        request = _object(record)
        protocol, version = request.get("protocol"), request.get("version")
        if not isinstance(protocol, str) or not isinstance(version, int) or isinstance(version, bool):
            raise ProtocolError("the handshake needs 'protocol', a string, and 'version', an integer")
    except ProtocolError:
        return "An unexpected error occurred during connection handshake."
    if protocol != "json":
        return f"The protocol '{protocol}' is not supported."
    if version > _NEWEST_JSON_VERSION:
        return f"The server does not support version {version} of the 'json' protocol."
    return None


def parse_message(record: str) -> Message:
    """Reads one record after the handshake.

    Raises:
        ProtocolError: not JSON, or a field that must be there is missing or of the wrong kind.
    """
    fields = _object(record)
    kind = fields.get("type")
    if not isinstance(kind, int) or isinstance(kind, bool):
        raise ProtocolError(f"'type' must be an integer, not {kind!r}")
    match kind:
        case 1 | 4:
            return _invocation(fields, is_streaming=kind == 4)
        case 6:
            return Ping()
        case 7:
            return Close()
        case _:
            return Ignored()


def handshake_response(error: str | None = None) -> str:
    """The answer to the first record."""
    return _record({} if error is None else {"error": error})


def invocation(target: str, *arguments: object) -> str:
    """A call of a client's method that wants no answer."""
    return _record({"type": 1, "target": target, "arguments": list(arguments)})


def completion(invocation_id: str, *, error: str | None = None) -> str:
    """The end of a call: no value, or an error."""
    outcome = {"result": None} if error is None else {"error": error}
    return _record({"type": 3, "invocationId": invocation_id, **outcome})


def ping() -> str:
    """Sign of life."""
    return _record({"type": 6})


def close(error: str | None = None, *, allow_reconnect: bool = False) -> str:
    """The last message; a client with automatic reconnect comes back only if `allow_reconnect`."""
    fields: dict[str, object] = {"type": 7}
    if error is not None:
        fields["error"] = error
    if allow_reconnect:
        fields["allowReconnect"] = True
    return _record(fields)


def _invocation(fields: dict[str, Any], *, is_streaming: bool) -> Invocation:
    target, arguments = fields.get("target"), fields.get("arguments")
    invocation_id = fields.get("invocationId")
    stream_ids: object = fields.get("streamIds") or []
    if not isinstance(target, str):
        raise ProtocolError(f"'target' must be a string, not {target!r}")
    if not isinstance(arguments, list):
        raise ProtocolError(f"'arguments' must be an array, not {arguments!r}")
    if not isinstance(invocation_id, str | None):
        raise ProtocolError(f"'invocationId' must be a string, not {invocation_id!r}")
    if not isinstance(stream_ids, list) or not all(isinstance(s, str) for s in cast("list[object]", stream_ids)):
        raise ProtocolError(f"'streamIds' must be an array of strings, not {stream_ids!r}")
    if is_streaming and not invocation_id:
        raise ProtocolError("a streaming invocation needs an 'invocationId'")
    return Invocation(
        target=target,
        arguments=tuple(cast("list[Any]", arguments)),
        invocation_id=invocation_id or None,
        stream_ids=tuple(cast("list[str]", stream_ids)),
        is_streaming=is_streaming,
    )


def _object(record: str) -> dict[str, Any]:
    try:
        value: object = json.loads(record)
    # RecursionError: JSON nested thousands deep, which fits into one message.
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ProtocolError(f"a message must be a JSON object, not {type(value).__name__}")
    return cast("dict[str, Any]", value)


def _record(fields: dict[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":")) + RECORD_SEPARATOR
