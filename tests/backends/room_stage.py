"""A room of one's own in front of either backend, and who is in it."""

import asyncio
import itertools
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

# The clients are those of the other tests.
sys.path.insert(0, str(Path(__file__).parent.parent / "python_sdk"))

from caller import PATIENCE, Caller
from livekit import rtc

from media import MICROPHONE
from servers import MediaServer
from visavis.auth import KeyRing


@dataclass
class Video:
    """What is served, by one process or by several.

    Attributes:
        name: of the backend.
        apps: the processes.
        livekit: what LiveKit clients connect to.
    """

    name: str
    apps: list[MediaServer]
    livekit: MediaServer

    @property
    def keys(self) -> KeyRing:
        return KeyRing({self.livekit.api_key: self.livekit.api_secret})


@dataclass
class Stage:
    """A room of one's own, and who is in it."""

    video: Video
    room: str
    clients: "itertools.cycle[httpx.AsyncClient]"
    tokens: dict[str, str] = field(default_factory=dict)
    callers: dict[str, Caller] = field(default_factory=dict)
    asking: "list[asyncio.Task[httpx.Response]]" = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/api/video/rooms/{self.room}"

    async def call(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        """Asks; with several processes, each request another one."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await next(self.clients).request(method, path, headers=headers, **options)

    async def by(self, who: str, method: str, path: str = "", **options: Any) -> httpx.Response:
        """Somebody asks something of the room."""
        return await self.call(method, self.path + path, self.tokens.get(who), **options)

    async def token(self, identity: str, room: str | None = "", held: str | None = None) -> httpx.Response:
        """Asks for a token: for the room of the stage, or with None for none."""
        wanted = {} if room is None else {"room": room or self.room}
        params = {"identity": identity, "name": identity.title()} | wanted
        return await self.call("GET", "/api/video/token", held, params=params)

    async def connect(self, identity: str, token: str, url: str | None = None) -> Caller:
        """Joins with a token."""
        caller = self.callers[identity] = Caller(identity)
        await asyncio.wait_for(caller.room.connect(url or self.video.livekit.url, token), PATIENCE)
        return caller

    async def enter(self, identity: str) -> Caller:
        """Gets a token and joins."""
        answer = await self.token(identity)
        assert answer.status_code == 200, answer.text
        self.tokens[identity] = answer.json()["token"]
        return await self.connect(identity, self.tokens[identity], answer.json()["url"])

    async def leave(self, identity: str) -> None:
        await self.callers.pop(identity).room.disconnect()

    def knock(self, token: str) -> "asyncio.Task[httpx.Response]":
        """Somebody waits."""
        self.asking.append(asyncio.create_task(self.call("POST", f"{self.path}/wait", token)))
        return self.asking[-1]

    async def state(self, who: str = "maker") -> dict[str, Any]:
        return (await self.by(who, "GET")).json()

    async def listed(self) -> dict[str, Any] | None:
        """The room in the list of rooms; None if it is not there."""
        found = (await self.call("GET", "/api/video/rooms")).json()
        return next((each for each in found if each["name"] == self.room), None)

    async def until(self, condition: Any, within: float = PATIENCE) -> Any:
        """Waits until what `condition` awaits is true at every process, and returns it."""
        async with asyncio.timeout(within):
            while True:
                found = [await condition() for _ in self.video.apps]
                if all(found):
                    return found[0]
                await asyncio.sleep(0.02)

    async def until_listed(self, within: float = PATIENCE, **values: Any) -> dict[str, Any]:
        """Waits until the list of rooms, of every process, tells this of the room."""

        async def told() -> dict[str, Any] | None:
            room = await self.listed()
            return room if room is not None and all(room[name] == value for name, value in values.items()) else None

        return await self.until(told, within)


async def publish(caller: Caller, source: rtc.TrackSource.ValueType = MICROPHONE) -> str:
    """Publishes sound that says where it comes from; returns its track id."""
    track = rtc.LocalAudioTrack.create_audio_track("sound", rtc.AudioSource(48000, 1))
    options = rtc.TrackPublishOptions(source=source)
    return (await asyncio.wait_for(caller.me.publish_track(track, options), 10)).sid
