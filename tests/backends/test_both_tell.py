"""What others hear of rooms: pages by the hub, the host's program by webhooks, the operator by the history; on both."""

import asyncio
import contextlib
import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import websockets
from hook import Hook
from livekit import rtc
from room_stage import Stage, publish

from clusters import ADMIN_TOKEN
from servers import MediaServer
from visavis.hub.protocol import RECORD_SEPARATOR


# -- the hub -----------------------------------------------------------------------------------------------------------
@dataclass
class Page:
    """A client of the hub, and how often it was told to ask again."""

    socket: websockets.ClientConnection
    heard: list[bool] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        async for text in self.socket:
            for record in str(text).split(RECORD_SEPARATOR):
                message = json.loads(record) if record else {}
                if message.get("target") == "RoomsUpdated":
                    self.heard.append(message["arguments"][0])
                    self.changed.set()

    async def say(self, flag: bool) -> None:
        call = {"type": 1, "target": "RoomsUpdated", "arguments": [flag]}
        await self.socket.send(json.dumps(call) + RECORD_SEPARATOR)

    async def told(self) -> None:
        """The next time that it is told."""
        async with asyncio.timeout(10):
            await self.changed.wait()
        self.changed.clear()


@contextlib.asynccontextmanager
async def page_of(stage: Stage, app: MediaServer) -> AsyncIterator[Page]:
    agreed = (await stage.call("POST", "/notificationHub/negotiate?negotiateVersion=1")).json()
    assert agreed["availableTransports"][0]["transport"] == "WebSockets"
    # With several processes it was agreed upon with any of them.
    async with websockets.connect(f"{app.url}/notificationHub?id={agreed['connectionToken']}") as socket:
        await socket.send('{"protocol":"json","version":1}' + RECORD_SEPARATOR)
        assert await socket.recv() == "{}" + RECORD_SEPARATOR
        page = Page(socket)
        listening = asyncio.create_task(page.listen())
        yield page
        listening.cancel()


async def test_pages_of_all_processes_hear_of_a_room_that_begins_fills_and_ends(stage: Stage) -> None:
    async with contextlib.AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(page_of(stage, app)) for app in stage.video.apps]
        await stage.enter("maker")
        await asyncio.gather(*(page.told() for page in pages))
        await stage.until_listed(participantCount=1)
        for page in pages:
            page.changed.clear()
        await stage.enter("guest")
        await asyncio.gather(*(page.told() for page in pages))
        await stage.until_listed(participantCount=2)
        for page in pages:
            page.changed.clear()
        await stage.by("maker", "DELETE")
        await asyncio.gather(*(page.told() for page in pages))


async def test_what_one_page_says_all_others_hear(stage: Stage) -> None:
    async with contextlib.AsyncExitStack() as stack:
        apps = [*stage.video.apps, *stage.video.apps]
        says, *hear = [await stack.enter_async_context(page_of(stage, app)) for app in apps]
        await says.say(False)
        for page in hear:
            async with asyncio.timeout(10):
                while False not in page.heard:
                    await page.told()
        # The server itself only ever says True.
        assert False not in says.heard


# -- webhooks ----------------------------------------------------------------------------------------------------------
async def until_hooked(stage: Stage, hook: Hook, name: str) -> None:
    assert await asyncio.to_thread(hook.until, stage.room, name, 15), f"no {name} was posted"


async def test_the_host_is_told_each_happening_once_and_signed(stage: Stage, hook: Hook) -> None:
    maker, guest = await stage.enter("maker"), await stage.enter("guest")
    track = await publish(maker)
    await guest.event("track_subscribed")
    await stage.leave("guest")
    await until_hooked(stage, hook, "participant_left")
    await stage.by("maker", "DELETE")
    await until_hooked(stage, hook, "room_finished")
    told = hook.events(stage.room)
    happenings = sorted((event.event, event.participant.identity or event.room.name) for event in told)
    assert happenings == sorted(
        [
            ("room_started", stage.room),
            ("participant_joined", "maker"),
            ("participant_joined", "guest"),
            ("track_published", "maker"),
            ("participant_left", "guest"),
            ("track_unpublished", "maker"),
            ("participant_left", "maker"),
            ("room_finished", stage.room),
        ]
    )
    assert {event.track.sid for event in told if event.HasField("track")} == {track}
    assert len({event.id for event in told}) == len(told)
    for token, body in hook.posted:
        stage.video.keys.verify_body(token, body)


