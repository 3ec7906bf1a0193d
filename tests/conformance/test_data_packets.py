"""Data packets: in whose name they come, to whom, and that each comes once, whatever happens to the connection."""

import asyncio
from base64 import b64encode
from typing import Any

import httpx
import pytest
from caller import Caller
from livekit import api, rtc
from participant import anything
from wiretap import Call

from servers import MediaServer


def heard(caller: Caller) -> list[tuple[str | None, bytes]]:
    """From whom, and what."""
    packets = [packet for (packet,) in caller.all("data_received")]
    return [(packet.participant and packet.participant.identity, packet.data) for packet in packets]


async def fence(sender: Caller, receiver: Caller) -> None:
    """What was sent before has arrived now."""
    mark = receiver.now()
    await sender.me.publish_data("fence")
    await receiver.event("data_received", lambda packet: packet.data == b"fence", since=mark)


async def agent_of(call: Call) -> Caller:
    """An agent's client."""
    agent, _ = await call("agent", kind="agent")
    return agent


def texts(caller: Caller) -> "asyncio.Queue[tuple[str, str]]":
    """In whose name text streams come, and what they say."""
    streams: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    reading: set[asyncio.Task[None]] = set()

    async def read(reader: rtc.TextStreamReader, identity: str) -> None:
        streams.put_nowait((identity, await reader.read_all()))

    caller.room.register_text_stream_handler(
        "t", lambda reader, who: reading.add(asyncio.create_task(read(reader, who)))
    )
    return streams


# -- in whose name ----------------------------------------------------------------------------------------------------


async def test_a_hidden_sender_has_no_name(call: Call) -> None:
    bob, _ = await call("bob")
    ghost, _ = await call("ghost", hidden=True)
    await fence(ghost, bob)
    assert heard(bob) == [(None, b"fence")]


async def test_only_agents_transcribe(call: Call) -> None:
    bob, _ = await call("bob")
    alice, _ = await call("alice")
    agent = await agent_of(call)
    for sender in (alice, agent):
        said = rtc.TranscriptionSegment(
            id="1", text=f"by {sender.identity}", start_time=0, end_time=1, language="en", final=True
        )
        await sender.me.publish_transcription(
            rtc.Transcription(participant_identity="bob", track_sid="TR_x", segments=[said])
        )
        await fence(sender, bob)
    assert [segments[0].text for segments, *_ in bob.all("transcription_received")] == ["by agent"]


async def test_only_agents_write_in_anothers_name(call: Call) -> None:
    bob, _ = await call("bob")
    streams = texts(bob)
    alice, _ = await call("alice")
    agent = await agent_of(call)
    for sender, name in ((agent, "alice"), (alice, "alice")):
        writer = await sender.me.stream_text(topic="t", sender_identity="alice" if sender is agent else "bob")
        await writer.write("hello")
        await writer.aclose()
        assert await asyncio.wait_for(streams.get(), 10) == (name, "hello")


# -- once -------------------------------------------------------------------------------------------------------------


async def test_a_nonce_that_came_comes_no_more(server: MediaServer, call: Call, room: str) -> None:
    bob, _ = await call("bob")
    token = api.AccessToken(server.api_key, server.api_secret).with_identity("host")
    access = token.with_grants(api.VideoGrants(room_admin=True, room=room)).to_jwt()
    # By hand: the SDK puts a nonce of its own into each call.
    async with httpx.AsyncClient(base_url=server.http_url, headers={"Authorization": f"Bearer {access}"}) as http:
        for text, nonce in (("one", b"1" * 16), ("one again", b"1" * 16), ("two", b"2" * 16), ("three", b"")):
            body = {"room": room, "data": b64encode(text.encode()).decode(), "nonce": b64encode(nonce).decode()}
            (await http.post("/twirp/livekit.RoomService/SendData", json=body)).raise_for_status()
        await bob.event("data_received", lambda packet: packet.data == b"three")
    assert [data for _, data in heard(bob)] == [b"one", b"two", b"three"]


async def test_who_joins_misses_nothing_since(call: Call) -> None:
    """The others know of a newcomer before data can reach it."""
    alice, _ = await call("alice")
    for name in ("bob", "carol"):
        coming = asyncio.create_task(call(name))
        await alice.event("participant_connected", lambda participant, name=name: participant.identity == name)
        for n in range(30):
            await alice.me.publish_data(f"{name} {n}")
        newcomer, _ = await coming
        last = f"{name} 29".encode()
        await newcomer.event("data_received", lambda packet, last=last: packet.data == last)
        assert heard(newcomer) == [("alice", f"{name} {n}".encode()) for n in range(30)]


async def test_a_lost_socket_loses_no_data_and_repeats_none(call: Call) -> None:
    alice, wire = await call("alice")
    bob, _ = await call("bob")

    async def say(sender: Caller, numbers: range) -> None:
        for n in numbers:
            await sender.me.publish_data(str(n))

    for sender, receiver in ((alice, bob), (bob, alice)):
        # livekit-server tells of who publishes nothing after some seconds, and data from strangers has no name.
        await receiver.sees(sender)
        await say(sender, range(20))
    cut = asyncio.create_task(wire.cut())
    # Alice's SDK may wait with these until it is back.
    await asyncio.gather(say(alice, range(20, 40)), say(bob, range(20, 40)))
    await (await cut).until("reconnect", anything)
    await asyncio.gather(say(alice, range(40, 60)), say(bob, range(40, 60)))
    await alice.event("reconnected")
    for sender, receiver in ((alice, bob), (bob, alice)):
        await receiver.event("data_received", lambda packet: packet.data == b"59")
        assert heard(receiver) == [(sender.identity, str(n).encode()) for n in range(60)]


@pytest.mark.parametrize("destinations", [["bob"], ["bob", "nobody"]])
async def test_data_for_some_reaches_them_alone(call: Call, destinations: list[str]) -> None:
    alice, _ = await call("alice")
    bob, _ = await call("bob")
    carol, _ = await call("carol")
    options: dict[str, Any] = {"destination_identities": destinations}
    await alice.me.publish_data("psst", **options)
    for other in (bob, carol):
        await fence(alice, other)
    assert b"psst" in [data for _, data in heard(bob)]
    assert b"psst" not in [data for _, data in heard(carol)]
