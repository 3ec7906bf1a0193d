"""A served backend with a fake media core, and a client that speaks the wire protocol to it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from urllib.parse import urlencode

import pytest
import uvicorn
import websockets
from google.protobuf import json_format
from livekit.protocol import models, rtc
from starlette.applications import Starlette
from tests_vocabulary import SDP
from websockets.asyncio.client import ClientConnection

from visavis.api import api_routes
from visavis.auth import Claims, KeyRing, VideoGrants
from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions
from visavis.media.fake import FakeEngine
from visavis.moderation_api import moderation_routes

KEYS = {"devkey": "secret"}


class SignalClient:
    """One participant's signalling socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[rtc.SignalResponse] = []
        self.joined = rtc.JoinResponse()

    @property
    def sid(self) -> str:
        return self.joined.participant.sid

    async def next(self) -> rtc.SignalResponse:
        async with asyncio.timeout(5):
            data = await self.socket.recv()
        if isinstance(data, str):
            response = json_format.Parse(data, rtc.SignalResponse())
        else:
            response = rtc.SignalResponse.FromString(data)
        self.seen.append(response)
        return response

    async def until(
        self, kind: str, where: Callable[[rtc.SignalResponse], bool] = lambda _: True
    ) -> rtc.SignalResponse:
        """The next response of this kind (that `where` accepts); others are passed over."""
        while True:
            response = await self.next()
            if response.WhichOneof("message") == kind and where(response):
                return response

    async def until_participant(self, where: Callable[[models.ParticipantInfo], bool]) -> models.ParticipantInfo:
        """The next update about a participant that `where` accepts."""
        while True:
            response = await self.until("update")
            for info in response.update.participants:
                if where(info):
                    return info

    async def until_closed(self) -> list[rtc.SignalResponse]:
        """Everything until the server closes the socket."""
        rest: list[rtc.SignalResponse] = []
        try:
            while True:
                rest.append(await self.next())
        except websockets.ConnectionClosed:
            return rest

    async def send(self, **message: object) -> None:
        await self.socket.send(rtc.SignalRequest(**message).SerializeToString())

    async def add_track(self, cid: str, kind: str = "video", **options: object) -> models.TrackInfo:
        """Announces a track and returns what the server makes of it."""
        is_video = kind == "video"
        options.setdefault("source", models.TrackSource.CAMERA if is_video else models.TrackSource.MICROPHONE)
        type_ = models.TrackType.VIDEO if is_video else models.TrackType.AUDIO
        await self.send(add_track=rtc.AddTrackRequest(cid=cid, type=type_, **options))
        return (await self.until("track_published", lambda r: r.track_published.cid == cid)).track_published.track

    async def offer(self, *media: str, offer_id: int = 1) -> rtc.SessionDescription:
        """Offers the media sections and returns the answer."""
        await self.send(offer=rtc.SessionDescription(type="offer", sdp=SDP + "".join(media), id=offer_id))
        return (await self.until("answer")).answer

    async def sync(self) -> list[rtc.SignalResponse]:
        """All that the server sent before it answered a ping that is sent now."""
        start = len(self.seen)
        await self.send(ping_req=rtc.Ping(timestamp=7))
        await self.until("pong_resp")
        return self.seen[start:-1]


class Server:
    """Where the backend is served, and tokens for it."""

    def __init__(self, backend: EmbeddedBackend, engine: FakeEngine, port: int, stack: AsyncExitStack) -> None:
        self.backend = backend
        self.engine = engine
        self.port = port
        self.keys = KeyRing(KEYS)
        self._stack = stack

    def token(self, identity: str, room: str = "atrium", *, name: str = "", kind: str = "", **grants: object) -> str:
        video = replace(VideoGrants(room_join=True, room=room, can_update_own_metadata=True), **grants)
        return self.keys.mint(Claims(identity=identity, name=name, kind=kind, video=video))

    def url(self, path: str = "/rtc", scheme: str = "ws", **query: object) -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}?{urlencode(query)}"

    async def open(self, token: str, **query: object) -> SignalClient:
        query = {"access_token": token, "protocol": 17, "sdk": "js", **query}
        return SignalClient(await self._stack.enter_async_context(websockets.connect(self.url(**query))))

    async def join(
        self, identity: str, room: str = "atrium", *, query: dict[str, object] | None = None, **grants: object
    ) -> SignalClient:
        """Joins; the client has read `join` and nothing else."""
        client = await self.open(self.token(identity, room, **grants), **(query or {}))
        client.joined = (await client.next()).join
        return client

    async def join_active(self, identity: str, room: str = "atrium", **grants: object) -> SignalClient:
        """Joins and connects its media."""
        client = await self.join(identity, room, **grants)
        offer = (await client.until("offer")).offer
        await client.send(answer=rtc.SessionDescription(type="answer", sdp=SDP, id=offer.id))
        await client.until("connection_quality")
        return client


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server with the given options."""
    async with AsyncExitStack() as stack:

        async def start(*, auto: bool = True, **options: object) -> Server:
            engine = FakeEngine(auto=auto)
            backend = EmbeddedBackend(EmbeddedOptions(keys=KEYS, **options), engine=lambda _: engine)
            listener = socket.create_server(("127.0.0.1", 0))
            config = uvicorn.Config(
                Starlette(routes=[*api_routes(backend, None), *moderation_routes(backend), *backend.routes()]),
                ws="websockets-sansio",
                log_config=None,
                lifespan="off",
            )
            server = uvicorn.Server(config)
            server.install_signal_handlers = lambda: None
            task = asyncio.create_task(server.serve(sockets=[listener]))

            async def stop() -> None:
                await backend.stop()
                server.should_exit = server.force_exit = True
                await task
                listener.close()

            stack.push_async_callback(stop)
            return Server(backend, engine, listener.getsockname()[1], stack)

        yield start


@pytest.fixture
async def server(serve: Serve) -> Server:
    """A server with the default options."""
    return await serve()
