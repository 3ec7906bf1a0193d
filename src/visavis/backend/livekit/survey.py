"""Finds what has died without a word: rooms whose node is gone, and people of such a node whom the cluster lists still.

A livekit-server that crashes tells nobody. Its rooms and people stay in the cluster's list until a node that has the
room takes them out, and no other node looks after them: rooms into which nobody comes back would live for ever. So a
few rooms are asked for every few seconds, by one of the processes; if one of them has no node, all are.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import structlog

from visavis.backend.livekit.cluster import Cluster
from visavis.backend.livekit.ending import end
from visavis.backend.livekit.mirror import Mirror, MirroredRoom, Person
from visavis.backend.livekit.shared import Claim, Shared
from visavis.errors import VisavisError

_log = structlog.stdlib.get_logger(__name__)

SURVEY_SECONDS = 5.0
_SAMPLE = 20
# So often a room is asked for again before it is ended. An answer that does not come takes three seconds, so this is
# half a minute: who was in it is back by then, and it with them.
_PATIENCE = 3
_PATIENCE_SECONDS = 30.0 + _PATIENCE * SURVEY_SECONDS
# Who has just come is not asked for: the node may still be making ready to answer.
_SETTLED_SECONDS = 5.0
# Of the questions that a process may have open to the cluster: who waits for a dead node waits for three seconds, and
# everybody else's go on meanwhile.
_AT_ONCE = 24


class Survey:
    """Looks after what nobody looks after.

    Args:
        cluster: what is asked.
        mirror: the rooms as they are known here.
        shared: who of the processes looks.
        left: called with a room and somebody who has been found to be in it no more.
        departure_timeout: seconds that a room stays after the last one left.
        now: seconds of the mirror's clock.
        sleep: for so many seconds.
    """

    def __init__(
        self,
        cluster: Cluster,
        mirror: Mirror,
        shared: Shared,
        left: Callable[[MirroredRoom, Person], Awaitable[None]],
        *,
        departure_timeout: float,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._cluster = cluster
        self._mirror = mirror
        self._shared = shared
        self._left = left
        self._departure_timeout = departure_timeout
        self._now = now
        self._sleep = sleep
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._asked: dict[str, float] = {}
        self._in_doubt: dict[str, int] = {}
        # Ids of rooms that are being ended, or of which people are being asked for.
        self._busy: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Looks every few seconds until it is cancelled."""
        while True:
            await self._sleep(SURVEY_SECONDS)
            await self._tolerate(self.look())

    async def stop(self) -> None:
        """Ends what it is at beside looking."""
        await end(*self._busy.values())

    async def settle(self) -> None:
        """Returns when it is at nothing beside looking."""
        while self._busy:
            await asyncio.wait(self._busy.values())

    def doubt(self, names: Iterable[str]) -> list[str]:
        """Of these rooms people were read, and the cluster counts others all the same; returns which to look into.

        Once is nothing: somebody may have come while they were read.
        """
        self._in_doubt = {name: self._in_doubt.get(name, 0) + 1 for name in names}
        return [name for name, times in self._in_doubt.items() if times > 1]

    async def look(self) -> None:
        """Looks for rooms without a node, if no other process does; they are ended beside, for that takes its time.

        Raises:
            VisavisError: something does not answer.
        """
        if not await self._claimed("survey", SURVEY_SECONDS * 0.9):
            return
        now = self._now()
        before = now - _SETTLED_SECONDS
        settled = [room for room in self._mirror if room.seen_at < before and room.sid not in self._busy]
        settled.sort(key=lambda room: self._asked.get(room.sid, 0.0))
        sample = settled[:_SAMPLE]
        known = {room.sid for room in settled}
        self._asked = {sid: at for sid, at in self._asked.items() if sid in known}
        self._asked.update((room.sid, now) for room in sample)
        dead = await self._without_node(sample)
        if dead:
            dead += await self._without_node(settled[_SAMPLE:])
            _log.warning(
                "rooms_without_node", rooms=len(dead), hint="a LiveKit node has died; who was in them comes back"
            )
            for room in dead:
                self._beside(room, self._end)

    def look_into(self, name: str) -> None:
        """Finds, beside, who is listed in a room and has died with an earlier node of it."""
        if (room := self._mirror.get(name)) is not None:
            self._beside(room, self._look_into)

    async def _look_into(self, room: MirroredRoom) -> None:
        name = room.name
        if not await self._claimed(f"doubt {room.sid}", SURVEY_SECONDS):
            return
        before = self._now() - _SETTLED_SECONDS
        people = [each for each in room.people.values() if each.seen_at < before]
        if not await self._is_served(room):
            return  # Nobody in it would answer: that is the other matter.

        async def ask(person: Person) -> None:
            for _ in range(2):
                async with self._turns:
                    if await self._cluster.is_connected(name, person.identity):
                        return
            if person.sid in room.people:
                _log.info("left_behind", room=room.sid, participant=person.sid)
                await self._left(room, person)

        await asyncio.gather(*(ask(each) for each in people))
        if people and not room.people:
            await self._end_deserted(room, frozenset(each.sid for each in people))

    async def _end_deserted(self, room: MirroredRoom, dead: frozenset[str]) -> None:
        """Ends a room whose last people died with its node, if nobody comes: no node saw them leave."""
        await self._sleep(self._departure_timeout)
        if self._mirror.get(room.name) is not room or room.people:
            return
        if any(info.sid not in dead for info in await self._cluster.participants(room.name)):
            return
        await self._cluster.delete_room(room.name)
        _log.info("room_ended_after_its_node", room=room.sid)

    async def _without_node(self, rooms: list[MirroredRoom]) -> list[MirroredRoom]:
        answers = await asyncio.gather(*map(self._is_served, rooms))
        return [room for room, is_served in zip(rooms, answers, strict=True) if not is_served]

    async def _end(self, room: MirroredRoom) -> None:
        """Ends a room, unless somebody brings it back."""
        if not await self._claimed(f"dead {room.sid}", _PATIENCE_SECONDS):
            return
        for _ in range(_PATIENCE):
            await self._sleep(SURVEY_SECONDS)
            if await self._is_served(room):
                return
        told = await self._cluster.room(room.name)
        if told is None or told.sid != room.sid:
            return
        # Only a node can end it.
        await self._cluster.create_room(room.name)
        await self._cluster.delete_room(room.name)
        _log.info("room_ended_after_its_node", room=room.sid)

    async def _is_served(self, room: MirroredRoom) -> bool:
        async with self._turns:
            return await self._cluster.is_served(room.name)

    def _beside(self, room: MirroredRoom, do: Callable[[MirroredRoom], Coroutine[Any, Any, None]]) -> None:
        """Does it while looking goes on, unless it is at something with this room already."""
        if room.sid in self._busy:
            return
        task = asyncio.create_task(self._tolerate(do(room)), name=f"survey {room.sid}")
        self._busy[room.sid] = task
        task.add_done_callback(lambda _: self._busy.pop(room.sid))

    async def _tolerate(self, doing: Coroutine[Any, Any, None]) -> None:
        try:
            await doing
        except VisavisError as error:
            _log.debug("survey_failed", reason=error.message)
        except Exception:
            # The next time sees what this one has not.
            _log.exception("survey_failed")

    async def _claimed(self, key: str, seconds: float) -> bool:
        return await self._shared.claim(key, seconds=seconds) is Claim.MINE
