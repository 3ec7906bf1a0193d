"""A worker on PyPI `livekit-agents` that needs no model: ``octave_agent.py start``; AGENT_NAME names it.

It sings what it hears from the first participant an octave higher, says so as data, and prints how its jobs end.
"""

import asyncio
import os

import numpy as np
from livekit import rtc
from livekit.agents import AgentServer, AutoSubscribe, JobContext, cli

# One process waits for a job; none is refused for the load of the machine that the tests run on.
server = AgentServer(host="127.0.0.1", port=0, num_idle_processes=1, load_fnc=lambda: 0.0)
SAMPLE_RATE = 48_000


async def enter(job: JobContext) -> None:
    """The beginning of a job, which goes on in tasks until the room ends."""
    tasks: list[asyncio.Task[None]] = []

    @job.room.on("track_subscribed")
    def subscribed(track: rtc.Track, *_: object) -> None:
        tasks.append(asyncio.create_task(sing(job, track)))

    async def ended(reason: str) -> None:
        for task in tasks:
            task.cancel()
        print(f"job ended in {job.room.name}: {reason}", flush=True)

    job.add_shutdown_callback(ended)
    await job.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)


async def sing(job: JobContext, heard: rtc.Track) -> None:
    """Sings along with a track."""
    source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=200)
    track = rtc.LocalAudioTrack.create_audio_track("octave", source)
    await job.agent.publish_track(track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False))
    stream = rtc.AudioStream(heard, sample_rate=SAMPLE_RATE, num_channels=1)
    answered = False
    async for event in stream:
        wave = np.frombuffer(event.frame.data, np.int16).astype(np.float32) / 32768
        # The square of a tone is one of twice its frequency.
        octave = (wave * wave * 32767).astype(np.int16)
        await source.capture_frame(rtc.AudioFrame(octave.tobytes(), SAMPLE_RATE, 1, len(octave)))
        if not answered and np.abs(wave).mean() > 0.05:
            answered = True
            await job.agent.publish_data(f"I hear you; my job says {job.job.metadata!r}", topic="octave")


server.rtc_session(enter, agent_name=os.environ["AGENT_NAME"])

if __name__ == "__main__":
    cli.run_app(server)
