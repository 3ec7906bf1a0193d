"""What has died without a word is ended, once, and nobody waits for that. The cluster's answers are made up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from visavis.backend.livekit.cluster import Cluster
from visavis.backend.livekit.mirror import Mirror, MirroredRoom, Person
from visavis.backend.livekit.shared import LocalShared
from visavis.backend.livekit.survey import Survey
from visavis.errors import ErrorKind, VisavisError


class Nodes(Cluster):
    """Answers as nodes do of which some have died: for what those had, nobody does."""

    def __init__(self) -> None:
        super().__init__("ws://127.0.0.1:9", "key", "secret")
        self.dead: set[str] = set()
        self.absent: set[str] = set()
        self.is_down = False
        self.asked: list[str] = []
        self.ended: list[str] = []

    async def is_served(self, room: str) -> bool:
        await asyncio.sleep(0)
        if self.is_down:
            raise VisavisError(ErrorKind.CLUSTER_UNREACHABLE, "nobody answers")
        self.asked.append(room)
        return room not in self.dead

    async def is_connected(self, room: str, identity: str) -> bool:
        return identity not in self.absent

    async def room(self, name: str) -> models.Room | None:
        return models.Room(sid=f"RM_{name}", name=name)

    async def create_room(self, name: str, *, empty_timeout: int = 0) -> models.Room:
        self.dead.discard(name)
        return models.Room(sid=f"RM_{name}", name=name)

    async def delete_room(self, name: str) -> bool:
        assert name not in self.dead, "only a node can end it"
        self.ended.append(name)
        return True


class Clocked:
    """A survey, and a clock that goes on when it is told to.

    What sleeps is woken by `pass_time`; claims run out by it, too.
    """

    def __init__(self) -> None:
        self.now = 100.0
        self.nodes, self.mirror = Nodes(), Mirror()
        self.left: list[str] = []
        self.sleepers: list[tuple[float, asyncio.Event]] = []
        shared = LocalShared(lambda: self.now)
        self.survey = Survey(
            self.nodes,
            self.mirror,
            shared,
            self._left,
            departure_timeout=20,
            now=lambda: self.now,
            sleep=self._sleep,
        )

    async def _left(self, room: MirroredRoom, person: Person) -> None:
        self.left.append(person.identity)

    async def _sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self.sleepers.append((self.now + seconds, woken))
        await woken.wait()

    def room(self, name: str, *people: str) -> None:
        room = models.Room(sid=f"RM_{name}", name=name, creation_time_ms=1_000)
        self.mirror.apply(WebhookEvent(event="room_started", room=room), now=self.now - 50)
        for identity in people:
            info = models.ParticipantInfo(sid=f"PA_{identity}", identity=identity)
            joined = WebhookEvent(event="participant_joined", room=room, participant=info)
            self.mirror.apply(joined, now=self.now - 50)

    async def pass_time(self, seconds: float) -> None:
        """Wakes who sleeps until then, and lets it do what it does before it sleeps again."""
        await self._settle()
        self.now += seconds
        due = [each for each in self.sleepers if each[0] <= self.now]
        self.sleepers = [each for each in self.sleepers if each not in due]
        for _, woken in due:
            woken.set()
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)


@pytest.fixture
async def clocked() -> AsyncIterator[Clocked]:
    clocked = Clocked()
    yield clocked
    await clocked.survey.stop()
    assert clocked.survey._busy == {}


async def test_rooms_that_have_a_node_are_left_alone(clocked: Clocked) -> None:
    for number in range(50):
        clocked.room(f"room-{number}", "alice")
    await clocked.survey.look()
    assert len(clocked.nodes.asked) == 20
    for _ in range(2):
        await clocked.pass_time(5)
        await clocked.survey.look()
    # Each in its turn.
    assert len(set(clocked.nodes.asked)) == 50
    assert clocked.nodes.ended == []


async def test_a_room_without_a_node_is_ended_half_a_minute_later_while_looking_goes_on(clocked: Clocked) -> None:
    clocked.room("dead")
    clocked.nodes.dead.add("dead")
    await asyncio.wait_for(clocked.survey.look(), 5)
    assert clocked.nodes.ended == []
    clocked.room("later")
    clocked.nodes.dead.add("later")
    for _ in range(3):
        await clocked.pass_time(5)
        await asyncio.wait_for(clocked.survey.look(), 5)
    assert clocked.nodes.ended == ["dead"]
    await clocked.pass_time(5)
    await clocked.survey.settle()
    assert clocked.nodes.ended == ["dead", "later"]


async def test_a_room_that_somebody_brings_back_goes_on(clocked: Clocked) -> None:
    clocked.room("back")
    clocked.nodes.dead.add("back")
    await clocked.survey.look()
    await clocked.pass_time(5)
    clocked.nodes.dead.clear()
    await clocked.pass_time(5)
    await clocked.survey.settle()
    assert clocked.nodes.ended == []


async def test_one_room_without_a_node_has_all_others_asked_for(clocked: Clocked) -> None:
    names = [f"room-{number}" for number in range(60)]
    for name in names:
        clocked.room(name)
    clocked.nodes.dead.update(("room-3", "room-58"))
    await clocked.survey.look()
    assert set(clocked.nodes.asked) == set(names)
    for _ in range(3):
        await clocked.pass_time(5)
    await clocked.survey.settle()
    assert sorted(clocked.nodes.ended) == ["room-3", "room-58"]


async def test_only_one_of_the_processes_looks(clocked: Clocked) -> None:
    clocked.room("room")
    await clocked.survey.look()
    await clocked.survey.look()
    assert clocked.nodes.asked == ["room"]


async def test_who_does_not_answer_in_a_room_that_is_doubted_twice_has_left(clocked: Clocked) -> None:
    clocked.room("moved", "here", "gone")
    clocked.nodes.absent.add("gone")
    assert clocked.survey.doubt(["moved"]) == []
    assert clocked.survey.doubt(["moved"]) == ["moved"]
    assert clocked.survey.doubt([]) == []
    assert clocked.survey.doubt(["moved"]) == []
    clocked.survey.look_into("moved")
    clocked.survey.look_into("nowhere")
    await clocked.survey.settle()
    assert clocked.left == ["gone"]


async def test_nobody_is_taken_for_gone_because_the_room_has_no_node(clocked: Clocked) -> None:
    clocked.room("dead", "alice")
    clocked.nodes.dead.add("dead")
    clocked.nodes.absent.add("alice")
    clocked.survey.look_into("dead")
    await clocked.survey.settle()
    assert clocked.left == []


async def test_a_cluster_that_does_not_answer_ends_nothing_and_is_asked_again(clocked: Clocked) -> None:
    clocked.room("room")
    clocked.nodes.dead.add("room")
    clocked.nodes.is_down = True
    running: asyncio.Task[Any] = asyncio.create_task(clocked.survey.run())
    await clocked.pass_time(0)
    await clocked.pass_time(5)
    clocked.nodes.is_down = False
    for _ in range(4):
        await clocked.pass_time(5)
    await clocked.survey.settle()
    assert clocked.nodes.ended == ["room"]
    running.cancel()
