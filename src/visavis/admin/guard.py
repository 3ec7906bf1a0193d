"""Who may use the operator's API: whoever holds its token. Wrong ones are slowed down."""

import hmac

from starlette.requests import Request

from visavis.errors import ErrorKind, VisavisError
from visavis.rest import bearer
from visavis.tries import Tries

WRONG_TRIES = 10
WITHIN_SECONDS = 60.0


class Guard:
    """Checks the token of each request.

    An address with too many wrong tries is not listened to for a while, whatever it sends: whether a guess was right
    must not be told to who goes on guessing.

    Args:
        token: what has to be sent; None: the API is off.
        tries: counts the wrong ones.
    """

    def __init__(self, token: str | None, tries: Tries) -> None:
        self._token = None if token is None else token.encode()
        self._tries = tries

    async def check(self, request: Request) -> None:
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
        address = f"admin {'' if request.client is None else request.client.host}"
        tries, left = await self._tries.count(address)
        if tries >= WRONG_TRIES:
            raise VisavisError(
                ErrorKind.TOO_MANY_REQUESTS, f"too many wrong tokens from here: wait {round(left) + 1} seconds"
            )
        given = bearer(request)
        if given is None:
            raise VisavisError(
                ErrorKind.NO_TOKEN, "no token: send the server's admin_token as `Authorization: Bearer …`"
            )
        if not hmac.compare_digest(given.encode(), self._token):
            await self._tries.add(address, WITHIN_SECONDS)
            raise VisavisError(ErrorKind.INVALID_TOKEN, "this is not the admin_token of this server")
        if tries:
            await self._tries.forget(address)
