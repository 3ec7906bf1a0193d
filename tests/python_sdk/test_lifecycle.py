"""Coming and going, with PyPI `livekit` clients: leaving, being replaced, a full room, a server that stops."""

import asyncio
import signal
from contextlib import suppress

import pytest
from caller import Caller, Join, MakeServer
from livekit import rtc
from livekit.rtc import DisconnectReason

from media import MICROPHONE, pitch, playing_tone


async def test_leaving_is_told_within_two_seconds_and_why(alice: Caller, bob: Caller) -> None:
    await alice.room.disconnect()
    (gone,) = await bob.event("participant_disconnected", within=2)
    assert gone.identity == "alice"
    assert gone.disconnect_reason == DisconnectReason.CLIENT_INITIATED
    assert not bob.room.remote_participants


async def test_leaving_takes_the_tracks_along(alice: Caller, bob: Caller) -> None:
    async with playing_tone(alice, 440):
        await bob.track_of(alice, MICROPHONE)
        await alice.room.disconnect()
        await bob.event("track_unsubscribed", within=3)
        await bob.event("participant_disconnected", within=3)


async def test_a_second_participant_of_the_same_identity_takes_the_place_of_the_first(
    alice: Caller, bob: Caller, join: Join
) -> None:
    first_sid, mark = bob.remote(alice).sid, bob.now()
    again = await join("alice")
    (reason,) = await alice.event("disconnected", within=5)
    assert reason == DisconnectReason.DUPLICATE_IDENTITY
    await bob.until(lambda: _sid(bob, "alice") not in (None, first_sid), "the new alice")
    async with playing_tone(again, 660):
        sound = await bob.track_of(again, MICROPHONE, since=mark)
        assert await pitch(sound) == pytest.approx(660, abs=4)
    assert set(bob.room.remote_participants) == {"alice"}


async def test_coming_back_after_leaving_works(alice: Caller, bob: Caller, join: Join) -> None:
    for hertz in (500, 700):
        await alice.room.disconnect()
        await bob.until(lambda: not bob.room.remote_participants, "alice's leaving")
        mark = bob.now()
        alice = await join("alice")
        async with playing_tone(alice, hertz):
            assert await pitch(await bob.track_of(alice, MICROPHONE, since=mark)) == pytest.approx(hertz, abs=4)


async def test_a_full_room_refuses_and_has_a_place_again_when_one_leaves(
    make_server: MakeServer, join: Join, room: str
) -> None:
    server = await make_server(max_participants=2)
    alice = await join("alice", url=server.url)
    bob = await join("bob", url=server.url)
    await bob.sees(alice)
    with pytest.raises(rtc.ConnectError):
        await join("carol", url=server.url)
    await alice.room.disconnect()
    await bob.event("participant_disconnected")
    carol = await join("carol", url=server.url)
    await bob.sees(carol)
    other = await join("dave", url=server.url, token=server.token("dave", f"{room}-other"))
    assert not other.room.remote_participants


async def test_a_full_room_lets_somebody_in_who_is_in_it_already(make_server: MakeServer, join: Join) -> None:
    server = await make_server(max_participants=2)
    alice, bob = await join("alice", url=server.url), await join("bob", url=server.url)
    await bob.sees(alice)
    await join("alice", url=server.url)
    (reason,) = await alice.event("disconnected", within=5)
    assert reason == DisconnectReason.DUPLICATE_IDENTITY


async def test_a_server_that_stops_says_so_and_ends_within_two_seconds(make_server: MakeServer, join: Join) -> None:
    server = await make_server()
    alice, bob = await join("alice", url=server.url), await join("bob", url=server.url)
    await alice.sees(bob)
    assert server.process is not None
    server.process.send_signal(signal.SIGINT)
    for caller in (alice, bob):
        (reason,) = await caller.event("disconnected", within=3)
        assert reason == DisconnectReason.SERVER_SHUTDOWN
    assert await asyncio.to_thread(server.process.wait, 2) == 0


async def test_what_may_not_be_published_is_seen_by_nobody(alice: Caller, join: Join) -> None:
    listener = await join("listener", can_publish=False)
    await alice.sees(listener)
    # LiveKit does not answer a track that is not allowed: the client waits, until it is left behind here.
    publishing = asyncio.create_task(_publish(listener))
    async with playing_tone(alice, 440):
        assert await pitch(await listener.track_of(alice, MICROPHONE)) == pytest.approx(440, abs=4)
    await listener.me.publish_data("later than the track")
    await alice.event("data_received")
    assert not alice.all("track_published")
    publishing.cancel()
    with suppress(asyncio.CancelledError, rtc.participant.PublishTrackError):
        await publishing


async def test_who_may_not_subscribe_gets_nothing(alice: Caller, bob: Caller, join: Join) -> None:
    deaf = await join("deaf", can_subscribe=False)
    async with playing_tone(alice, 440):
        await pitch(await bob.track_of(alice, MICROPHONE))
    assert not deaf.all("track_subscribed")


async def test_many_come_and_go_and_nobody_is_left_behind(alice: Caller, join: Join) -> None:
    for wave in range(3):
        callers = await asyncio.gather(*(join(f"guest-{wave}-{n}") for n in range(8)))
        await asyncio.gather(*(alice.sees(caller) for caller in callers))
        await asyncio.gather(*(caller.room.disconnect() for caller in callers))
        await alice.until(lambda: not alice.room.remote_participants, "all guests' leaving")


async def _publish(caller: Caller) -> None:
    async with playing_tone(caller, 440):
        pass


def _sid(caller: Caller, identity: str) -> str | None:
    participant = caller.room.remote_participants.get(identity)
    return participant.sid if participant else None
