"""Names of rooms in which nobody meets: of connection tests, and of `visavis doctor`. Every process knows them as such.

Signed with the cluster's secret, so that nobody hides a room from the list and from what happens by its name.
"""

import hashlib
import hmac
import secrets
from typing import Literal

Kind = Literal["checkup", "doctor"]

_KINDS = ("checkup-", "doctor-")
_SIGNATURE_CHARACTERS = 16


class ThrowAway:
    """Makes and knows them.

    Args:
        secret: of the cluster's API key.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def name(self, kind: Kind) -> str:
        """A new one, which nobody can guess."""
        start = f"{kind}-{secrets.token_hex(8)}"
        return f"{start}-{self._signature(start)}"

    def kind(self, name: str) -> str | None:
        """The kind of the room of this name; None: it is a room like any other."""
        if not name.startswith(_KINDS):
            # All others, without reckoning: the list of ten thousand rooms asks for each of them.
            return None
        start, _, signature = name.rpartition("-")
        if not hmac.compare_digest(self._signature(start).encode(), signature.encode()):
            return None
        return start.partition("-")[0]

    def _signature(self, start: str) -> str:
        return hmac.new(self._secret, start.encode(), hashlib.sha256).hexdigest()[:_SIGNATURE_CHARACTERS]
