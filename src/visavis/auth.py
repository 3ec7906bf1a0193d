"""LiveKit access tokens: minting and verifying them, and what they grant.

HS256 JSON Web Tokens: `iss` names the API key whose secret signs, `sub` is the identity, the claim `video` holds the
grants. Who is let into which room is decided elsewhere; this module only reads and writes.
"""

# PyJWT takes keys of a package that we do not install.
# pyright: reportUnknownMemberType=false

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

import jwt

from visavis.camel_case import camel_case
from visavis.errors import ErrorKind, VisavisError

LEEWAY_SECONDS = 60
MAX_IDENTITY_LENGTH = 256
DEFAULT_TTL_SECONDS = 6 * 3600.0
WEBHOOK_TTL_SECONDS = 300.0
_MIN_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoGrants:
    """The claim `video`. None means "not told", which LiveKit reads as allowed for the three `can_…` it concerns."""

    room_create: bool = False
    room_list: bool = False
    room_record: bool = False
    room_admin: bool = False
    room_join: bool = False
    room: str = ""
    can_publish: bool | None = None
    can_publish_sources: tuple[str, ...] = ()
    can_subscribe: bool | None = None
    can_publish_data: bool | None = None
    can_update_own_metadata: bool | None = None
    ingress_admin: bool = False
    hidden: bool = False
    recorder: bool = False
    agent: bool = False
    can_subscribe_metrics: bool = False
    can_manage_agent_session: bool = False
    destination_room: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The claim `visavis`, of tokens that this server's own API gave out: who holds it, whatever identity it claims.

    Tokens without it were signed by somebody who has the secret; they are taken at their word.

    Attributes:
        id: nobody guesses it, and it stays the same in every token that is got with an earlier one.
        is_vouched: the host application knows the identity, so that it is the same person whatever the id.
        moderates: the host's word on whether it moderates rooms; None: who makes a room does.
    """

    id: str
    is_vouched: bool = False
    moderates: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified token says.

    Attributes:
        issuer: the API key that signed it; empty for claims that are yet to be minted.
        identity: who; unique in a room.
        name: shown to others.
        kind: LiveKit's participant kind in lower case, "" for standard.
        expires_at: seconds since the epoch; 0 for claims that are yet to be minted.
        room_config: the claim `roomConfig`, untouched.
        room_preset: the claim `roomPreset`.
        holder: the claim `visavis`; None for tokens that others signed with the secret.
    """

    identity: str
    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    kind: str = ""
    kind_details: tuple[str, ...] = ()
    video: VideoGrants | None = None
    room_config: Mapping[str, Any] | None = None
    room_preset: str = ""
    holder: Holder | None = None
    issuer: str = ""
    expires_at: float = 0

    def moderates(self, room: str) -> bool:
        """Whether LiveKit's grants alone make it a moderator of the room of this name."""
        return self.video is not None and self.video.room_admin and self.video.room == room

    def are_for(self, other: "Claims") -> bool:
        """Whether the holder of these may take the place of `other`, who has joined: is the same person, that is.

        Who is unknown says itself what identity it has, and so must hold what was given to the one who came first.
        """
        if self.identity != other.identity:
            return False
        if self.holder is None or self.holder.is_vouched:
            return True
        return other.holder is not None and other.holder.id == self.holder.id


_GRANT_CLAIMS = {grant.name: camel_case(grant.name) for grant in fields(VideoGrants)}
_GRANT_DEFAULTS = {grant.name: grant.default for grant in fields(VideoGrants)}
_TEXT_GRANTS = {"room", "destination_room"}


