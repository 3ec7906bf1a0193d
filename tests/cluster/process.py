"""An app process that is none: it runs in the test itself, which sees into it and is all that tells it of webhooks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from google.protobuf import json_format
from livekit.protocol.webhook import WebhookEvent

from servers import MediaServer
from visavis import Visavis
from visavis.auth import KeyRing
from visavis.backend.livekit import LiveKitBackend, LiveKitOptions
from visavis.store.found import KINDS, HistoryFilter

PATH = "/api/livekit/webhook"
TOLD = ("room_started", "room_finished", "participant_joined", "participant_left", "track_published")


@dataclass
class Process:
    """An app, what its host hears, and its history.

    Attributes:
        video: the app.
        http: asks it.
        node: the cluster; it posts nothing here by itself.
        heard: of each event its name, and whom or what it is about.
    """

    video: Visavis
    http: httpx.AsyncClient
    node: MediaServer
    heard: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    @property
    def backend(self) -> Any:
        return self.video.backend

    @property
    def keys(self) -> KeyRing:
        return KeyRing({self.node.api_key: self.node.api_secret})

    def listed(self) -> dict[str, int]:
        return {room.name: room.participant_count for room in self.backend.rooms()}

    async def post(self, event: WebhookEvent, **changed: Any) -> httpx.Response:
        """The cluster tells it; `token` and `body` may be others."""
        body = json_format.MessageToJson(event).encode()
        token = changed.get("token", self.keys.sign_body(body))
        return await self.http.post(PATH, content=changed.get("body", body), headers={"Authorization": token})

    async def history(self, room: str) -> dict[str, list[dict[str, Any]]]:
        recorder, store = self.backend.recorder, self.video._store
        assert recorder is not None
        assert store is not None
        await recorder.flushed()
        wanted = HistoryFilter(room=room)
        return {kind: [dict(row) async for row in store.history.all(kind, wanted)] for kind in KINDS}

    async def until(self, room: str, holds: Callable[[dict[str, list[dict[str, Any]]]], bool]) -> Any:
        """Its history, as soon as that holds."""
        async with asyncio.timeout(15):
            while not holds(found := await self.history(room)):  # noqa: ASYNC110 - of a database
                await asyncio.sleep(0.05)
        return found


@asynccontextmanager
async def process_in_front_of(node: MediaServer, *, database_url: str = "", **options: Any) -> AsyncIterator[Process]:
    """Starts one, with these `LiveKitOptions`."""
    keys = {node.api_key: node.api_secret}
    video = Visavis(LiveKitBackend(LiveKitOptions(url=node.url, keys=keys, **options)), database_url=database_url)
    transport = httpx.ASGITransport(video)
    async with httpx.AsyncClient(transport=transport, base_url="http://video.example") as http:
        process = Process(video, http, node)
        for name in TOLD:
            video.on(name)(lambda event: process.heard.append((event.event, _about(event))))
        await video.start()
        try:
            yield process
        finally:
            await video.stop()


def _about(event: WebhookEvent) -> str:
    return event.participant.identity or event.room.name
