"""Who died with a node is looked for, and a room in which nobody else is ends as if they had left.

With real nodes: `test_proof`.
"""

from typing import cast

import pytest
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from visavis.backend.livekit.cluster import Cluster
from visavis.backend.livekit.mirror import Mirror, MirroredRoom, Person
from visavis.backend.livekit.shared import LocalShared
from visavis.backend.livekit.survey import Survey

ROOM = models.Room(sid="RM_1", name="atrium", creation_time_ms=1_000)


class Answers:
    """Of which only the answers are of interest: it lists who is dead until their room ends."""

    def __init__(self) -> None:
        self.connected: set[str] = set()
        self.listed = ["PA_dead"]
        self.deleted: list[str] = []

    async def is_served(self, room: str) -> bool:
        return True

    async def is_connected(self, room: str, identity: str) -> bool:
        return identity in self.connected

    async def participants(self, room: str) -> list[models.ParticipantInfo]:
        return [models.ParticipantInfo(sid=sid) for sid in self.listed]

    async def delete_room(self, name: str) -> bool:
        self.deleted.append(name)
        return True


class Told:
    """A mirror with a room of one, and who has been found to have left."""

    def __init__(self) -> None:
        self.mirror, self.cluster, self.left = Mirror(), Answers(), list[str]()
        self.come("PA_dead", "dead")

    def come(self, sid: str, identity: str) -> None:
        info = models.ParticipantInfo(sid=sid, identity=identity)
        self.mirror.apply(WebhookEvent(event="participant_joined", room=ROOM, participant=info), now=0)

    async def look(self) -> None:
        async def left(room: MirroredRoom, person: Person) -> None:
            self.left.append(person.sid)
            del room.people[person.sid]

        cluster = cast(Cluster, self.cluster)
        survey = Survey(cluster, self.mirror, LocalShared(), left, departure_timeout=0, now=lambda: 100)
        survey.look_into("atrium")
        await survey.settle()


@pytest.fixture
def told() -> Told:
    return Told()


async def test_a_room_whose_last_one_died_ends(told: Told) -> None:
    await told.look()
    assert (told.left, told.cluster.deleted) == (["PA_dead"], ["atrium"])


async def test_a_room_in_which_somebody_lives_stays(told: Told) -> None:
    told.come("PA_lives", "lives")
    told.cluster.connected.add("lives")
    await told.look()
    assert (told.left, told.cluster.deleted) == (["PA_dead"], [])


async def test_a_room_into_which_somebody_comes_of_whom_no_webhook_tells_stays(told: Told) -> None:
    told.cluster.listed.append("PA_new")
    await told.look()
    assert (told.left, told.cluster.deleted) == (["PA_dead"], [])


async def test_a_room_whose_only_one_lives_stays(told: Told) -> None:
    told.cluster.connected.add("dead")
    await told.look()
    assert (told.left, told.cluster.deleted) == ([], [])