class KeyRing:
    """The API keys of this server: verifies with whichever the token names, signs with the first."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        if not keys:
            raise ValueError("no API key: give at least one key and its secret")
        if not all(keys.values()):
            raise ValueError("an API key without a secret: anybody could sign with it")
        # HMAC itself fills a short key with zeros. Done here, PyJWT does not warn of LiveKit's development secret,
        # which has six bytes; who starts a server for others is held to a better one there.
        self._keys = {key: secret.encode().ljust(_MIN_KEY_BYTES, b"\0") for key, secret in keys.items()}
        self._first = next(iter(self._keys))

    def mint(self, claims: Claims, *, ttl: float = DEFAULT_TTL_SECONDS, now: float | None = None) -> str:
        """Signs `claims` with the first key.

        Args:
            claims: `issuer` is ignored; `expires_at` wins over `ttl` if it is set.
            ttl: seconds until it expires.
            now: seconds since the epoch, for tests.
        """
        now = time.time() if now is None else now
        payload: dict[str, Any] = {
            "iss": self._first,
            "sub": claims.identity,
            "nbf": int(now),
            "exp": int(claims.expires_at or now + ttl),
        }
        optional: dict[str, Any] = {
            "name": claims.name,
            "metadata": claims.metadata,
            "attributes": dict(claims.attributes),
            "kind": claims.kind,
            "kindDetails": list(claims.kind_details),
            "roomConfig": claims.room_config,
            "roomPreset": claims.room_preset,
        }
        payload.update({name: value for name, value in optional.items() if value})
        if claims.video is not None:
            payload["video"] = _grants_to_json(claims.video)
        if claims.holder is not None:
            payload["visavis"] = holder_to_json(claims.holder)
        return jwt.encode(payload, self._keys[self._first], algorithm="HS256")

    def sign_body(self, body: bytes, *, ttl: float = WEBHOOK_TTL_SECONDS) -> str:
        """A token that vouches for `body`, as LiveKit's webhooks carry it: the claim `sha256` is its hash in base64."""
        now = int(time.time())
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        payload = {"iss": self._first, "nbf": now, "exp": int(now + ttl), "sha256": digest}
        return jwt.encode(payload, self._keys[self._first], algorithm="HS256")

    def verify(self, token: str) -> Claims:
        """Checks signature and times and reads the claims.

        Raises:
            VisavisError: `INVALID_TOKEN`; the message says what is wrong with the token.
        """
        return _claims_from_json(self._payload(token))

    def verify_body(self, token: str, body: bytes) -> None:
        """Checks that `token` vouches for `body`, as `sign_body` makes one.

        Raises:
            VisavisError: `INVALID_TOKEN`.
        """
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        signed = self._payload(token).get("sha256")
        if not isinstance(signed, str) or not hmac.compare_digest(signed.encode(), digest.encode()):
            raise _invalid("it was signed for another body (sha256)")

    def _payload(self, token: str) -> Mapping[str, Any]:
        issuer = _unverified_issuer(token)
        secret = self._keys.get(issuer) if isinstance(issuer, str) else None
        if secret is None:
            raise _invalid(f"its API key {issuer!r} is not known here; sign with a key of this server")
        try:
            payload = cast(
                Mapping[str, Any],
                jwt.decode(
                    token,
                    secret,
                    algorithms=["HS256"],
                    leeway=LEEWAY_SECONDS,
                    options={"require": ["exp"], "verify_aud": False, "verify_iat": False},
                ),
            )
        except jwt.ExpiredSignatureError as error:
            raise _invalid("it has expired; ask for a new one") from error
        except jwt.ImmatureSignatureError as error:
            raise _invalid("it is not valid yet; check the clocks of both machines") from error
        except jwt.MissingRequiredClaimError as error:
            raise _invalid(f"it has no {error.claim!r}; mint it with an expiry") from error
        except jwt.InvalidAlgorithmError as error:
            raise _invalid("it is not signed with HS256; sign it with the secret of the API key") from error
        except jwt.InvalidSignatureError as error:
            raise _invalid(f"its signature does not match the secret of API key {issuer!r}") from error
        except jwt.InvalidTokenError as error:
            raise _invalid(str(error)) from error
        return payload

    def claims_for(self, token: str, room: str) -> Claims:
        """The claims of the token for `room` that a token which names no room is exchanged for: but for that the same.

        Raises:
            VisavisError: the token is invalid, may not join, or is for another room.
        """
        claims = self.verify(token)
        if claims.video is None or not claims.video.room_join:
            raise VisavisError(ErrorKind.NOT_PERMITTED, "this token does not permit joining a room (video.roomJoin)")
        if claims.video.room not in ("", room):
            raise VisavisError(
                ErrorKind.WRONG_ROOM,
                f"this token is for room {claims.video.room!r}, not {room!r}; ask for one that names no room",
            )
        return replace(claims, video=replace(claims.video, room=room))


