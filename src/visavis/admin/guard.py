"""Who may use the operator's API: whoever holds its token. Wrong ones are slowed down."""

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.requests import Request

from visavis.errors import ErrorKind, VisavisError
from visavis.rest import bearer

WRONG_TRIES = 10
WITHIN_SECONDS = 60.0
# Addresses remembered; who has more of them than this forgets the oldest.
_MAX_ADDRESSES = 4096


class Guard:
    """Checks the token of each request.

    An address with too many wrong tries is not listened to for a while, whatever it sends: whether a guess was right
    must not be told to who goes on guessing.

    Args:
        token: what has to be sent; None: the API is off.
        now: seconds of a monotonic clock.
    """

    def __init__(self, token: str | None, *, now: Callable[[], float] = time.monotonic) -> None:
        self._token = None if token is None else token.encode()
        self._now = now
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, request: Request) -> None:
        """Lets the operator pass.

        Raises:
            VisavisError: `ADMIN_OFF`, `TOO_MANY_REQUESTS`, `NO_TOKEN` or `INVALID_TOKEN`.
        """
        if self._token is None:
            raise VisavisError(
                ErrorKind.ADMIN_OFF,
                "the operator's API is off: set admin_token (VISAVIS_ADMIN_TOKEN, or admin_token in the file of "
                "--config) to a secret of 16 characters or more and start the server again",
            )
        address = "" if request.client is None else request.client.host
        tries, since = self._wrong.get(address, (0, self._now()))
        if self._now() - since >= WITHIN_SECONDS:
            tries, since = 0, self._now()
            self._wrong.pop(address, None)
        if tries >= WRONG_TRIES:
            wait = round(WITHIN_SECONDS - (self._now() - since)) + 1
            raise VisavisError(ErrorKind.TOO_MANY_REQUESTS, f"too many wrong tokens from here: wait {wait} seconds")
        given = bearer(request)
        if given is None:
            raise VisavisError(
                ErrorKind.NO_TOKEN, "no token: send the server's admin_token as `Authorization: Bearer …`"
            )
        if not hmac.compare_digest(given.encode(), self._token):
            self._wrong[address] = (tries + 1, since)
            self._wrong.move_to_end(address)
            while len(self._wrong) > _MAX_ADDRESSES:
                self._wrong.popitem(last=False)
            raise VisavisError(ErrorKind.INVALID_TOKEN, "this is not the admin_token of this server")
        self._wrong.pop(address, None)
