"""Sound and pictures between PyPI `livekit` clients, judged by what is in them."""

import asyncio
from itertools import pairwise

import pytest
from caller import Caller, Join
from livekit import rtc

from media import (
    CAMERA,
    MICROPHONE,
    SCREEN,
    Colour,
    Pictures,
    becomes_silent,
    pitch,
    playing_tone,
    showing,
    watch,
    watching,
)


async def test_two_hear_and_see_each_other(alice: Caller, bob: Caller) -> None:
    async with (
        playing_tone(alice, 440),
        playing_tone(bob, 880),
        showing(alice, Colour.RED),
        showing(bob, Colour.BLUE),
    ):
        await asyncio.gather(
            hears_and_sees(alice, bob, 880, Colour.BLUE),
            hears_and_sees(bob, alice, 440, Colour.RED),
        )


async def test_three_hear_and_see_each_other(alice: Caller, bob: Caller, carol: Caller) -> None:
    people = {"alice": (alice, 440, Colour.RED), "bob": (bob, 880, Colour.BLUE), "carol": (carol, 1320, Colour.GREEN)}
    async with (
        playing_tone(alice, 440),
        playing_tone(bob, 880),
        playing_tone(carol, 1320),
        showing(alice, Colour.RED),
        showing(bob, Colour.BLUE),
        showing(carol, Colour.GREEN),
    ):
        await asyncio.gather(
            *(
                hears_and_sees(one, other, hertz, colour)
                for one, _, _ in people.values()
                for other, hertz, colour in people.values()
                if one is not other
            )
        )


async def test_a_late_joiner_receives_what_is_already_published(alice: Caller, bob: Caller, join: Join) -> None:
    async with playing_tone(alice, 440), showing(alice, Colour.RED), showing(bob, Colour.BLUE):
        await bob.track_of(alice, CAMERA)
        dave = await join("dave")
        await asyncio.gather(
            hears_and_sees(dave, alice, 440, Colour.RED), watch(await dave.track_of(bob, CAMERA), frames=5)
        )


async def test_muting_a_microphone_is_told_and_silences_it(alice: Caller, bob: Caller) -> None:
    async with playing_tone(alice, 440) as publication:
        sound = await bob.track_of(alice, MICROPHONE)
        await pitch(sound)
        assert publication.track is not None
        mark = bob.now()
        publication.track.mute()
        await bob.event("track_muted", lambda participant, _: participant.identity == "alice", since=mark, within=2)
        await becomes_silent(sound)
        publication.track.unmute()
        await bob.event("track_unmuted", since=mark, within=2)
        assert await pitch(sound) == pytest.approx(440, abs=4)


async def test_muting_a_camera_stops_the_pictures_and_unmuting_brings_them_back(alice: Caller, bob: Caller) -> None:
    async with showing(alice, Colour.RED) as publication:
        video = await bob.track_of(alice, CAMERA)
        await watch(video, 5)
        assert publication.track is not None
        mark = bob.now()
        publication.track.mute()
        await bob.event("track_muted", since=mark, within=2)
        async with watching(video) as pictures:
            await pictures_stop(pictures)
            publication.track.unmute()
            await bob.event("track_unmuted", since=mark, within=2)
            async with asyncio.timeout(5):
                assert (await anext(pictures)).colour is Colour.RED


async def test_unpublishing_is_told_and_publishing_again_works(alice: Caller, bob: Caller) -> None:
    async with showing(alice, Colour.RED) as first:
        await watch(await bob.track_of(alice, CAMERA), 5)
        mark = bob.now()
        await alice.me.unpublish_track(first.sid)
        await bob.event("track_unsubscribed", since=mark, within=3)
        await bob.event("track_unpublished", lambda publication, _: publication.sid == first.sid, since=mark, within=3)
    async with showing(alice, Colour.GREEN) as second:
        seen = await watch(await bob.track_of(alice, CAMERA, since=mark), 5)
        assert {p.colour for p in seen} == {Colour.GREEN}
        assert second.sid != first.sid


async def test_camera_and_screen_come_side_by_side(alice: Caller, bob: Caller) -> None:
    async with showing(alice, Colour.RED), showing(alice, Colour.GREEN, source=SCREEN, width=640, height=360):
        camera, screen = await asyncio.gather(bob.track_of(alice, CAMERA), bob.track_of(alice, SCREEN))
        seen, shared = await asyncio.gather(watch(camera, 5), watch(screen, 5))
        assert {p.colour for p in seen} == {Colour.RED}
        assert {p.colour for p in shared} == {Colour.GREEN}


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9", "AV1"])
async def test_each_video_codec_is_carried(alice: Caller, bob: Caller, codec: str) -> None:
    async with showing(alice, Colour.BLUE, codec=getattr(rtc.VideoCodec, codec)):
        seen = await watch(await bob.track_of(alice, CAMERA), 10)
        assert {p.colour for p in seen} == {Colour.BLUE}
        assert bob.remote(alice).track_publications
        (publication,) = bob.remote(alice).track_publications.values()
        assert publication.mime_type.lower() == f"video/{codec.lower()}"


