"""How the livekit backend runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from visavis.auth import DEFAULT_TTL_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveKitOptions:
    """How the livekit backend runs.

    Attributes:
        url: of the cluster, for its server API: ``wss://livekit.example.org`` or ``http://…``.
        keys: API key → secret of the cluster; the first signs.
        client_url: where clients reach the cluster, if that is another address.
        redis_url: what the processes share; empty: there is only this one.
        max_participants: capacity of each room that the API's tokens make.
        departure_timeout: seconds that such a room stays after the last one left.
        empty_timeout: seconds that it stays if nobody joins.
        token_ttl: seconds that tokens are valid.
        webhook_urls: where events are posted to, as LiveKit's webhooks.
        reread_seconds: so often the cluster is asked what is there, lest a webhook was lost.
    """

    url: str
    keys: Mapping[str, str]
    client_url: str = ""
    redis_url: str = ""
    max_participants: int = 50
    departure_timeout: float = 20.0
    empty_timeout: float = 300.0
    token_ttl: float = DEFAULT_TTL_SECONDS
    webhook_urls: tuple[str, ...] = ()
    reread_seconds: float = 10.0
