"""Several app processes in front of one cluster: any of them may be asked, and each knows what the others know."""

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import websockets
from livekit import api, rtc

from clusters import ADMIN_TOKEN, AppCluster, Enter, app_settings
from ports import port
from servers import MediaServer, visavis_server

HANDSHAKE = '{"protocol":"json","version":1}\x1e'


async def listed(http: httpx.AsyncClient, app: MediaServer, room: str) -> dict[str, Any] | None:
    found = (await http.get(f"{app.http_url}/api/video/rooms")).json()
    return next((each for each in found if each["name"] == room), None)


async def until(condition: Callable[[], Awaitable[Any]], within: float = 10.0) -> float:
    """Waits until it is true; returns how long that took."""
    began = time.monotonic()
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - of HTTP
            await asyncio.sleep(0.01)
    return time.monotonic() - began


def counts(http: httpx.AsyncClient, apps: list[MediaServer], room: str, people: int) -> Callable[[], Awaitable[bool]]:
    """Whether every app tells so many people of the room."""

    async def condition() -> bool:
        found = [await listed(http, app, room) for app in apps]
        return all(each is not None and each["participantCount"] == people for each in found)

    return condition


async def test_people_who_came_by_different_processes_meet(cluster: AppCluster, enter: Enter) -> None:
    alice = await enter("alice", app=0)
    bob = await enter("bob", app=1)
    await asyncio.gather(alice.sees(bob), bob.sees(alice))


async def test_every_process_lists_a_change_within_a_second(
    cluster: AppCluster, enter: Enter, http: httpx.AsyncClient, room: str
) -> None:
    alice = await enter("alice", app=0)
    assert await until(counts(http, cluster.apps, room, 1)) < 1
    bob = await enter("bob", app=1)
    assert await until(counts(http, cluster.apps, room, 2)) < 1
    await bob.room.disconnect()
    assert await until(counts(http, cluster.apps, room, 1)) < 1
    await alice.room.disconnect()

    async def gone() -> bool:
        return not any([await listed(http, app, room) for app in cluster.apps])

    await until(gone)


async def test_a_process_that_begins_knows_what_there_is(
    cluster: AppCluster, enter: Enter, http: httpx.AsyncClient, room: str
) -> None:
    for identity in ("alice", "bob"):
        await enter(identity)
    await until(counts(http, cluster.apps, room, 2))
    settings = app_settings(cluster.nodes[1], cluster.redis)
    with visavis_server(port(720), **settings) as late:
        room_there = await listed(http, late, room)
        assert room_there is not None
        assert (room_there["participantCount"], room_there["people"]) == (2, [{"name": "Alice"}, {"name": "Bob"}])


async def test_without_redis_one_process_does(cluster: AppCluster, http: httpx.AsyncClient, room: str) -> None:
    # No webhook comes to it: it has to ask.
    with visavis_server(port(730), **app_settings(cluster.nodes[0], None)) as alone:
        params = {"identity": "alice", "name": "Alice", "room": room}
        answer = (await http.get(f"{alone.http_url}/api/video/token", params=params)).json()
        assert answer["moderator"] is True
        call = rtc.Room()
        await call.connect(answer["url"], answer["token"])
        headers = {"Authorization": f"Bearer {answer['token']}"}
        path = f"{alone.http_url}/api/video/rooms/{room}"
        assert (await http.patch(path, headers=headers, json={"locked": True})).json()["locked"] is True
        other = await http.get(f"{alone.http_url}/api/video/token", params=params | {"identity": "bob"})
        assert other.json()["error"] == "room_locked"
        await until(counts(http, [alone], room, 1), within=25)
        await call.disconnect()

        async def gone() -> bool:
            return await listed(http, alone, room) is None

        await until(gone, within=25)


async def test_hubs_of_all_processes_tell_of_a_room(cluster: AppCluster, enter: Enter) -> None:
    heard: list[asyncio.Task[None]] = []

    async def hear(app: MediaServer, negotiated_at: MediaServer) -> None:
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{negotiated_at.http_url}/notificationHub/negotiate?negotiateVersion=1")
        token = answer.json()["connectionToken"]
        async with websockets.connect(f"{app.url}/notificationHub?id={token}") as socket:
            await socket.send(HANDSHAKE)
            assert await socket.recv() == "{}\x1e"
            connected.release()
            while True:
                for record in str(await socket.recv()).split("\x1e"):
                    if record and json.loads(record).get("target") == "RoomsUpdated":
                        return

    connected = asyncio.Semaphore(0)
    one, other = cluster.apps
    heard = [asyncio.create_task(hear(*pair)) for pair in ((one, one), (other, other), (one, other), (other, one))]
    for _ in heard:
        await asyncio.wait_for(connected.acquire(), 10)
    await enter("alice")
    await asyncio.wait_for(asyncio.gather(*heard), 5)


