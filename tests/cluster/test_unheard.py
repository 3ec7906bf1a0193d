"""What no webhook told: it is found out by asking the cluster, told once, and its history is as true as can be."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest
from livekit import api, rtc
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from process import Process, process_in_front_of
from structlog.testing import capture_logs

from ports import port
from servers import LIVEKIT_SERVER, MediaServer, livekit_server
from visavis.backend.livekit import livekit_backend
from visavis.store import recorder
from visavis.store.found import KINDS


@pytest.fixture(scope="module")
def node() -> Iterator[MediaServer]:
    """It posts no webhook anywhere."""
    with livekit_server(port(870), binary=str(LIVEKIT_SERVER)) as server:
        yield server


@pytest.fixture
async def server_api(node: MediaServer) -> AsyncIterator[api.LiveKitAPI]:
    client = api.LiveKitAPI(node.http_url, node.api_key, node.api_secret)
    yield client
    await client.aclose()


@pytest.fixture
async def begin(
    node: MediaServer, server_api: api.LiveKitAPI, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Any]:
    """Starts a process; all of them have one history."""
    monkeypatch.setattr(livekit_backend, "_UNDER_WAY_MS", 300)
    monkeypatch.setattr(livekit_backend, "_SECOND_LOOK_SECONDS", 0.2)
    async with AsyncExitStack() as stack:

        async def begin() -> Process:
            history = f"sqlite:///{tmp_path}/history.sqlite3"
            return await stack.enter_async_context(process_in_front_of(node, database_url=history, reread_seconds=0.2))

        yield begin
    # A room that ends by itself later would be an event of the next test.
    for room in (await server_api.room.list_rooms(api.ListRoomsRequest())).rooms:
        await server_api.room.delete_room(api.DeleteRoomRequest(room=room.name))


async def enter(node: MediaServer, room: str, identity: str) -> rtc.Room:
    call = rtc.Room()
    await call.connect(node.url, node.token(identity, room, name=identity.title()))
    return call


def nothing_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no webhook of what is there may still come."""
    monkeypatch.setattr(livekit_backend, "_UNDER_WAY_MS", 0)


async def test_what_is_found_out_is_told_once_and_what_is_heard_later_only_makes_the_history_truer(
    begin: Any, node: MediaServer, server_api: api.LiveKitAPI
) -> None:
    room = f"unheard-{uuid4().hex[:6]}"
    process = await begin()
    began = int(time.time() * 1000)
    alice, bob = await enter(node, room, "alice"), await enter(node, room, "bob")
    track = rtc.LocalAudioTrack.create_audio_track("sound", rtc.AudioSource(48000, 1))
    published = await alice.local_participant.publish_track(track)
    sid = bob.local_participant.sid
    # Who was seen when a webhook might have been under way is not forgotten for that.
    found = await process.until(room, lambda told: [len(told[kind]) for kind in ("rooms", "sessions")] == [1, 2])
    await bob.disconnect()
    found = await process.until(room, lambda told: sum(bool(row["ended_at"]) for row in told["sessions"]) == 1)
    [left] = [row for row in found["sessions"] if row["ended_at"]]
    assert (left["sid"], left["identity"], left["name"], left["end_reason"]) == (sid, "bob", "Bob", "unheard")
    assert began - 1000 <= left["started_at"] < left["ended_at"]
    await server_api.room.delete_room(api.DeleteRoomRequest(room=room))
    found = await process.until(room, lambda told: all(row["ended_at"] for kind in KINDS for row in told[kind]))
    [row] = found["rooms"]
    assert began - 1000 <= row["started_at"] < row["ended_at"]
    assert {row["end_reason"] for row in found["sessions"]} == {"unheard"}
    happenings = [
        ("participant_joined", "alice"),
        ("participant_joined", "bob"),
        ("participant_left", "bob"),
        ("participant_left", "alice"),
        ("room_started", room),
        ("room_finished", room),
    ]
    assert sorted(each for each in process.heard if each[0] != "track_published") == sorted(happenings)
    assert {row["sid"] for row in found["tracks"]} <= {published.sid}

    # It comes after all, with what nobody could know: the moment and the reason.
    told = len(process.heard)
    at = left["ended_at"] // 1000 - 1
    late = WebhookEvent(
        event="participant_left",
        id="EV_late",
        created_at=at,
        room=models.Room(sid=row["sid"], name=room),
        participant=models.ParticipantInfo(
            sid=sid,
            identity="bob",
            name="Bob",
            joined_at_ms=left["started_at"],
            disconnect_reason=models.DisconnectReason.CLIENT_INITIATED,
        ),
    )
    for _ in range(2):
        assert (await process.post(late)).status_code == 200
    found = await process.until(
        room, lambda told: any(row["end_reason"] == "client_initiated" for row in told["sessions"])
    )
    [truer] = [row for row in found["sessions"] if row["sid"] == sid]
    assert truer == left | {"ended_at": at * 1000 + 999, "end_reason": "client_initiated"}
    assert len(process.heard) == told


