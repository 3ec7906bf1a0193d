"""What the cluster posts counts once, at whichever process, however often and in whatever order; forgeries never."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import jwt
import pytest
from google.protobuf import json_format
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from process import PATH, Process, process_in_front_of

from ports import port
from servers import LIVEKIT_SERVER, MediaServer, RedisServer, livekit_server, redis_server


@pytest.fixture(scope="module")
def redis() -> Any:
    with redis_server(port(740)) as server:
        yield server


@pytest.fixture(scope="module")
def node(redis: RedisServer) -> Any:
    with livekit_server(port(750), binary=str(LIVEKIT_SERVER)) as server:
        yield server


@pytest.fixture
async def processes(redis: RedisServer, node: MediaServer) -> AsyncIterator[list[Process]]:
    """Two, whom the cluster tells nothing by itself, and who do not ask it again during a test."""
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(process_in_front_of(node, redis_url=redis.url, reread_seconds=3600))
            for _ in range(2)
        ]
        # They listen to each other, and have read what there is, before anything happens.
        await asyncio.sleep(0.3)
        yield made


def event_of(name: str, room: str, *, sid: str, person: str = "") -> WebhookEvent:
    now = int(time.time())
    event = WebhookEvent(
        event=name,
        id=f"EV_{uuid4().hex[:8]}",
        created_at=now,
        room=models.Room(sid=sid, name=room, creation_time_ms=now * 1000, max_participants=50),
    )
    if person:
        event.participant.CopyFrom(
            models.ParticipantInfo(
                sid=f"PA_{person}{sid}",
                identity=person,
                name=person.title(),
                state=models.ParticipantInfo.ACTIVE,
                joined_at_ms=now * 1000,
                attributes={"visavis.visitor": "1", "visavis.role": ""},
            )
        )
    return event


def new_room() -> tuple[str, str]:
    name = uuid4().hex[:8]
    return name, f"RM_{name}"


async def settled(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - another process tells it
            await asyncio.sleep(0.01)


async def test_what_comes_to_one_is_known_to_all_and_told_once(processes: list[Process]) -> None:
    one, other = processes
    room, sid = new_room()
    story = [
        event_of("room_started", room, sid=sid),
        event_of("participant_joined", room, sid=sid, person="alice"),
        event_of("participant_joined", room, sid=sid, person="bob"),
        event_of("participant_left", room, sid=sid, person="bob"),
    ]
    for number, event in enumerate(story):
        # Twice to each, one after the other and at once.
        for process in (processes[number % 2], *processes):
            assert (await process.post(event)).status_code == 200
        answers = await asyncio.gather(*(process.post(event) for process in processes * 2))
        assert [answer.status_code for answer in answers] == [200] * 4
    await settled(lambda: all(process.listed().get(room) == 1 for process in processes))
    told = sorted(one.heard + other.heard)
    assert told == sorted((event.event, event.participant.identity or room) for event in story)


async def test_the_order_in_which_it_comes_does_not_matter(processes: list[Process]) -> None:
    room, sid = new_room()
    left = event_of("participant_left", room, sid=sid, person="bob")
    story = [
        left,
        event_of("participant_joined", room, sid=sid, person="alice"),
        event_of("participant_joined", room, sid=sid, person="bob"),
        event_of("room_started", room, sid=sid),
    ]
    for number, event in enumerate(story):
        assert (await processes[number % 2].post(event)).status_code == 200
    await settled(lambda: all(process.listed().get(room) == 1 for process in processes))
    assert (await processes[0].post(event_of("room_finished", room, sid=sid))).status_code == 200
    late = event_of("participant_joined", room, sid=sid, person="carol")
    assert (await processes[1].post(late)).status_code == 200
    await settled(lambda: all(room not in process.listed() for process in processes))


async def test_a_late_word_of_an_earlier_room_does_not_end_the_next(processes: list[Process]) -> None:
    room, sid = new_room()
    await processes[0].post(event_of("participant_joined", room, sid=sid, person="alice"))
    await processes[0].post(event_of("participant_joined", room, sid=f"{sid}2", person="bob"))
    await processes[1].post(event_of("room_finished", room, sid=sid))
    await settled(lambda: all(process.listed().get(room) == 1 for process in processes))
    [found] = [each for each in processes[1].backend.rooms() if each.name == room]
    assert found.id == f"{sid}2"


@pytest.mark.parametrize(
    "forged", ["no token", "another secret", "another key", "another body", "expired", "too early"]
)
async def test_what_the_cluster_did_not_sign_counts_for_nothing(
    processes: list[Process], node: MediaServer, forged: str
) -> None:
    room, sid = new_room()
    event = event_of("participant_joined", room, sid=sid, person="mallory")
    body = json_format.MessageToJson(event).encode()
    good = jwt.decode(processes[0].keys.sign_body(body), options={"verify_signature": False})
    now = int(time.time())

    def signed(secret: str = node.api_secret, **claims: Any) -> str:
        return jwt.encode(good | claims, secret, algorithm="HS256")

    changed: dict[str, Any] = {
        "no token": {"token": ""},
        "another secret": {"token": signed("a guess, of thirty-two bytes or so")},
        "another key": {"token": signed(iss="somebody")},
        "another body": {"body": body.replace(b"mallory", b"malorie")},
        "expired": {"token": signed(exp=now - 90, nbf=now - 400)},
        "too early": {"token": signed(nbf=now + 90)},
    }[forged]
    answer = await processes[0].post(event, **changed)
    assert answer.status_code == 401
    assert answer.json()["message"]
    assert room not in processes[0].listed()


@pytest.mark.parametrize("skew", [-50, 50])
async def test_clocks_may_differ_by_a_minute(processes: list[Process], node: MediaServer, skew: int) -> None:
    room, sid = new_room()
    event = event_of("participant_joined", room, sid=sid, person="alice")
    body = json_format.MessageToJson(event).encode()
    good = jwt.decode(processes[0].keys.sign_body(body), options={"verify_signature": False})
    # As a cluster signs whose clock is that far off: valid from its now on, for five minutes.
    shifted = good | {"nbf": good["nbf"] + skew, "exp": good["exp"] + skew}
    token = jwt.encode(shifted, node.api_secret, algorithm="HS256")
    assert (await processes[0].post(event, token=token)).status_code == 200
    assert processes[0].listed().get(room) == 1


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"\xff", 400), (b"[]", 400), (b"x" * (2 << 20), 400)])
async def test_signed_nonsense_is_refused(processes: list[Process], body: bytes, status: int) -> None:
    answer = await processes[0].http.post(
        PATH, content=body, headers={"Authorization": processes[0].keys.sign_body(body)}
    )
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_request")


async def test_while_redis_is_gone_it_is_to_be_sent_again_and_then_counts_once(
    processes: list[Process], redis: RedisServer
) -> None:
    one, other = processes
    room, sid = new_room()
    event = event_of("participant_joined", room, sid=sid, person="alice")
    redis.stop()
    try:
        answer = await one.post(event)
        assert (answer.status_code, answer.json()["error"]) == (503, "redis_unreachable")
        assert "redis_url" in answer.json()["message"]
        token = await one.http.get("/api/video/token", params={"room": room})
        assert (token.status_code, token.json()["error"]) == (503, "redis_unreachable")
        assert (await one.http.get("/api/video/rooms")).status_code == 200
    finally:
        redis.start()
    async with asyncio.timeout(10):
        while (await other.post(event)).status_code != 200:  # noqa: ASYNC110 - of HTTP
            await asyncio.sleep(0.1)
    for process in processes:
        assert (await process.post(event)).status_code == 200
    # They have asked the cluster again, which has no such room: of that, too, the host is told once.
    assert sorted(set(one.heard + other.heard)) == sorted(one.heard + other.heard)
    assert ("participant_joined", "alice") in one.heard + other.heard
