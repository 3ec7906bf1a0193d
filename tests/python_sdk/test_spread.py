"""A room that is spread over two media threads: its people notice nothing of it."""

import asyncio

import pytest
from caller import Caller, Join, MakeServer
from livekit import rtc
from test_data import payloads
from test_media import hears_and_sees

from media import CAMERA, MICROPHONE, Colour, pitch, playing_tone, showing, watch
from servers import PEER

pytestmark = pytest.mark.skipif(bool(PEER), reason="livekit-server has no media threads of that kind")


@pytest.fixture
async def spread(make_server: MakeServer, join: Join) -> dict[str, Caller]:
    """Three in one room, of whom two threads have one each before either gets a second."""
    server = await make_server(workers=2, room_share=1)
    callers = {name: await join(name, url=server.url) for name in ("alice", "bob", "carol")}
    for one in callers.values():
        await asyncio.gather(*(one.sees(other) for other in callers.values() if other is not one))
    return callers


async def test_three_on_two_threads_hear_and_see_each_other(spread: dict[str, Caller]) -> None:
    people = {"alice": (440, Colour.RED), "bob": (880, Colour.BLUE), "carol": (1320, Colour.GREEN)}
    async with (
        playing_tone(spread["alice"], 440),
        playing_tone(spread["bob"], 880),
        playing_tone(spread["carol"], 1320),
        showing(spread["alice"], Colour.RED),
        showing(spread["bob"], Colour.BLUE),
        showing(spread["carol"], Colour.GREEN),
    ):
        await asyncio.gather(
            *(
                hears_and_sees(spread[one], spread[other], hertz, colour)
                for one in people
                for other, (hertz, colour) in people.items()
                if one != other
            )
        )
        # Each is told who speaks, wherever they are.
        for one in spread.values():
            others = {name for name in people if name != one.identity}

            def spoke(one: Caller = one) -> set[str]:
                told = one.all("active_speakers_changed")
                return {speaker.identity for (speakers,) in told for speaker in speakers}

            await one.until(lambda others=others, spoke=spoke: others <= spoke(), f"{others} to speak")


async def test_data_and_chat_reach_all(spread: dict[str, Caller]) -> None:
    alice = spread["alice"]
    heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    reading: list[asyncio.Task[None]] = []

    async def read(reader: rtc.TextStreamReader, name: str) -> None:
        heard.put_nowait((name, await reader.read_all()))

    for name, one in spread.items():

        def start(reader: rtc.TextStreamReader, _: str, name: str = name) -> None:
            reading.append(asyncio.create_task(read(reader, name)))

        one.room.register_text_stream_handler("lk.chat", start)
    for sender in spread.values():
        await sender.me.publish_data("for bob", destination_identities=["bob"], topic="secret")
        await sender.me.publish_data(sender.identity, topic="all")
    text = "so " * 10_000
    await alice.me.send_text(text, topic="lk.chat")
    for name, one in spread.items():
        others = sorted(other.encode() for other in spread if other != name)
        await one.until(lambda one=one, others=others: sorted(payloads(one, "all")) == others, f"data of {others}")
        assert len(payloads(one, "secret")) == (2 if name == "bob" else 0)
    said = [await asyncio.wait_for(heard.get(), 10) for _ in range(2)]
    assert sorted(said) == [("bob", text), ("carol", text)]


async def test_mute_unpublish_and_leaving_cross_over(spread: dict[str, Caller]) -> None:
    alice, bob, carol = (spread[name] for name in ("alice", "bob", "carol"))
    async with playing_tone(alice, 440) as publication, showing(alice, Colour.RED):
        sound = await bob.track_of(alice, MICROPHONE)
        await watch(await bob.track_of(alice, CAMERA), frames=5)
        await pitch(sound)
        assert publication.track is not None
        mark = bob.now()
        publication.track.mute()
        await bob.event("track_muted", since=mark, within=5)
        publication.track.unmute()
        await bob.event("track_unmuted", since=mark, within=5)
        assert await pitch(sound) == pytest.approx(440, abs=4)
        mark = bob.now()
        await alice.me.unpublish_track(publication.sid)
        await bob.event("track_unpublished", since=mark)
    async with playing_tone(bob, 880):
        assert await pitch(await carol.track_of(bob, MICROPHONE)) == pytest.approx(880, abs=4)
        await alice.room.disconnect()
        await asyncio.gather(*(one.event("participant_disconnected") for one in (bob, carol)))
        assert await pitch(await carol.track_of(bob, MICROPHONE)) == pytest.approx(880, abs=4)