async def test_pages_are_told_again_when_every_process_knows(
    cluster: AppCluster, enter: Enter, http: httpx.AsyncClient, room: str
) -> None:
    # The list may come from a process that the change has not reached yet.
    answer = await http.post(f"{cluster.apps[0].http_url}/notificationHub/negotiate?negotiateVersion=1")
    token = answer.json()["connectionToken"]
    async with websockets.connect(f"{cluster.apps[0].url}/notificationHub?id={token}") as socket:
        await socket.send(HANDSHAKE)
        told: list[float] = []

        async def hear() -> None:
            async for message in socket:
                if "RoomsUpdated" in str(message):
                    told.append(time.monotonic())

        hearing = asyncio.create_task(hear())
        await enter("alice")
        await until(counts(http, cluster.apps, room, 1))
        known = time.monotonic()

        async def again() -> bool:
            return bool(told) and told[-1] > known

        await until(again)
        hearing.cancel()


async def test_wrong_admin_tokens_count_over_all_processes(cluster: AppCluster, http: httpx.AsyncClient) -> None:
    app = 0
    wrong = {"Authorization": "Bearer wrong"}
    for _ in range(10):
        answer = await http.get(f"{cluster.apps[app].http_url}/api/admin/overview", headers=wrong)
        assert answer.status_code == 401
        app = 1 - app
    right = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    for each in cluster.apps:
        assert (await http.get(f"{each.http_url}/api/admin/overview", headers=right)).status_code == 429
    # So that other tests may look.
    import redis.asyncio

    async with redis.asyncio.Redis.from_url(cluster.redis.url) as client:
        await client.delete(*[key async for key in client.scan_iter("visavis:*tries*")])


async def test_the_history_tells_each_session_once(
    cluster: AppCluster, enter: Enter, http: httpx.AsyncClient, room: str, server_api: api.LiveKitAPI
) -> None:
    await enter("alice", app=0)
    bob = await enter("bob", app=1)
    await until(counts(http, cluster.apps, room, 2))
    await bob.room.disconnect()
    await server_api.room.delete_room(api.DeleteRoomRequest(room=room))
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

    async def rows(kind: str) -> list[dict[str, Any]]:
        path = f"{cluster.next_app.http_url}/api/admin/history/{kind}"
        return (await http.get(path, params={"room": room}, headers=headers)).json()["rows"]

    async def ended() -> bool:
        found = [*await rows("rooms"), *await rows("sessions")]
        return len(found) == 3 and all(row["endedAt"] for row in found)

    await until(ended)
    assert len(await rows("rooms")) == 1
    sessions = {row["identity"]: row["endReason"] for row in await rows("sessions")}
    assert sessions == {"alice": "room_deleted", "bob": "client_initiated"}


async def test_rooms_are_elsewhere_for_clients_that_come_here(cluster: AppCluster, http: httpx.AsyncClient) -> None:
    app, node = cluster.apps[0], cluster.nodes[0]
    for path in ("/rtc/validate", "/twirp/livekit.RoomService/ListRooms"):
        answer = await http.post(app.http_url + path)
        assert (answer.status_code, answer.json()["error"]) == (404, "does_not_live_here")
        assert node.url in answer.json()["message"]
    with pytest.raises(websockets.InvalidStatus, match="404"):
        await websockets.connect(f"{app.url}/rtc?access_token=x")


async def test_a_process_that_waits_for_a_redis_that_hangs_is_ended_all_the_same(
    cluster: AppCluster, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cluster.redis.process is not None
    cluster.redis.process.send_signal(signal.SIGSTOP)
    try:
        for seconds in (0.0, 1.0, 4.0):
            # While it starts, and while it listens; left, it is interrupted, and has to end in a few seconds.
            with visavis_server(port(640), **app_settings(cluster.nodes[0], cluster.redis)):
                await asyncio.sleep(seconds)
    finally:
        cluster.redis.process.send_signal(signal.SIGCONT)
    assert "Unclosed" not in capfd.readouterr().err
