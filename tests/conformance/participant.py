"""A participant that is nothing but its signalling socket, and remembers all it was told."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import jwt
import websockets
from livekit import api
from livekit.protocol import models
from livekit.protocol import rtc as signal
from wire import Signalling, rtc_url

from servers import MediaServer

Response = signal.SignalResponse
Info = models.ParticipantInfo
PATIENCE = 10.0
"""Seconds until something that must happen has not happened."""
LARGEST_ROOM = 4
"""How many both servers let into a room."""


def anything(_: Any) -> bool:
    """The condition that everything fulfils."""
    return True


def token(server: MediaServer, identity: str, room: str, *, name: str = "", kind: str = "", **grants: Any) -> str:
    """A token with exactly these grants."""
    allowed = api.VideoGrants(**{"room_join": True, "room": room, **grants})
    made = api.AccessToken(server.api_key, server.api_secret).with_identity(identity).with_grants(allowed)
    if kind:
        made = made.with_kind(kind)
    return made.with_name(name).with_ttl(timedelta(minutes=10)).to_jwt()


class Listener:
    """Hears what the server says to one participant, and remembers it."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.seen: list[Response] = []

    async def next(self) -> Response:
        """The next response."""
        raise NotImplementedError

    async def until(self, kind: str, where: Callable[[Any], bool] = anything, *, within: float = PATIENCE) -> Any:
        """The content of the next response of that kind that `where` accepts; others are passed over."""
        try:
            async with asyncio.timeout(within):
                while True:
                    response = await self.next()
                    if response.WhichOneof("message") == kind and where(content(response)):
                        return content(response)
        except (TimeoutError, websockets.ConnectionClosed) as error:
            history = "\n  ".join(str(response).replace("\n", " ")[:300] for response in self.seen[-20:])
            raise AssertionError(
                f"{self.identity} waited in vain for {kind} ({type(error).__name__}); heard:\n  {history}"
            ) from None

    async def update_about(self, identity: str, where: Callable[[Info], bool] = anything) -> Info:
        """The next update about that participant that `where` accepts."""

        def about(update: signal.ParticipantUpdate) -> list[Info]:
            return [info for info in update.participants if info.identity == identity and where(info)]

        return about(await self.until("update", about))[0]


class Participant(Listener, Signalling):
    """A participant that is nothing but its signalling socket. Make it with the `join` fixture."""

    def __init__(self, socket: websockets.ClientConnection, identity: str) -> None:
        Listener.__init__(self, identity)
        Signalling.__init__(self, socket)
        self.joined = signal.JoinResponse()

    @property
    def sid(self) -> str:
        """Its id in this session."""
        return self.joined.participant.sid

    async def next(self) -> Response:
        response = await Signalling.next(self)
        self.seen.append(response)
        return response

    async def add_track(self, cid: str, kind: str = "video", **options: Any) -> models.TrackInfo:
        """Announces a track and returns what the server makes of it."""
        await self.ask_for_track(cid, kind, **options)
        return (await self.until("track_published", lambda published: published.cid == cid)).track

    async def ask_for_track(self, cid: str, kind: str = "video", **options: Any) -> None:
        """Announces a track."""
        is_video = kind == "video"
        options.setdefault("source", models.TrackSource.CAMERA if is_video else models.TrackSource.MICROPHONE)
        type_ = models.TrackType.VIDEO if is_video else models.TrackType.AUDIO
        await self.send(add_track=signal.AddTrackRequest(cid=cid, type=type_, **options))

    async def sync(self) -> list[Response]:
        """All that the server sent before it answered a ping that is sent now."""
        start = len(self.seen)
        await self.send(ping_req=signal.Ping(timestamp=7))
        await self.until("pong_resp")
        return self.seen[start:-1]


Join = Callable[..., Awaitable[Participant]]
"""The fixture `join`."""


def content(response: Response) -> Any:
    """The message inside."""
    return getattr(response, response.WhichOneof("message") or "join")


def claims_of(token: str) -> dict[str, Any]:
    """What a token says."""
    return jwt.decode(token, options={"verify_signature": False})


def kinds(responses: list[Response]) -> list[str]:
    """Of what kind they are."""
    return [response.WhichOneof("message") or "" for response in responses]


@asynccontextmanager
async def connected(server: MediaServer, access: str, identity: str, **query: Any) -> AsyncIterator[Participant]:
    """A signalling socket that has read nothing yet."""
    async with await _let_in(rtc_url(server, access, **query)) as socket:
        yield Participant(socket, identity)


async def _let_in(url: str) -> websockets.ClientConnection:
    """Dials, again while livekit-server takes its only node for lost, as its clients do.

    It does where what the node said of itself, every two seconds, is five seconds old (`IsAvailable`): when the machine
    was held up, until the node has spoken again.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            # No bound on what waits unread: the closing handshake would wait behind it.
            return await websockets.connect(url, max_size=None, max_queue=None)
        except websockets.InvalidStatus as refused:
            if refused.response.body != b"could not find any available nodes" or time.monotonic() > until:
                raise
        # Whoever is not let in is not told when the node has spoken.
        await asyncio.sleep(0.2)
