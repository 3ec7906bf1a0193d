"""Connection tokens that any of several processes takes for one of its own, without having heard of it."""

import hashlib
import hmac
import secrets

# Between negotiating and connecting; clients do that at once.
GOOD_SECONDS = 60


def issue(secret: bytes, now: float) -> str:
    """A new one, good from now on.

    Args:
        secret: of all processes.
        now: seconds since the epoch.
    """
    told = f"{int(now) + GOOD_SECONDS}.{secrets.token_urlsafe(12)}"
    return f"{told}.{_signature(secret, told)}"


def is_good(secret: bytes, ticket: str, now: float) -> bool:
    """Whether one of the processes has issued it lately."""
    told, _, signature = ticket.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(secret, told).encode()):
        return False
    return int(told.partition(".")[0]) >= now


def _signature(secret: bytes, told: str) -> str:
    return hmac.new(secret, b"hub " + told.encode(), hashlib.sha256).hexdigest()[:32]
