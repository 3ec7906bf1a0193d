"""Sound and pictures whose content can be recognised: tones of known pitch, coloured frames with a counter in them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum

import numpy as np
from caller import PATIENCE, Caller
from livekit import rtc
from numpy.typing import NDArray

SAMPLE_RATE = 48_000
MICROPHONE = rtc.TrackSource.SOURCE_MICROPHONE
CAMERA = rtc.TrackSource.SOURCE_CAMERA
SCREEN = rtc.TrackSource.SOURCE_SCREENSHARE

_COUNTER_BITS = 12
_BLOCKS = 16
_DARK, _BRIGHT = 40, 215


class Colour(Enum):
    """The chroma (U, V) of a publisher's pictures."""

    RED = (90, 230)
    GREEN = (60, 50)
    BLUE = (230, 110)
    GREY = (128, 128)


@asynccontextmanager
async def playing_tone(
    caller: Caller,
    hertz: float,
    *,
    red: bool = True,
    channels: int = 1,
    source: rtc.TrackSource.ValueType = MICROPHONE,
) -> AsyncIterator[rtc.LocalTrackPublication]:
    """Publishes a tone.

    Args:
        caller: who publishes.
        hertz: in the first channel; each further one hums a fifth higher.
        red: with redundancy, if the server takes it.
        channels: how many.
        source: what the track is.
    """
    audio = rtc.AudioSource(SAMPLE_RATE, channels, queue_size_ms=200)
    track = rtc.LocalAudioTrack.create_audio_track(f"tone-{hertz}", audio)
    options = rtc.TrackPublishOptions(source=source, dtx=False, red=red)
    publication = await asyncio.wait_for(caller.me.publish_track(track, options), PATIENCE)
    humming = asyncio.create_task(_hum(audio, [hertz * 1.5**channel for channel in range(channels)]))
    try:
        yield publication
    finally:
        humming.cancel()
        with suppress(asyncio.CancelledError):
            await humming
        await audio.aclose()


async def _hum(source: rtc.AudioSource, hertz: list[float]) -> None:
    samples = SAMPLE_RATE // 100
    start = 0
    while True:
        time = (start + np.arange(samples)[:, np.newaxis]) / SAMPLE_RATE
        waves = (np.sin(2 * np.pi * np.array(hertz) * time) * 12_000).astype(np.int16)
        await source.capture_frame(rtc.AudioFrame(waves.tobytes(), SAMPLE_RATE, len(hertz), samples))
        start += samples


async def pitch(track: rtc.Track, *, within: float = PATIENCE) -> float:
    """Listens until half a second is one clear tone, and returns its pitch in Hz."""
    return (await pitches(track, channels=1, within=within))[0]


async def pitches(track: rtc.Track, *, channels: int = 2, within: float = PATIENCE) -> list[float]:
    """Listens until half a second of each channel is one clear tone, and returns their pitches in Hz."""
    stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=channels)
    window = SAMPLE_RATE // 2
    heard = np.zeros((0, channels), np.int16)
    try:
        async with asyncio.timeout(within):
            async for event in stream:
                heard = np.concatenate([heard, np.frombuffer(event.frame.data, np.int16).reshape(-1, channels)])
                if len(heard) < window:
                    continue
                tones = [clear_tone(heard[-window:, channel]) for channel in range(channels)]
                clear = [tone for tone in tones if tone is not None]
                if len(clear) == channels:
                    return clear
                heard = heard[-window + SAMPLE_RATE // 20 :]
    except TimeoutError:
        loudness = float(np.abs(heard.astype(np.int32)).mean()) if len(heard) else 0.0
        raise AssertionError(f"no clear tone in {within} s (mean level {loudness:.0f} of 32767)") from None
    finally:
        await stream.aclose()
    raise AssertionError("the audio ended without a clear tone")


async def loudness(track: rtc.Track, seconds: float) -> float:
    """The mean level of what comes in the next `seconds` of sound (0 to 1); what comes is silence if nothing does."""
    stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1)
    heard: list[NDArray[np.int16]] = []
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds + 2):
                async for event in stream:
                    heard.append(np.frombuffer(event.frame.data, np.int16))
                    if sum(map(len, heard)) >= seconds * SAMPLE_RATE:
                        break
    finally:
        await stream.aclose()
    return float(np.abs(np.concatenate(heard).astype(np.int32)).mean()) / 32768 if heard else 0.0


async def becomes_silent(sound: rtc.Track) -> None:
    """Returns when nothing is heard. What was on its way when it was muted may still be heard for a moment."""
    async with asyncio.timeout(5):
        while await loudness(sound, 0.2) > 0.001:
            pass