async def test_a_room_that_was_there_at_the_beginning_does_not_begin_when_somebody_comes(
    begin: Any, node: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = f"there-{uuid4().hex[:6]}"
    alice = await enter(node, room, "alice")
    nothing_is_under_way(monkeypatch)
    process = await begin()
    bob = await enter(node, room, "bob")
    await process.until(room, lambda told: len(told["sessions"]) == 2)
    await bob.disconnect()
    await process.until(room, lambda told: any(row["ended_at"] for row in told["sessions"]))
    assert process.heard == [("participant_joined", "bob"), ("participant_left", "bob")]
    await alice.disconnect()


async def test_what_has_ended_while_no_process_ran_is_closed_at_the_next_start_and_what_goes_on_is_not(
    begin: Any, node: MediaServer, server_api: api.LiveKitAPI
) -> None:
    over, lives = (f"{name}-{uuid4().hex[:6]}" for name in ("over", "lives"))
    before = await begin()
    gone, left, stays = [
        await enter(node, room, identity) for room, identity in ((over, "gone"), (lives, "left"), (lives, "stays"))
    ]
    await before.until(over, lambda told: [len(told["rooms"]), len(told["sessions"])] == [1, 1])
    was = await before.until(lives, lambda told: len(told["sessions"]) == 2)
    await before.video.stop()
    assert not any(row["ended_at"] for row in was["sessions"])

    await left.disconnect()
    await server_api.room.delete_room(api.DeleteRoomRequest(room=over))
    late = await enter(node, lives, "late")
    track = rtc.LocalAudioTrack.create_audio_track("sound", rtc.AudioSource(48000, 1))
    published = await late.local_participant.publish_track(track)
    await asyncio.sleep(0.4)  # Until it is not new any more.
    asked = int(time.time() * 1000)
    after = await begin()

    found = await after.until(over, lambda told: bool(told["sessions"][0]["ended_at"]))
    assert [row["end_reason"] for row in (*found["rooms"], *found["sessions"])] == ["unheard"] * 2
    found = await after.until(lives, lambda told: sum(bool(row["ended_at"]) for row in told["sessions"]) == 1)
    sessions = {row["identity"]: row for row in found["sessions"]}
    assert {identity: row["end_reason"] for identity, row in sessions.items()} == {
        "left": "unheard",
        "stays": None,
        "late": None,
    }
    assert sessions["left"]["started_at"] == next(r["started_at"] for r in was["sessions"] if r["identity"] == "left")
    assert asked - 1000 <= sessions["left"]["ended_at"] <= int(time.time() * 1000)
    assert [(row["sid"], row["ended_at"]) for row in found["tracks"]] == [(published.sid, None)]
    [room] = found["rooms"]
    assert room["ended_at"] is None
    # The host of a process that has just begun hears nothing of what others may have heard.
    assert after.heard == []
    for call in (gone, stays, late):
        await call.disconnect()


async def test_whose_coming_nobody_told_is_found_out_though_its_track_was_told(
    begin: Any, node: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(livekit_backend, "_UNDER_WAY_MS", 3_600_000)
    name = f"track-{uuid4().hex[:6]}"
    process = await begin()
    alice = await enter(node, name, "alice")
    sid = alice.local_participant.sid
    async with asyncio.timeout(10):
        while sid not in process.backend._young:  # noqa: ASYNC110 - it asks the cluster
            await asyncio.sleep(0.02)
    [room] = [each for each in process.backend.rooms() if each.name == name]
    told = WebhookEvent(
        event="track_published",
        id="EV_track",
        created_at=int(time.time()),
        room=models.Room(sid=room.id, name=name),
        participant=models.ParticipantInfo(sid=sid, identity="alice"),
        track=models.TrackInfo(sid="TR_alice", type=models.TrackType.AUDIO),
    )
    assert (await process.post(told)).status_code == 200
    nothing_is_under_way(monkeypatch)
    await process.until(name, lambda found: any(row["name"] == "Alice" for row in found["sessions"]))
    assert process.heard.count(("participant_joined", "alice")) == 1
    await alice.disconnect()


async def test_a_process_that_begins_in_front_of_many_writes_all_of_them(
    begin: Any, node: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"many-{uuid4().hex[:6]}"
    people = [await enter(node, name, f"person {number}") for number in range(6)]
    nothing_is_under_way(monkeypatch)
    # As if the history's queue were full of a hundred thousand others.
    monkeypatch.setattr(recorder, "MAX_WAITING", 4)
    with capture_logs() as logs:
        process = await begin()
        found = await process.until(name, lambda told: len(told["sessions"]) >= 6)
    assert {row["identity"] for row in found["sessions"]} == {f"person {number}" for number in range(6)}
    assert [line for line in logs if line["log_level"] in ("warning", "error")] == []
    for each in people:
        await each.disconnect()
