"""Receives the cluster's webhooks: checks who sent them, and has each happening count once, at whichever process.

A happening is told by what it is, not by the id of its message: what the cluster is found to have done unheard
(`livekit_backend`) and a webhook that comes late after all are the same one. Only the history has use for that then: it
knows the moment and the reason.
"""

import time
from collections.abc import Awaitable, Callable

import structlog
from google.protobuf import json_format
from livekit.protocol.webhook import WebhookEvent
from starlette.requests import Request
from starlette.responses import Response

from visavis.auth import KeyRing
from visavis.backend.livekit.shared import Claim, Shared
from visavis.errors import ErrorKind, VisavisError
from visavis.rest import answer

_log = structlog.stdlib.get_logger(__name__)

PATH = "/api/livekit/webhook"
MAX_BODY_BYTES = 1 << 20
# The signature of a webhook is good for five minutes and a minute of skew: longer ago nothing can be sent again.
_REMEMBERED_SECONDS = 900.0
# A process that died while it was at something is not waited for longer; the cluster tries again within half a minute.
_BUSY_SECONDS = 8.0
_WARN_SECONDS = 60.0
_ONCE = frozenset(
    {
        "room_started",
        "room_finished",
        "participant_joined",
        "participant_left",
        "participant_connection_aborted",
        "track_published",
        "track_unpublished",
    }
)


class Receiver:
    """The endpoint.

    Args:
        keys: of the cluster.
        shared: what was done already.
        heard: called with each event at once, however often it comes, to know what is there.
        happened: called once for each happening, and with whether it was only found out; if it raises, the cluster is
            asked to send it again.
        known: called with what is heard after it had been found out.
        counts: whether once matters; what may happen again is spared the asking.
    """

    def __init__(
        self,
        keys: KeyRing,
        shared: Shared,
        *,
        heard: Callable[[WebhookEvent], None],
        happened: Callable[[WebhookEvent, bool], Awaitable[None]],
        known: Callable[[WebhookEvent], None] = lambda _: None,
        counts: Callable[[WebhookEvent], bool] = lambda _: True,
    ) -> None:
        self._keys = keys
        self._shared = shared
        self._heard = heard
        self._happened = happened
        self._known = known
        self._counts = counts
        self._warned_at: dict[str, float] = {}

    async def __call__(self, request: Request) -> Response:
        """Answers a POST: 200 it is done, 401 it is not the cluster's, 503 send it again."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise VisavisError(ErrorKind.INVALID_REQUEST, f"the body has more than {MAX_BODY_BYTES} bytes")
        event = self._checked(request, bytes(body))
        self._heard(event)
        if not await self.take(event):
            raise VisavisError(ErrorKind.SERVER_STOPPING, "another process is at it: send it again in a moment")
        return answer({})

    async def take(self, event: WebhookEvent, *, is_guess: bool = False) -> bool:
        """Has the event happen, unless it has; returns whether it has now.

        Args:
            event: what happened.
            is_guess: nobody was told of it, it was found out.

        Raises:
            VisavisError: something that it takes does not answer.
        """
        if not self._counts(event):
            await self._happened(event, is_guess)
            return True
        key = f"happened:{_name_of(event)}"
        claim = await self._shared.claim(key, seconds=_BUSY_SECONDS)
        if claim is Claim.GUESSED and not is_guess:
            self._known(event)
            await self._shared.settle(key, seconds=_REMEMBERED_SECONDS)
            return True
        if claim is not Claim.MINE:
            return claim is not Claim.SOMEBODYS
        try:
            await self._happened(event, is_guess)
        except BaseException:
            await self._shared.settle(key, seconds=0)
            raise
        done = Claim.GUESSED if is_guess else Claim.DONE
        await self._shared.settle(key, seconds=_REMEMBERED_SECONDS, claim=done)
        return True

    def _checked(self, request: Request, body: bytes) -> WebhookEvent:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            if not token:
                raise VisavisError(ErrorKind.NO_TOKEN, "no Authorization header: only a LiveKit server posts here")
            self._keys.verify_body(token, body)
        except VisavisError as error:
            self._warn(error.message)
            raise
        try:
            event = json_format.Parse(body, WebhookEvent(), ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise VisavisError(ErrorKind.INVALID_REQUEST, f"the body is no webhook event ({error})") from error
        if not event.event:
            raise VisavisError(ErrorKind.INVALID_REQUEST, "the body is no webhook event (it has no `event`)")
        return event

    def _warn(self, reason: str) -> None:
        """Once a minute for each reason: anybody may post here."""
        now = time.monotonic()
        if now - self._warned_at.get(reason, float("-inf")) < _WARN_SECONDS or len(self._warned_at) > 100:
            return
        self._warned_at[reason] = now
        _log.warning(
            "webhook_refused",
            reason=reason,
            hint="if the cluster sent it: its webhook.api_key must be one of ours (LIVEKIT_API_KEY), and its clock and "
            "this machine's may differ by a minute at most; `visavis doctor` tells",
        )


def _name_of(event: WebhookEvent) -> str:
    if event.event not in _ONCE:
        return event.id or f"{event.event} {event.created_at}"
    name = "participant_left" if event.event == "participant_connection_aborted" else event.event
    about = event.track.sid or event.participant.sid or event.room.sid
    return f"{name} {about}"
