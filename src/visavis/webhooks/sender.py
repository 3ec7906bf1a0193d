"""Posts events to URLs: signed as LiveKit signs, in order for each room, again and again if a receiver fails."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import httpx
import structlog
from google.protobuf import json_format
from livekit.protocol.webhook import WebhookEvent

from visavis.auth import KeyRing

_log = structlog.stdlib.get_logger(__name__)

_HEADERS = {"Content-Type": "application/webhook+json", "User-Agent": "Visavis"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a receiver is borne with. LiveKit's own numbers.

    Attributes:
        timeout: seconds for one request.
        pauses: seconds to wait before each further try.
        max_age: seconds after which an event is not tried any more.
        max_waiting: events that may wait for each room and URL; the oldest are dropped first.
    """

    timeout: float = 10.0
    pauses: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    max_age: float = 30.0
    max_waiting: int = 200


class WebhookSender:
    """One line of waiting events for each room and URL, so that a slow receiver or a busy room holds up no other."""

    def __init__(self, urls: Iterable[str], keys: KeyRing, *, patience: Patience | None = None) -> None:
        self._urls = tuple(urls)
        self._keys = keys
        self._patience = patience or Patience()
        self._client: httpx.AsyncClient | None = None
        self._lines: dict[tuple[str, str], deque[tuple[float, WebhookEvent]]] = {}
        self._workers: set[asyncio.Task[None]] = set()

    @property
    def has_receivers(self) -> bool:
        """Whether anybody is posted to."""
        return bool(self._urls)

    def __call__(self, event: WebhookEvent) -> None:
        """Queues an event; returns at once."""
        for url in self._urls:
            key = (url, event.room.name)
            line = self._lines.get(key)
            if line is None:
                line = self._lines[key] = deque()
                worker = asyncio.get_running_loop().create_task(self._work(key), name=f"webhooks of {event.room.sid}")
                self._workers.add(worker)
                worker.add_done_callback(self._workers.discard)
            if len(line) >= self._patience.max_waiting:
                line.popleft()
                _log.warning("webhook_dropped", url=url, reason="too many wait", room=event.room.sid)
            line.append((time.monotonic(), event))

    async def aclose(self, within: float) -> None:
        """Lets what waits be sent for so many seconds, then gives up."""
        if self._workers:
            await asyncio.wait(self._workers, timeout=within)
        for worker in list(self._workers):
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _work(self, key: tuple[str, str]) -> None:
        line = self._lines[key]
        try:
            while line:
                queued_at, event = line.popleft()
                await self._deliver(key[0], event, queued_at)
        finally:
            del self._lines[key]

    async def _deliver(self, url: str, event: WebhookEvent, queued_at: float) -> None:
        problem = "it waited too long"
        for pause in (0.0, *self._patience.pauses):
            if time.monotonic() + pause - queued_at > self._patience.max_age:
                break
            await asyncio.sleep(pause)
            try:
                answer = await self._post(url, event)
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__}: {error}"
                continue
            if answer.status_code < 500:
                if not answer.is_success:
                    # It understood, and does not want it: asking again would change nothing.
                    _log.warning("webhook_refused", url=url, event_name=event.event, status=answer.status_code)
                return
            problem = f"status {answer.status_code}"
        _log.warning("webhook_dropped", url=url, event_name=event.event, reason=problem)

    async def _post(self, url: str, event: WebhookEvent) -> httpx.Response:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=self._patience.timeout, headers=_HEADERS)
        body = json_format.MessageToJson(event, indent=None).encode()
        # Signed for each try: the token is good for five minutes only.
        return await self._client.post(url, content=body, headers={"Authorization": self._keys.sign_body(body)})
