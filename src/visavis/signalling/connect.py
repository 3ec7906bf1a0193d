"""Reads who connects to `/rtc` or `/rtc/v1` and how: token, query parameters, and the checks in LiveKit's order."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from google.protobuf import json_format
from livekit.protocol import models, rtc
from livekit.protocol.room import RoomConfiguration

from visavis.auth import MAX_IDENTITY_LENGTH, Claims, KeyRing, VideoGrants
from visavis.errors import ErrorKind, VisavisError
from visavis.rooms import ClientAbout, parse_room_name
from visavis.signalling.join_request import about_of, first_requests, parse_join_request
from visavis.signalling.profile import check_attributes, checked_metadata
from visavis.signalling.user_agent import with_browser

_TRUE = frozenset({"1", "true"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectRequest:
    """A checked request to join, or to resume.

    Attributes:
        room: the name, valid.
        resume: the participant id to resume; None to join anew; "" if the client asks to resume without telling it.
        first: what it asks for at once.
        configuration: what the token says of the room, for whoever comes first.
    """

    claims: Claims
    grants: VideoGrants
    room: str
    about: ClientAbout
    resume: str | None = None
    first: tuple[rtc.SignalRequest, ...] = ()
    configuration: RoomConfiguration = field(default_factory=RoomConfiguration)


def parse_connect(
    query: Mapping[str, str], headers: Mapping[str, str], keys: KeyRing, *, is_v1: bool = False
) -> ConnectRequest:
    """Checks token and parameters.

    Args:
        query: of the URL.
        headers: of the request.
        keys: verify the token.
        is_v1: on a path under `/rtc/v1`, where `join_request=` is a must. With it the client has one peer connection.

    Raises:
        VisavisError: the text and status to refuse with.
    """
    claims = keys.verify(bearer_token(query, headers))
    grants = claims.video
    if grants is None:
        raise VisavisError(ErrorKind.NOT_PERMITTED, "permissions denied: the token has no grants (claim 'video')")
    encoded = query.get("join_request", "")
    if is_v1 and not encoded:
        raise VisavisError(ErrorKind.INVALID_REQUEST, "join_request is required here; without it connect to /rtc")
    joining = parse_join_request(encoded) if encoded else None
    if not grants.room_join:
        raise VisavisError(ErrorKind.NOT_PERMITTED, "permissions denied: the token does not grant video.roomJoin")
    if not claims.identity:
        raise VisavisError(ErrorKind.INVALID_IDENTITY, "identity cannot be empty: put it into the token's 'sub'")
    if joining is None and query.get("publish"):
        grants = _publishing_only(grants)
        claims = replace(claims, identity=f"{claims.identity}#{query['publish']}", video=grants)
    if len(claims.identity) > MAX_IDENTITY_LENGTH:
        raise VisavisError(
            ErrorKind.INVALID_IDENTITY,
            f"the identity has {len(claims.identity)} characters: use at most {MAX_IDENTITY_LENGTH}",
        )
    configuration = _configuration(claims)
    if not grants.room:
        raise VisavisError(
            ErrorKind.INVALID_ROOM_NAME,
            "no room name: this token names no room, exchange it at POST …/api/video/rooms/{name}/token",
        )
    room = parse_room_name(grants.room)
    about = _about(query) if joining is None else about_of(joining)
    about = with_browser(about, headers.get("user-agent", ""))
    if (about.attributes or about.metadata) and not grants.can_update_own_metadata:
        raise VisavisError(
            ErrorKind.NOT_PERMITTED,
            "permissions denied: own metadata and attributes need the grant video.canUpdateOwnMetadata",
        )
    checked_metadata(about.metadata or claims.metadata)
    check_attributes({**claims.attributes, **about.attributes})
    if joining is None:
        resumes, sid = query.get("reconnect", "").lower() in _TRUE, query.get("sid", "")
    else:
        resumes, sid = joining.reconnect, joining.participant_sid
    return ConnectRequest(
        claims=claims,
        grants=grants,
        room=room,
        about=about,
        resume=sid if resumes else None,
        first=() if joining is None else first_requests(joining),
        configuration=configuration,
    )


def _configuration(claims: Claims) -> RoomConfiguration:
    configuration = RoomConfiguration()
    if not claims.room_config:
        return configuration
    try:
        json_format.ParseDict(dict(claims.room_config), configuration, ignore_unknown_fields=True)
    except json_format.ParseError as error:
        raise VisavisError(ErrorKind.INVALID_TOKEN, f"invalid token: its 'roomConfig' is wrong: {error}") from error
    checked_metadata(configuration.metadata)
    return configuration


def _publishing_only(grants: VideoGrants) -> VideoGrants:
    """Of old clients: a second connection of the same person, e.g. for the screen alone, as a person of its own."""
    if grants.can_publish is False:
        raise VisavisError(ErrorKind.NOT_PERMITTED, "permissions denied: publish= needs the grant video.canPublish")
    return replace(grants, can_subscribe=False)


def _about(query: Mapping[str, str]) -> ClientAbout:
    return ClientAbout(
        protocol=_integer(query, "protocol"),
        client_protocol=_integer(query, "client_protocol"),
        capabilities=_capabilities(query.get("capabilities", "")),
        auto_subscribe=query.get("auto_subscribe", "1").lower() in _TRUE,
        auto_subscribe_data_track=query.get("auto_subscribe_data_track", "").lower() in _TRUE,
        adaptive_stream=query.get("adaptive_stream", "").lower() in _TRUE,
        allow_pause=allows.lower() in _TRUE if (allows := query.get("subscriber_allow_pause")) else None,
        sdk=query.get("sdk", ""),
        version=query.get("version", ""),
        browser=query.get("browser", ""),
        browser_version=query.get("browser_version", ""),
        os=query.get("os", ""),
        device_model=query.get("device_model", ""),
        attributes=_attributes(query.get("attributes", "")),
    )


def bearer_token(query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The token of a request to connect: in the header, or where a browser can put it, in the query.

    Raises:
        VisavisError: `NO_TOKEN`.
    """
    header = headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer" or not token:
            raise VisavisError(ErrorKind.NO_TOKEN, "invalid authorization header: it must read 'Bearer <token>'")
        return token.strip()
    token = query.get("access_token", "")
    if not token:
        raise VisavisError(
            ErrorKind.NO_TOKEN, "permissions denied: no token; send 'Authorization: Bearer' or access_token="
        )
    return token


def _integer(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _capabilities(text: str) -> tuple[models.ClientInfo.Capability, ...]:
    known = models.ClientInfo.Capability.DESCRIPTOR.values_by_name  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
    names = cast(Mapping[str, Any], known)
    return tuple(names[name].number for name in text.split(",") if name in names)


def _attributes(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        decoded: object = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise VisavisError(ErrorKind.INVALID_REQUEST, f"attributes= is not base64 of JSON ({error})") from error
    if not isinstance(decoded, dict) or not all(
        isinstance(value, str) for value in cast(dict[str, Any], decoded).values()
    ):
        raise VisavisError(ErrorKind.INVALID_REQUEST, "attributes= is not a JSON object of texts")
    return cast(dict[str, str], decoded)
