"""Between the PyPI client and the server's signalling: hears what a client with real media is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import websockets
from caller import Caller
from livekit.protocol import rtc as signal
from participant import PATIENCE, Listener, Response, claims_of

from servers import MediaServer


class Tapped(Listener):
    """What one client and the server say to each other."""

    def __init__(self, identity: str, server: websockets.ClientConnection, client: websockets.ServerConnection) -> None:
        super().__init__(identity)
        self.describes = "offer"
        self.said: list[signal.SignalRequest] = []
        self.rewrite: Callable[[signal.SignalRequest], None] = lambda _: None
        """Changes what the client says before the server hears it."""
        self.rewrite_response: Callable[[Response], None] = lambda _: None
        """Changes what the server says before the client hears it."""
        self.announcement: dict[str, Any] = {}
        """What its AddTracks say beside what the client can be made to say."""
        self.resumed: asyncio.Future[Tapped] = asyncio.get_running_loop().create_future()
        self.before_resume = asyncio.Event()
        """The client comes back only when this is set."""
        self.before_resume.set()
        self._server = server
        self._client = client
        self._unread: asyncio.Queue[Response] = asyncio.Queue()

    async def next(self) -> Response:
        response = await self._unread.get()
        self.seen.append(response)
        return response

    async def send(self, **message: Any) -> None:
        """Asks in the client's name."""
        await self._server.send(signal.SignalRequest(**message).SerializeToString())

    async def described(self, where: Callable[[signal.SessionDescription], bool]) -> signal.SessionDescription:
        """The next description of what is sent to the client that `where` accepts: an offer, or to clients with one
        peer connection an answer.
        """
        return await self.until(self.describes, where)

    async def cut(self) -> "Tapped":
        """The client loses its socket; returns what is said on the next one."""
        self._client.transport.abort()
        return await asyncio.wait_for(self.resumed, PATIENCE)

    async def from_server(self) -> None:
        """Passes on what the server says."""
        async for frame in self._server:
            response = signal.SignalResponse.FromString(frame)
            self._unread.put_nowait(response)
            told = Response()
            told.CopyFrom(response)
            self.rewrite_response(told)
            await self._client.send(told.SerializeToString())

    async def from_client(self) -> None:
        """Passes on what the client says."""
        async for frame in self._client:
            request = signal.SignalRequest.FromString(frame)
            if request.HasField("add_track"):
                request.add_track.MergeFrom(signal.AddTrackRequest(**self.announcement))
            self.said.append(request)
            self.rewrite(request)
            await self._server.send(request.SerializeToString())


@dataclass(frozen=True, slots=True)
class Detour:
    """What becomes of a client's session on its way, from the first word on."""

    query: dict[str, str] = field(default_factory=dict[str, str])
    """Parameters of `/rtc` beside the client's own, or instead of them."""
    rewrite: Callable[[signal.SignalRequest], None] = lambda _: None
    rewrite_response: Callable[[Response], None] = lambda _: None


class Wiretap:
    """Where clients connect to be heard."""

    def __init__(self, server: MediaServer) -> None:
        self._server = server
        self.url = ""
        self.of: dict[str, Tapped] = {}
        """By identity: the newest session."""
        self.detours: dict[str, Detour] = {}
        """By identity, of those that take one."""

    async def serve(self, client: websockets.ServerConnection) -> None:
        """One signalling session."""
        assert client.request
        access = client.request.headers["Authorization"]
        identity = claims_of(access.removeprefix("Bearer "))["sub"]
        detour = self.detours.get(identity, Detour())
        asked = urlsplit(client.request.path)
        url = f"{self._server.url}{asked.path}?{urlencode(dict(parse_qsl(asked.query)) | detour.query)}"
        if identity in self.of:
            await self.of[identity].before_resume.wait()
        async with websockets.connect(url, additional_headers={"Authorization": access}, max_size=None) as server:
            before, tapped = self.of.get(identity), Tapped(identity, server, client)
            tapped.rewrite, tapped.rewrite_response = detour.rewrite, detour.rewrite_response
            self.of[identity] = tapped
            if client.request.path.startswith("/rtc/v1"):
                tapped.describes = "answer"
            if before:
                before.resumed.set_result(tapped)
            ways = {asyncio.create_task(way) for way in (tapped.from_server(), tapped.from_client())}
            _, open_ways = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in open_ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


def carries(*sids: str) -> Callable[[signal.SessionDescription], bool]:
    """That an offer sends exactly these tracks."""
    return lambda offer: sending(offer.sdp) == set(sids)


def sending(sdp: str) -> set[str]:
    """The track ids of the media sections that are sent."""
    sections = [section for section in sdp.split("\nm=")[1:] if not section.startswith("application")]
    open_sections = [section for section in sections if "a=sendonly" in section or "a=sendrecv" in section]
    msids = [line.split()[0] for section in open_sections for line in section.split("a=msid:")[1:]]
    return {msid.partition("|")[2] for msid in msids}


Call = Callable[..., Awaitable[tuple[Caller, Tapped]]]
"""The fixture `call`."""


@asynccontextmanager
async def wiretap(server: MediaServer, port: int, path: str) -> AsyncIterator[Wiretap]:
    """Listens between `port` and the server.

    Args:
        server: the real one.
        port: on loopback.
        path: the only one that is served: ``"/rtc"``, for two peer connections, or ``"/rtc/v1"``, for one.
    """
    tap = Wiretap(server)

    def only_one(connection: websockets.ServerConnection, request: websockets.Request) -> websockets.Response | None:
        if request.path.startswith(f"{path}?"):
            return None
        return connection.respond(HTTPStatus.NOT_FOUND, "")

    async with websockets.serve(tap.serve, "127.0.0.1", port, process_request=only_one, max_size=None):
        tap.url = f"ws://127.0.0.1:{port}"
        try:
            yield tap
        finally:
            # Else a client that is still held back would hold this up.
            for tapped in tap.of.values():
                tapped.before_resume.set()
