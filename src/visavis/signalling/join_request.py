"""`join_request=`: what a client with one peer connection says on connecting, in one parameter of the URL.

Base64url of a `WrappedJoinRequest`, whose `JoinRequest` may be compressed; it can hold the first offer.
"""

import base64
import binascii
import zlib

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from visavis.errors import ErrorKind, VisavisError
from visavis.rooms import ClientAbout

MAX_BYTES = 1 << 20
_GZIP = 31  # zlib's window bits for a gzip stream


def parse_join_request(text: str) -> rtc.JoinRequest:
    """Decodes the parameter.

    Raises:
        VisavisError: `INVALID_REQUEST`.
    """
    try:
        wrapped = rtc.WrappedJoinRequest.FromString(
            base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        )
        data = wrapped.join_request
        if wrapped.compression == rtc.WrappedJoinRequest.GZIP:
            data = _decompressed(data)
        if len(data) > MAX_BYTES:
            raise VisavisError(ErrorKind.INVALID_REQUEST, f"join_request= holds more than {MAX_BYTES} bytes")
        return rtc.JoinRequest.FromString(data)
    except (binascii.Error, ValueError, DecodeError, zlib.error) as error:
        raise VisavisError(
            ErrorKind.INVALID_REQUEST, f"join_request= is not base64url of a WrappedJoinRequest ({error})"
        ) from error


def _decompressed(data: bytes) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    out = stream.decompress(data, MAX_BYTES + 1)
    if not stream.eof and len(out) <= MAX_BYTES:
        raise ValueError("the compressed data ends early")
    return out


def about_of(request: rtc.JoinRequest) -> ClientAbout:
    """What the client tells about itself."""
    client, settings = request.client_info, request.connection_settings
    return ClientAbout(
        protocol=client.protocol,
        client_protocol=client.client_protocol,
        capabilities=tuple(client.capabilities),
        auto_subscribe=settings.auto_subscribe,
        auto_subscribe_data_track=settings.auto_subscribe_data_track,
        adaptive_stream=settings.adaptive_stream,
        allow_pause=settings.subscriber_allow_pause if settings.HasField("subscriber_allow_pause") else None,
        single_connection=True,
        sdk=_name_of(client.sdk),
        version=client.version,
        browser=client.browser,
        browser_version=client.browser_version,
        os=client.os,
        device_model=client.device_model,
        metadata=request.metadata,
        attributes={name: value for name, value in request.participant_attributes.items() if value},
    )


def first_requests(request: rtc.JoinRequest) -> tuple[rtc.SignalRequest, ...]:
    """What the client asks for besides joining, as if it came in frames of its own: tracks first, then their offer."""
    first = [rtc.SignalRequest(add_track=track) for track in request.add_track_requests]
    if request.HasField("sync_state"):
        first.append(rtc.SignalRequest(sync_state=request.sync_state))
    if request.HasField("publisher_offer"):
        first.append(rtc.SignalRequest(offer=request.publisher_offer))
    return tuple(first)


def _name_of(sdk: models.ClientInfo.SDK) -> str:
    known = models.ClientInfo.SDK.values()
    return models.ClientInfo.SDK.Name(sdk).lower() if sdk in known else ""