def clear_tone(samples: NDArray[np.int16]) -> float | None:
    """The pitch in Hz if the samples are one loud tone."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    peak = int(spectrum[10:].argmax()) + 10
    around = spectrum[max(0, peak - 5) : peak + 6].sum()
    is_loud = np.abs(samples.astype(np.int32)).mean() > 1_000
    return peak * SAMPLE_RATE / len(samples) if is_loud and around > 0.8 * spectrum.sum() else None


@dataclass(frozen=True, slots=True)
class Picture:
    """What a received frame shows."""

    colour: Colour
    count: int
    width: int
    height: int


@asynccontextmanager
async def showing(
    caller: Caller,
    colour: Colour,
    *,
    width: int = 320,
    height: int = 180,
    fps: int = 15,
    simulcast: bool = False,
    source: rtc.TrackSource.ValueType = CAMERA,
    codec: rtc.VideoCodec.ValueType = rtc.VideoCodec.VP8,
    max_bitrate: int = 0,
    noisy: bool = False,
) -> AsyncIterator[rtc.LocalTrackPublication]:
    """Publishes pictures of one colour, each with the next number in it.

    Those that are `noisy` cost as many bits as there are for them, in each layer.
    """
    video = rtc.VideoSource(width, height)
    track = rtc.LocalVideoTrack.create_video_track(f"{colour.name}", video)
    options = rtc.TrackPublishOptions(source=source, simulcast=simulcast, video_codec=codec)
    if max_bitrate:
        options.video_encoding.CopyFrom(rtc.VideoEncoding(max_framerate=fps, max_bitrate=max_bitrate))
    painting = asyncio.create_task(_paint(video, colour, width, height, fps, noisy))
    try:
        yield await asyncio.wait_for(caller.me.publish_track(track, options), PATIENCE)
    finally:
        painting.cancel()
        with suppress(asyncio.CancelledError):
            await painting
        await video.aclose()


async def _paint(video: rtc.VideoSource, colour: Colour, width: int, height: int, fps: int, noisy: bool) -> None:
    loop = asyncio.get_running_loop()
    start, count = loop.time(), 0
    snow = _snow(width, height) if noisy else []
    while True:
        data = paint(colour, count, width, height)
        if snow:
            half = height // 2 * width
            data[half : height * width] = snow[count % len(snow)][: height * width - half]
        video.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, data))
        count += 1
        await asyncio.sleep(max(0.0, start + count / fps - loop.time()))


def paint(colour: Colour, count: int, width: int, height: int) -> bytearray:
    """One I420 frame: the counter as bright and dark blocks in the upper half, plain below."""
    luma = np.full((height, width), 128, np.uint8)
    code = _code(count)
    edges = [width * i // _BLOCKS for i in range(_BLOCKS + 1)]
    for bit in range(_BLOCKS):
        luma[: height // 2, edges[bit] : edges[bit + 1]] = _BRIGHT if code >> bit & 1 else _DARK
    chroma = (width // 2) * (height // 2)
    u, v = colour.value
    return bytearray(luma.tobytes() + bytes([u]) * chroma + bytes([v]) * chroma)


def _snow(width: int, height: int) -> list[bytes]:
    """Noise for the lower halves of some pictures. Its grains are coarse enough to be seen in the lowest layer."""
    grain, random = 4, np.random.default_rng(1)
    fields = random.integers(88, 168, (7, height // 2 // grain + 1, width // grain + 1), np.uint8)
    return [np.kron(field, np.ones((grain, grain), np.uint8))[:, :width].tobytes() for field in fields]


def read(frame: rtc.VideoFrame) -> Picture | None:
    """What a frame of any size shows; None if its counter is damaged."""
    image = frame.convert(rtc.VideoBufferType.I420)
    width, height = image.width, image.height
    if width < 4 * _BLOCKS:
        return None  # livekit-server ends a track with tiny black ones
    data = np.frombuffer(image.data, np.uint8)
    luma = data[: width * height].reshape(height, width)
    half = (width + 1) // 2 * ((height + 1) // 2)
    u, v = (float(np.median(data[width * height + i * half : width * height + (i + 1) * half])) for i in (0, 1))
    code = 0
    for bit in range(_BLOCKS):
        left, right = width * bit // _BLOCKS, width * (bit + 1) // _BLOCKS
        margin = (right - left) // 4
        block = luma[height // 8 : height * 3 // 8, left + margin : right - margin]
        code |= int(block.mean() > (_DARK + _BRIGHT) / 2) << bit
    count = code & (1 << _COUNTER_BITS) - 1
    if _code(count) != code:
        return None
    colour = min(Colour, key=lambda c: (c.value[0] - u) ** 2 + (c.value[1] - v) ** 2)
    return Picture(colour, count, width, height)


def _code(count: int) -> int:
    count &= (1 << _COUNTER_BITS) - 1
    # Never 0 for 0, so that black is no valid frame.
    check = 0b1010 ^ count & 15 ^ count >> 4 & 15 ^ count >> 8 & 15
    return count | check << _COUNTER_BITS


async def watch(track: rtc.Track, frames: int, *, within: float = PATIENCE) -> list[Picture]:
    """The next `frames` undamaged pictures."""
    seen: list[Picture] = []
    async with watching(track) as pictures:
        try:
            async with asyncio.timeout(within):
                async for picture in pictures:
                    seen.append(picture)
                    if len(seen) == frames:
                        return seen
        except TimeoutError:
            raise AssertionError(f"{len(seen)} of {frames} pictures in {within} s: {seen[-3:]}") from None
    raise AssertionError(f"the video ended after {len(seen)} of {frames} pictures")


class Pictures:
    """The undamaged pictures of a track as they come. A wait for one may be given up and begun again."""

    def __init__(self, stream: rtc.VideoStream) -> None:
        self._stream = stream

    def __aiter__(self) -> "Pictures":
        return self

    async def __anext__(self) -> Picture:
        while True:
            event = await self._stream.__anext__()
            if (picture := read(event.frame)) is not None:
                return picture


@asynccontextmanager
async def watching(track: rtc.Track) -> AsyncIterator[Pictures]:
    """Opens a track's pictures; the newest two are kept if nobody looks."""
    stream = rtc.VideoStream(track, capacity=2)
    try:
        yield Pictures(stream)
    finally:
        await stream.aclose()
