"""Implements `Operating` in front of a cluster: what its server API tells. Nobody here counts what flows."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from livekit.protocol import models

from visavis.backend.livekit.cluster import Cluster
from visavis.backend.livekit.mirror import is_dependent
from visavis.backend.livekit.throwaway import ThrowAway
from visavis.backend.operating import no_person, no_room, no_track

Json = dict[str, Any]

_UNKNOWN = dict.fromkeys(("bitrateIn", "bitrateOut", "lossIn", "lossOut"))


class LiveKitOperating:
    """What the operator sees and does.

    Args:
        cluster: whose rooms they are.
        throw_away: knows the rooms that are not shown.
        ended: called with the id of a room that somebody has ended.
    """

    def __init__(self, cluster: Cluster, throw_away: ThrowAway, ended: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._throw_away = throw_away
        self._ended = ended
        self._cpu_before = (time.monotonic(), time.process_time())

    async def overview(self) -> Mapping[str, Any]:
        """The sums over all rooms of the cluster."""
        rooms = await self._rooms()
        return {
            "hasFigures": False,
            "cpu": self._cpu(),
            "workers": [],
            "bitrateIn": None,
            "bitrateOut": None,
            "packetsIn": None,
            "packetsOut": None,
            "packetsDropped": None,
            "rooms": len(rooms),
            "people": sum(room.num_participants for room in rooms),
        }

    async def rooms(self) -> Sequence[Mapping[str, Any]]:
        """All rooms."""
        rooms = await self._rooms()
        people = await asyncio.gather(*(self._cluster.participants(room.name) for room in rooms))
        return [_room(room, infos) for room, infos in zip(rooms, people, strict=True)]

    async def room(self, room: str) -> Mapping[str, Any]:
        """One room, and who is in it."""
        found = await self._found(room)
        infos = await self._cluster.participants(room)
        return _room(found, infos) | {"people": [_person(info) for info in infos]}

    async def end(self, room: str) -> None:
        """Ends a room for all."""
        found = await self._found(room)
        self._ended(found.sid)
        if not await self._cluster.delete_room(room):
            raise no_room(room)

    async def remove(self, room: str, identity: str) -> None:
        """Puts one person out, who may come back."""
        await self._found(room)
        if not await self._cluster.remove(room, identity):
            raise no_person(room, identity)

    async def mute(self, room: str, identity: str, track: str) -> None:
        """Mutes one track for everybody."""
        await self._found(room)
        info = await self._cluster.participant(room, identity)
        if info is None:
            raise no_person(room, identity)
        if not any(each.sid == track for each in info.tracks) or not await self._cluster.mute(room, identity, track):
            raise no_track(identity, track)

    def _cpu(self) -> float:
        """How much of a core this process has had since somebody looked."""
        before, now = self._cpu_before, (time.monotonic(), time.process_time())
        self._cpu_before = now
        return (now[1] - before[1]) / max(now[0] - before[0], 1e-3)

    async def _rooms(self) -> list[models.Room]:
        return [room for room in await self._cluster.rooms() if self._throw_away.kind(room.name) is None]

    async def _found(self, room: str) -> models.Room:
        found = await self._cluster.room(room)
        if found is None:
            raise no_room(room)
        return found


def _room(room: models.Room, infos: Sequence[models.ParticipantInfo]) -> Json:
    return {
        "sid": room.sid,
        "name": room.name,
        "startedAt": room.creation_time_ms or room.creation_time * 1000,
        "maxParticipants": room.max_participants,
        "people": sum(not is_dependent(info) for info in infos),
        "participants": len(infos),
        "tracks": sum(len(info.tracks) for info in infos),
        "isRecorded": room.active_recording,
        **_UNKNOWN,
    }


def _person(info: models.ParticipantInfo) -> Json:
    return {
        "sid": info.sid,
        "identity": info.identity,
        "name": info.name,
        "kind": models.ParticipantInfo.Kind.Name(info.kind).lower(),
        "state": models.ParticipantInfo.State.Name(info.state).lower(),
        "isHidden": info.permission.hidden,
        "joinedAt": info.joined_at_ms or info.joined_at * 1000,
        "client": "",
        **_UNKNOWN,
        "packetsIn": None,
        "packetsOut": None,
        "rtt": None,
        "estimate": None,
        "tracks": [_track(track) for track in info.tracks],
        "received": [],
    }


def _track(track: models.TrackInfo) -> Json:
    return {
        "sid": track.sid,
        "kind": models.TrackType.Name(track.type).lower(),
        "source": models.TrackSource.Name(track.source).lower(),
        "name": track.name,
        "mimeType": track.mime_type.lower(),
        "isMuted": track.muted,
        "width": track.width,
        "height": track.height,
        **_UNKNOWN,
        "packetsIn": None,
        "subscribers": None,
    }
