"""A stand-in for a LiveKit cluster: it keeps who is in which room, and answers the server API that Visavis asks.

Requests and answers are LiveKit's own messages. It lets everybody in, checks no token (tests/cluster has the real
server for that), and a room ends when the last one has left.
"""

import base64
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from google.protobuf.message import Message
from livekit.protocol import models
from livekit.protocol import room as rooms

CODECS = ("audio/opus", "audio/red", "video/VP8", "video/H264", "video/VP9", "video/AV1", "video/H265", "video/rtx")
_SOURCES = ((models.TrackType.AUDIO, models.TrackSource.MICROPHONE, "audio/red"),)
_SOURCES += ((models.TrackType.VIDEO, models.TrackSource.CAMERA, "video/vp8"),)


@dataclass(slots=True)
class Person:
    """Somebody in a room, who publishes a microphone and a camera."""

    sid: str
    identity: str
    name: str
    joined_at_ms: int
    attributes: dict[str, str]
    track_sids: tuple[str, str]

    def tracks(self) -> list[models.TrackInfo]:
        """What it publishes."""
        return [
            models.TrackInfo(sid=sid, type=kind, source=source, mime_type=mime_type, width=1280 * (kind == 1))
            for sid, (kind, source, mime_type) in zip(self.track_sids, _SOURCES, strict=True)
        ]

    def info(self, *, has_tracks: bool = True) -> models.ParticipantInfo:
        """As the cluster tells of it."""
        return models.ParticipantInfo(
            sid=self.sid,
            identity=self.identity,
            name=self.name,
            state=models.ParticipantInfo.ACTIVE,
            joined_at=self.joined_at_ms // 1000,
            joined_at_ms=self.joined_at_ms,
            attributes=self.attributes,
            version=2,
            is_publisher=True,
            region="",
            permission=models.ParticipantPermission(can_subscribe=True, can_publish=True, can_publish_data=True),
            tracks=self.tracks() if has_tracks else [],
        )


@dataclass(slots=True)
class Room:
    """One that lives."""

    sid: str
    name: str
    created_at_ms: int
    max_participants: int
    people: dict[str, Person] = field(default_factory=dict[str, Person])

    def info(self) -> models.Room:
        """As the cluster tells of it."""
        return models.Room(
            sid=self.sid,
            name=self.name,
            empty_timeout=300,
            departure_timeout=20,
            max_participants=self.max_participants,
            creation_time=self.created_at_ms // 1000,
            creation_time_ms=self.created_at_ms,
            num_participants=len(self.people),
            num_publishers=len(self.people),
            enabled_codecs=[models.Codec(mime=mime) for mime in CODECS],
        )


class Cluster:
    """Rooms and people, and the server API.

    Attributes:
        rooms: that live, by name.
        calls: how often each method was asked, and how many bytes were answered.
    """

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self.calls: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self._count = 0
        self._runner: web.AppRunner | None = None

    # -- who comes and goes --------------------------------------------------------------------------------------------
    def join(self, room_name: str, identity: str, token: str) -> tuple[Room, Person, bool]:
        """Somebody comes by a token of the API; also whether that has made the room."""
        claims = _claims(token)
        is_new = room_name not in self.rooms
        if is_new:
            capacity = claims.get("roomConfig", {}).get("maxParticipants", 0)
            self.rooms[room_name] = Room(self._sid("RM"), room_name, _now_ms(), capacity)
        room = self.rooms[room_name]
        person = Person(
            self._sid("PA"),
            identity,
            claims.get("name", ""),
            _now_ms(),
            claims.get("attributes", {}),
            (self._sid("TR_AM"), self._sid("TR_VC")),
        )
        room.people[identity] = person
        return room, person, is_new

    def leave(self, room: Room, identity: str) -> tuple[Person, bool]:
        """Somebody leaves; also whether that was the last one."""
        person = room.people.pop(identity)
        if not room.people:
            del self.rooms[room.name]
        return person, not room.people

    @property
    def counts(self) -> dict[str, int]:
        """How many there are in each room."""
        return {room.name: len(room.people) for room in self.rooms.values()}

    # -- the server API ------------------------------------------------------------------------------------------------
    async def start(self, port: int) -> None:
        """Answers on this port of loopback."""
        application = web.Application()
        application.router.add_post("/twirp/livekit.RoomService/{method}", self._answer)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, backlog=1024).start()

    async def aclose(self) -> None:
        """Ends that."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        answer = self._do(method, await request.read())
        if answer is None:
            return web.json_response({"code": "not_found", "msg": "it does not exist"}, status=404)
        body = answer.SerializeToString()
        self.calls[method] += 1
        self.bytes[method] += len(body)
        return web.Response(body=body, content_type="application/protobuf")

    def _do(self, method: str, body: bytes) -> Message | None:
        match method:
            case "ListRooms":
                names = rooms.ListRoomsRequest.FromString(body).names
                found = [self.rooms[name] for name in names if name in self.rooms] if names else self.rooms.values()
                return rooms.ListRoomsResponse(rooms=[room.info() for room in found])
            case "ListParticipants":
                room = self.rooms.get(rooms.ListParticipantsRequest.FromString(body).room)
                people = [] if room is None else room.people.values()
                return rooms.ListParticipantsResponse(participants=[person.info() for person in people])
            case "GetParticipant":
                asked = rooms.RoomParticipantIdentity.FromString(body)
                room = self.rooms.get(asked.room)
                person = None if room is None else room.people.get(asked.identity)
                return None if person is None else person.info()
            case "UpdateParticipant":
                update = rooms.UpdateParticipantRequest.FromString(body)
                room = self.rooms.get(update.room)
                person = None if room is None else room.people.get(update.identity)
                if person is None:
                    return None
                person.attributes = {**person.attributes, **update.attributes}
                return person.info()
            case "UpdateSubscriptions":
                update = rooms.UpdateSubscriptionsRequest.FromString(body)
                room = self.rooms.get(update.room)
                is_there = room is not None and update.identity in room.people
                return rooms.UpdateSubscriptionsResponse() if is_there else None
            case "SendData":
                return rooms.SendDataResponse()
            case _:
                # Whoever is put out, or what else is done, is no part of this load: the run is to fail.
                return None

    def _sid(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}_{self._count:012}"


def _claims(token: str) -> Mapping[str, Any]:
    encoded = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))


def _now_ms() -> int:
    return int(time.time() * 1000)