async def test_a_subscriber_chooses_the_simulcast_layer(alice: Caller, bob: Caller) -> None:
    async with showing(alice, Colour.RED, width=960, height=540, simulcast=True, max_bitrate=1_200_000):
        video = await bob.track_of(alice, CAMERA)
        (publication,) = bob.remote(alice).track_publications.values()
        assert publication.simulcasted
        async with watching(video) as pictures:
            for quality, width in [
                (rtc.VideoQuality.VIDEO_QUALITY_HIGH, 960),
                (rtc.VideoQuality.VIDEO_QUALITY_LOW, 320),
                (rtc.VideoQuality.VIDEO_QUALITY_MEDIUM, 640),
                (rtc.VideoQuality.VIDEO_QUALITY_HIGH, 960),
            ]:
                publication.set_video_quality(quality)
                counts = await counts_until_width(pictures, width)
                assert all(later >= earlier for earlier, later in pairwise(counts)), "the picture went back in time"


async def test_unsubscribing_stops_a_track_and_subscribing_again_brings_it_back(alice: Caller, bob: Caller) -> None:
    async with showing(alice, Colour.RED):
        await watch(await bob.track_of(alice, CAMERA), 5)
        (publication,) = bob.remote(alice).track_publications.values()
        mark = bob.now()
        publication.set_subscribed(False)
        await bob.event("track_unsubscribed", since=mark)
        await bob.stops_receiving()
        mark = bob.now()
        publication.set_subscribed(True)
        seen = await watch(await bob.track_of(alice, CAMERA, since=mark), 5)
        assert {p.colour for p in seen} == {Colour.RED}


async def test_without_auto_subscribe_nothing_comes_until_asked_for(alice: Caller, join: Join) -> None:
    async with playing_tone(alice, 440):
        eve = await join("eve", options=rtc.RoomOptions(auto_subscribe=False))
        await eve.sees(alice)
        await eve.until(lambda: eve.remote(alice).track_publications, "alice's publication")
        (publication,) = eve.remote(alice).track_publications.values()
        assert not eve.all("track_subscribed")
        publication.set_subscribed(True)
        assert await pitch(await eve.track_of(alice, MICROPHONE)) == pytest.approx(440, abs=4)


async def test_who_speaks_is_told_and_who_stops_too(alice: Caller, bob: Caller) -> None:
    async with playing_tone(alice, 440) as publication:
        await bob.event("active_speakers_changed", lambda speakers: "alice" in names(speakers), within=5)
        mark = bob.now()
        assert publication.track is not None
        publication.track.mute()
        await bob.event("active_speakers_changed", lambda speakers: "alice" not in names(speakers), since=mark)


async def test_connection_quality_is_told(alice: Caller, bob: Caller) -> None:
    async with playing_tone(alice, 440), showing(bob, Colour.BLUE):
        _, quality = await bob.event("connection_quality_changed", lambda p, _: p.identity == "alice", within=15)
        assert quality == rtc.ConnectionQuality.QUALITY_EXCELLENT


async def test_two_rooms_hear_nothing_of_each_other(alice: Caller, bob: Caller, join: Join, room: str) -> None:
    zoe, yan = await join("zoe", room=f"{room}-other"), await join("yan", room=f"{room}-other")
    async with playing_tone(alice, 440), playing_tone(zoe, 880), showing(alice, Colour.RED), showing(zoe, Colour.BLUE):
        await zoe.me.publish_data("for the other room")
        await asyncio.gather(
            hears_and_sees(bob, alice, 440, Colour.RED),
            hears_and_sees(yan, zoe, 880, Colour.BLUE),
            yan.event("data_received"),
        )
    assert set(bob.room.remote_participants) == {"alice"}
    assert set(yan.room.remote_participants) == {"zoe"}
    assert not bob.all("data_received")
    assert {participant.identity for _, _, participant in bob.all("track_subscribed")} == {"alice"}


# -- what these tests say ---------------------------------------------------------------------------------------------


async def hears_and_sees(one: Caller, other: Caller, hertz: float, colour: Colour) -> None:
    sound, video = await asyncio.gather(one.track_of(other, MICROPHONE), one.track_of(other, CAMERA))
    heard, seen = await asyncio.gather(pitch(sound), watch(video, 15))
    assert heard == pytest.approx(hertz, abs=4)
    assert {p.colour for p in seen} == {colour}
    assert seen[-1].count > seen[0].count


async def pictures_stop(pictures: Pictures) -> None:
    """Returns when no picture came for half a second."""
    async with asyncio.timeout(5):
        while True:
            try:
                await asyncio.wait_for(anext(pictures), 0.5)
            except TimeoutError:
                return


async def counts_until_width(pictures: Pictures, width: int) -> list[int]:
    """The numbers of the pictures up to the first that is so wide."""
    counts: list[int] = []
    async with asyncio.timeout(10):
        async for picture in pictures:
            counts.append(picture.count)
            if picture.width == width:
                break
    return counts


def names(participants: list[rtc.Participant]) -> set[str]:
    return {participant.identity for participant in participants}
