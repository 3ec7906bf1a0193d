"""Implements `Operating` for rooms of this process: what the media core counts, and the operator's hands in it."""

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from typing import Any

from visavis.backend.observed import describe_people, describe_room
from visavis.errors import ErrorKind, VisavisError
from visavis.figures import Observation, Watch
from visavis.signalling import LiveRoom, RoomRegistry, Session
from visavis.signalling.messages import Reason
from visavis.signalling.moderation import mute


class EmbeddedOperating:
    """What the operator sees and does."""

    def __init__(
        self,
        registry: Callable[[], Awaitable[RoomRegistry]],
        watch: Callable[[], Watch | None],
        checkups: Container[str],
    ) -> None:
        """Nothing yet.

        Args:
            registry: the rooms; started if they are not.
            watch: tells what flows; None while not started.
            checkups: names of the rooms of connection tests, in which nobody meets: they are not shown.
        """
        self._registry = registry
        self._watch = watch
        self._checkups = checkups

    async def overview(self) -> Mapping[str, Any]:
        """The sums."""
        seen = await self._observe()
        rooms = await self._rooms()
        return {
            "hasFigures": True,
            "cpu": seen.cpu,
            "workers": list(seen.workers),
            "bitrateIn": seen.bitrate_in,
            "bitrateOut": seen.bitrate_out,
            "packetsIn": seen.packets_in,
            "packetsOut": seen.packets_out,
            "packetsDropped": seen.packets_dropped,
            "rooms": len(rooms),
            "people": sum(live.room.people_count for live in rooms),
        }

    async def rooms(self) -> Sequence[Mapping[str, Any]]:
        """All rooms."""
        seen = await self._observe()
        return [describe_room(live, seen) for live in await self._rooms()]

    async def room(self, room: str) -> Mapping[str, Any]:
        """One room, and who is in it."""
        seen = await self._observe()
        live = await self._live(room)
        return describe_room(live, seen) | {"people": describe_people(live, seen)}

    async def end(self, room: str) -> None:
        """Ends a room for all."""
        registry = await self._registry()
        registry.end_room(await self._live(room), Reason.ROOM_DELETED)

    async def remove(self, room: str, identity: str) -> None:
        """Puts one person out, who may come back."""
        live = await self._live(room)
        live.remove(_session(live, identity), Reason.PARTICIPANT_REMOVED)

    async def mute(self, room: str, identity: str, track: str) -> None:
        """Mutes one track for everybody."""
        live = await self._live(room)
        if mute(live, _session(live, identity), track) is None:
            raise no_track(identity, track)

    async def _observe(self) -> Observation:
        await self._registry()
        watch = self._watch()
        if watch is None:
            raise VisavisError(ErrorKind.SERVER_STOPPING, "the server is stopping: try again in a moment")
        return await watch.observe()

    async def _rooms(self) -> list[LiveRoom]:
        return [live for live in await self._registry() if live.room.name not in self._checkups]

    async def _live(self, room: str) -> LiveRoom:
        live = (await self._registry()).get(room)
        if live is None:
            raise no_room(room)
        return live


def no_room(room: str) -> VisavisError:
    """The operator looked at a room that is gone."""
    return VisavisError(ErrorKind.ROOM_NOT_FOUND, f"there is no room {room!r} (any more): load the list again")


def no_person(room: str, identity: str) -> VisavisError:
    """The operator looked at somebody who has left."""
    return VisavisError(ErrorKind.NOT_IN_ROOM, f"{identity!r} is not in room {room!r} (any more)")


def no_track(identity: str, track: str) -> VisavisError:
    """The operator looked at a track that is gone."""
    return VisavisError(
        ErrorKind.TRACK_NOT_FOUND, f"{identity!r} publishes no track {track!r} (any more): load the room again"
    )


def _session(live: LiveRoom, identity: str) -> Session:
    participant = live.room.by_identity(identity)
    if participant is None:
        raise no_person(live.room.name, identity)
    return live.sessions[participant.sid]
