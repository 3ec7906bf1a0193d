"""A guest on the PyPI `livekit` client, driven by lines of JSON: ``guest.py URL TOKEN [SECRET]``.

Each line on stdin is a command, ``{"do": "say", …}``, answered by one line on stdout. `expect` waits until what it
names has happened. Sound and pictures are told by their content, as the pages of these tests do it.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
from livekit import rtc

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "python_sdk")]

from caller import Caller  # noqa: E402 - found only now

from media import CAMERA, MICROPHONE, pitch, playing_tone  # noqa: E402

WIDTH, HEIGHT, FRAMES_PER_SECOND = 320, 180, 15


class Guest:
    """One participant, and what it heard of."""

    def __init__(self) -> None:
        self.caller = Caller("guest")
        self.room = self.caller.room
        self._happened: list[Any] = []
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.room.on("data_received", self._data)
        self.room.on("participant_metadata_changed", lambda who, _, now: self._note("metadata", who.identity, now))
        self.room.on("participant_attributes_changed", lambda new, who: self._note("attributes", who.identity, new))
        self.room.on("data_track_published", lambda track: self._start(self._read_frames(track)))
        for topic in ("texts", "lk.chat"):
            self.room.register_text_stream_handler(topic, lambda reader, who: self._start(self._read_text(reader, who)))
        self.room.register_byte_stream_handler("files", lambda reader, who: self._start(self._read_bytes(reader, who)))

    async def publish(self, hz: float, rgb: list[int]) -> None:
        """Publishes a tone and pictures of one colour."""
        self._start(self._hum(hz))
        self._start(self._show(rgb))
        await self.caller.until(lambda: len(self.caller.me.track_publications) == 2 or None, "both own tracks")

    async def meet(self, who: str) -> dict[str, Any]:
        """What comes from somebody's camera and microphone, once ten frames have come."""
        other = Caller(who)
        video, sound = await self.caller.track_of(other, CAMERA), await self.caller.track_of(other, MICROPHONE)
        return {"rgb": await _colour(video), "hz": await pitch(sound)}

    async def say(self, text: str, reliable: bool, topic: str) -> None:
        """Sends a data packet."""
        await self.caller.me.publish_data(text, reliable=reliable, topic=topic)

    async def pour(self, track: str, text: str) -> None:
        """Publishes a data track, and pushes this ten times a second from now on."""
        self._start(self._push(await self.caller.me.publish_data_track(name=track), text))

    async def tell(self, metadata: str, attributes: dict[str, str]) -> None:
        """Changes its own metadata and attributes."""
        await self.caller.me.set_metadata(metadata)
        await self.caller.me.set_attributes(attributes)

    async def ask(self, who: str, method: str, payload: str) -> str:
        """Performs an RPC."""
        return await self.caller.me.perform_rpc(destination_identity=who, method=method, payload=payload)

    async def answer(self, method: str, before: str) -> None:
        """From now on answers an RPC with its payload behind `before`."""

        async def answered(call: rtc.RpcInvocationData) -> str:
            return before + call.payload

        self.caller.me.register_rpc_method(method, answered)

    async def send_text(self, text: str, topic: str = "texts", attributes: dict[str, str] | None = None) -> None:
        """Streams a text."""
        await self.caller.me.send_text(text, topic=topic, attributes=attributes)

    async def send_bytes(self, size: int, topic: str = "files") -> None:
        """Streams so many bytes, 0 to 250 over and over."""
        writer = await self.caller.me.stream_bytes("some.bin", topic=topic, total_size=size)
        await writer.write(_pattern(size))
        await writer.aclose()

    async def expect(self, happened: list[Any]) -> None:
        """Waits until exactly this has happened."""
        async with asyncio.timeout(10):
            while happened not in self._happened:
                self._news.clear()
                await self._news.wait()

    def _note(self, *happened: Any) -> None:
        self._happened.append(list(happened))
        self._news.set()

    def _data(self, packet: rtc.DataPacket) -> None:
        who = packet.participant.identity if packet.participant else ""
        self._note("data", who, packet.topic, packet.data.decode())

    async def _read_text(self, reader: rtc.TextStreamReader, who: str) -> None:
        self._note("text", who, await reader.read_all())

    async def _read_bytes(self, reader: rtc.ByteStreamReader, who: str) -> None:
        data = b"".join([chunk async for chunk in reader])
        self._note("bytes", who, len(data), data == _pattern(len(data)))

    async def _read_frames(self, track: rtc.RemoteDataTrack) -> None:
        async for frame in track.subscribe():
            self._note("frame", track.publisher_identity, track.info.name, frame.payload.decode())

    async def _push(self, track: rtc.LocalDataTrack, text: str) -> None:
        while True:
            track.try_push(rtc.DataTrackFrame(payload=text.encode()))
            await asyncio.sleep(0.1)

    async def _hum(self, hz: float) -> None:
        async with playing_tone(self.caller, hz):
            await asyncio.Event().wait()

    async def _show(self, rgb: list[int]) -> None:
        source = rtc.VideoSource(WIDTH, HEIGHT)
        track = rtc.LocalVideoTrack.create_video_track("plain", source)
        await self.caller.me.publish_track(track, rtc.TrackPublishOptions(source=CAMERA, simulcast=False))
        frame = rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, bytearray(bytes([*rgb, 255]) * WIDTH * HEIGHT))
        while True:
            source.capture_frame(frame)
            await asyncio.sleep(1 / FRAMES_PER_SECOND)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


async def _colour(track: rtc.Track) -> list[int]:
    """The middle of the tenth frame."""
    stream = rtc.VideoStream(track)
    try:
        async with asyncio.timeout(15):
            count = 0
            async for event in stream:
                count += 1
                if count == 10:
                    image = event.frame.convert(rtc.VideoBufferType.RGBA)
                    pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 4)
                    return [int(value) for value in pixels[image.height // 2, image.width // 2, :3]]
    finally:
        await stream.aclose()
    raise AssertionError("the video ended")


async def main(url: str, token: str, secret: str = "") -> None:
    """Joins, and does what the lines on stdin say until they end; with a secret, encrypted from end to end."""
    guest = Guest()
    keys = rtc.KeyProviderOptions(shared_key=secret.encode())
    options = rtc.RoomOptions(encryption=rtc.E2EEOptions(keys) if secret else None)
    await guest.room.connect(url, token, options)
    print(json.dumps({"joined": True}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        command: dict[str, Any] = json.loads(line)
        act: Callable[..., Awaitable[Any]] = getattr(guest, command.pop("do"))
        try:
            answer = {"result": await act(**command)}
        except (Exception, TimeoutError) as error:
            answer = {"error": f"{type(error).__name__}: {error}; happened: {guest._happened[-10:]}"}
        print(json.dumps(answer), flush=True)
    await guest.room.disconnect()


asyncio.run(main(*sys.argv[1:]))