# -- the history -------------------------------------------------------------------------------------------------------
async def rows(stage: Stage, kind: str, **params: Any) -> list[dict[str, Any]]:
    answer = await stage.call("GET", f"/api/admin/history/{kind}", ADMIN_TOKEN, params={"room": stage.room, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


async def until_rows(stage: Stage, kind: str, holds: Any) -> list[dict[str, Any]]:
    async def told() -> Any:
        found = await rows(stage, kind)
        return found if holds(found) else None

    try:
        return await stage.until(told)
    except TimeoutError:
        raise AssertionError(f"the history of {kind} did not come to that: {await rows(stage, kind)}") from None


@pytest.fixture
async def past(stage: Stage) -> Stage:
    """A call that is over: one left, one was removed, and one was inside when it was ended."""
    maker = await stage.enter("maker")
    for identity in ("leaver", "removed"):
        await stage.enter(identity)
    await publish(maker)
    await stage.leave("leaver")
    await stage.until_listed(participantCount=2)
    await stage.by("maker", "POST", "/remove", json={"identity": "removed"})
    assert await stage.callers["removed"].event("disconnected") == (rtc.DisconnectReason.PARTICIPANT_REMOVED,)
    await stage.by("maker", "DELETE")
    for kind, number in (("rooms", 1), ("sessions", 3), ("tracks", 1)):
        await until_rows(stage, kind, lambda told, number=number: [bool(r["endedAt"]) for r in told] == [True] * number)
    return stage


async def test_the_history_tells_who_was_there_and_how_it_ended(past: Stage) -> None:
    [room] = await until_rows(past, "rooms", lambda told: told[0]["endReason"] == "room_deleted")
    assert (room["name"], room["people"]) == (past.room, 3)
    # What the media server counted is told a moment after the end.
    has_counts = past.video.name != "livekit"
    ended = await until_rows(past, "sessions", lambda told: all(row["endedAt"] is not None for row in told))
    sessions = {row["identity"]: row for row in ended}
    reasons = {identity: row["endReason"] for identity, row in sessions.items()}
    # On a busy machine a client's socket is sometimes closed before its word that it leaves has gone out.
    assert reasons.pop("leaver") in ("client_initiated", "signal_close")
    assert reasons == {"maker": "room_deleted", "removed": "participant_removed"}
    for row in sessions.values():
        assert (row["name"], row["roomName"], row["kind"]) == (row["identity"].title(), past.room, "standard")
        assert room["startedAt"] - 1000 <= row["startedAt"] <= row["endedAt"] <= room["endedAt"] + 1000
    [track] = await until_rows(past, "tracks", lambda told: (told[0]["bytes"] is not None) == has_counts)
    assert (track["kind"], track["source"], track["identity"]) == ("audio", "microphone", "maker")
    # What no cluster tells is null.
    counts = [sessions["leaver"]["bytesIn"], track["bytes"], track["packets"]]
    assert [count is None for count in counts] == [not has_counts] * 3


async def test_the_history_is_found_by_person_time_and_page_and_exported(past: Stage) -> None:
    everybody = await rows(past, "sessions")
    assert [row["identity"] for row in await rows(past, "sessions", person="remov")] == ["removed"]
    assert await rows(past, "sessions", person="nobody at all") == []
    last = max(row["endedAt"] for row in everybody)
    assert await rows(past, "sessions", since=last + 60_000) == []
    assert await rows(past, "sessions", until=min(row["startedAt"] for row in everybody) - 1) == []
    pages = [await rows(past, "sessions", limit=2, offset=offset) for offset in (0, 2)]
    assert [len(page) for page in pages] == [2, 1]
    assert [row for page in pages for row in page] == everybody
    params = {"room": past.room}
    exported = await past.call("GET", "/api/admin/history/sessions.csv", ADMIN_TOKEN, params=params)
    table = list(csv.DictReader(io.StringIO(exported.text)))
    assert [row["sid"] for row in table] == [row["sid"] for row in everybody]
    assert {row["room_name"] for row in table} == {past.room}