def _unverified_issuer(token: str) -> object:
    """Whose key to verify with. Read by hand, because PyJWT takes as long for this as for all of the verifying."""
    encoded = token.partition(".")[2].partition(".")[0]
    try:
        payload: object = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        payload = None
    if isinstance(payload, dict):
        return cast(dict[str, Any], payload).get("iss")
    try:
        return jwt.decode(token, options={"verify_signature": False}).get("iss")
    except jwt.InvalidTokenError as error:
        raise _invalid(f"it is not a JSON Web Token ({error})") from error


def _invalid(reason: str) -> VisavisError:
    return VisavisError(ErrorKind.INVALID_TOKEN, f"invalid token: {reason}")


def _grants_to_json(grants: VideoGrants) -> dict[str, Any]:
    json: dict[str, Any] = {}
    for name, claim in _GRANT_CLAIMS.items():
        value = getattr(grants, name)
        if name == "can_publish_sources":
            value = list(value)
        # False must be told where "not told" means allowed
        if value or (value is False and _GRANT_DEFAULTS[name] is None):
            json[claim] = value
    return json


def _grants_from_json(json: Mapping[str, Any]) -> VideoGrants:
    values: dict[str, Any] = {}
    for name, claim in _GRANT_CLAIMS.items():
        value = json.get(claim)
        if value is None:
            continue
        if name == "can_publish_sources":
            if not isinstance(value, list) or not all(isinstance(source, str) for source in cast(list[Any], value)):
                raise _invalid(f"video.{claim} is not a list of texts")
            value = tuple(source.lower() for source in cast(list[str], value))
        elif not isinstance(value, str if name in _TEXT_GRANTS else bool):
            raise _invalid(f"video.{claim} is {value!r}, of the wrong type")
        values[name] = value
    return VideoGrants(**values)


def holder_to_json(holder: Holder) -> dict[str, Any]:
    """The claim `visavis`."""
    json: dict[str, Any] = {"holder": holder.id}
    if holder.is_vouched:
        json["vouched"] = True
    if holder.moderates is not None:
        json["moderates"] = holder.moderates
    return json


def holder_from_json(json: object) -> Holder | None:
    """Reads the claim `visavis`.

    Raises:
        VisavisError: `INVALID_TOKEN`: it is not one.
    """
    if json is None:
        return None
    values = cast(dict[str, Any], json) if isinstance(json, dict) else {}
    id_, is_vouched, moderates = values.get("holder"), values.get("vouched", False), values.get("moderates")
    if not isinstance(id_, str) or not isinstance(is_vouched, bool) or not isinstance(moderates, bool | None):
        raise _invalid("its 'visavis' is not what this server writes; ask it for a token")
    return Holder(id=id_, is_vouched=is_vouched, moderates=moderates)


def _text(payload: Mapping[str, Any], claim: str) -> str:
    value = payload.get(claim)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _invalid(f"its {claim!r} is not a text")
    return value


def _claims_from_json(payload: Mapping[str, Any]) -> Claims:
    video = payload.get("video")
    if video is not None and not isinstance(video, dict):
        raise _invalid("its 'video' is not an object")
    attributes: object = payload.get("attributes") or {}
    if not isinstance(attributes, dict) or not all(
        isinstance(value, str) for value in cast(dict[str, Any], attributes).values()
    ):
        raise _invalid("its 'attributes' is not an object of texts")
    details: object = payload.get("kindDetails") or []
    if not isinstance(details, list):
        raise _invalid("its 'kindDetails' is not a list")
    config = payload.get("roomConfig")
    if config is not None and not isinstance(config, dict):
        raise _invalid("its 'roomConfig' is not an object")
    return Claims(
        issuer=_text(payload, "iss"),
        identity=_text(payload, "sub") or _text(payload, "jti"),
        name=_text(payload, "name"),
        metadata=_text(payload, "metadata"),
        attributes=cast(dict[str, str], attributes),
        kind=_text(payload, "kind").lower(),
        kind_details=tuple(str(detail) for detail in cast(list[Any], details)),
        video=None if video is None else _grants_from_json(cast(dict[str, Any], video)),
        room_config=cast(dict[str, Any] | None, config),
        room_preset=_text(payload, "roomPreset"),
        holder=holder_from_json(payload.get("visavis")),
        expires_at=float(payload["exp"]),
    )
