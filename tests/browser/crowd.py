"""Many participants on the PyPI `livekit` client in one process, who send and receive nothing: ``crowd.py URL``.

Each line on stdin is a command, ``{"do": "join", …}``, answered by one line on stdout. Their pictures are small and
few, so that the machine is left to the page that is measured: what that has to do for a participant does not depend on
it.
"""

import asyncio
import json
import math
import sys
from array import array
from collections.abc import Awaitable, Callable
from typing import Any

from livekit import rtc
from livekit.rtc.participant import PublishTrackError

WIDTH, HEIGHT, FRAMES_PER_SECOND = 160, 90, 5
RATE, CHUNK_SECONDS = 48_000, 0.5
# The client gives up after ten seconds, which a machine that does much else may take more than once.
PATIENCE_SECONDS = 180


class Member:
    """One participant with a camera and a microphone, which is muted unless they speak."""

    def __init__(self, hue: int, speaks: bool) -> None:
        self.room = rtc.Room()
        self._hue, self._speaks = hue, speaks
        self._picture = rtc.VideoSource(WIDTH, HEIGHT)
        # With a queue the source makes silence whenever nothing is in it, and the encoder encodes it, muted or not: of
        # twenty that takes most of a core.
        self._voice = rtc.AudioSource(RATE, 1, queue_size_ms=2000 if speaks else 0)
        self._work: list[asyncio.Task[None]] = []

    async def join(self, url: str, token: str) -> None:
        """Joins and sends from now on."""
        await self.room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
        camera = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False)
        microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        video = rtc.LocalVideoTrack.create_video_track("camera", self._picture)
        audio = rtc.LocalAudioTrack.create_audio_track("microphone", self._voice)
        self._work = [asyncio.create_task(self._show())]
        if self._speaks:
            self._work.append(asyncio.create_task(self._hum()))
        await self.room.local_participant.publish_track(video, camera)
        await self.room.local_participant.publish_track(audio, microphone)
        if not self._speaks:
            audio.mute()

    async def leave(self) -> None:
        """Leaves, and frees what it sent from."""
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        await self.room.disconnect()
        await self._picture.aclose()
        await self._voice.aclose()

    async def _show(self) -> None:
        step = 0
        while True:
            shade = 64 + (step * 8 + self._hue) % 128
            colour = bytes([shade, (self._hue * 7) % 256, (self._hue * 13) % 256, 255])
            pixels = bytearray(colour * WIDTH * HEIGHT)
            self._picture.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, pixels))
            step += 1
            await asyncio.sleep(1 / FRAMES_PER_SECOND)

    async def _hum(self) -> None:
        samples = int(RATE * CHUNK_SECONDS)
        hz = 200 + 10 * (self._hue % 50)
        wave = array("h", (int(6000 * math.sin(2 * math.pi * hz * at / RATE)) for at in range(samples))).tobytes()
        while True:
            await self._voice.capture_frame(rtc.AudioFrame(wave, RATE, 1, samples))


class Crowd:
    """Those who are there, by name."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._members: dict[str, Member] = {}

    async def join(self, tokens: dict[str, str], speaking: list[str]) -> None:
        """Has so many join, a few at a time."""
        turns = asyncio.Semaphore(4)
        until = asyncio.get_running_loop().time() + PATIENCE_SECONDS

        async def enter(name: str, token: str) -> None:
            async with turns:
                while True:
                    member = self._members[name] = Member(sum(name.encode()), name in speaking)
                    try:
                        await member.join(self._url, token)
                        return
                    except (rtc.ConnectError, PublishTrackError):
                        await member.leave()
                        if asyncio.get_running_loop().time() > until:
                            raise

        await asyncio.gather(*(enter(name, token) for name, token in tokens.items()))

    async def leave(self, names: list[str]) -> None:
        """Has these leave."""
        await asyncio.gather(*(self._members.pop(name).leave() for name in names))

    async def leave_all(self) -> None:
        """Has everybody leave."""
        await self.leave(list(self._members))


async def main(url: str) -> None:
    """Does what the lines on stdin say until they end."""
    crowd = Crowd(url)
    while line := await asyncio.to_thread(sys.stdin.readline):
        command: dict[str, Any] = json.loads(line)
        act: Callable[..., Awaitable[Any]] = getattr(crowd, command.pop("do"))
        try:
            answer = {"result": await act(**command)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    await crowd.leave_all()


asyncio.run(main(*sys.argv[1:]))
