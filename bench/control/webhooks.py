"""What the stand-in posts: LiveKit's webhooks, signed as LiveKit signs them, those of one room one after another.

A message is made by protobuf once for each kind; those that are posted differ from it in ids, names and times only.
"""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from google.protobuf import json_format
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from control.cluster import Person, Room
from control.wire import Wire

PATH = "/api/livekit/webhook"
_VALID_SECONDS = 300
# LiveKit's own are 1, 2, 4, … seconds.
_RETRY_SECONDS = 1.0
_TRIES = 6

# What stands for what in the messages that others are made of.
_MARKS = {
    "event_id": "@event@",
    "created_at": "1000000001",
    "room_sid": "@room-sid@",
    "room_name": "@room-name@",
    "room_ms": "1000000003",
    "room_seconds": "1000000002",
    "room_people": "1000000004",
    "capacity": "1000000005",
    "sid": "@sid@",
    "identity": "@identity@",
    "name": "@name@",
    "joined_ms": "1000000007",
    "joined_seconds": "1000000006",
    "attributes": '{"@attributes@":""}',
    "track_sid": "@track-sid@",
}
_ANY_MARK = re.compile("|".join(f"(?P<{name}>{re.escape(mark)})" for name, mark in _MARKS.items()))


class Texts:
    """Makes the JSON of webhooks."""

    def __init__(self) -> None:
        room = Room("@room-sid@", "@room-name@", 1000000003, 1000000005).info()
        room.creation_time, room.num_participants, room.num_publishers = 1000000002, 1000000004, 1000000004
        person = Person("@sid@", "@identity@", "@name@", 1000000007, {"@attributes@": ""}, ("@track-sid@",) * 2)
        brief_room = models.Room(sid="@room-sid@", name="@room-name@")
        brief = models.ParticipantInfo(sid="@sid@", identity="@identity@", name="@name@")
        info = person.info(has_tracks=False)
        info.joined_at = 1000000006
        gone = models.ParticipantInfo()
        gone.CopyFrom(info)
        gone.state = models.ParticipantInfo.DISCONNECTED
        gone.disconnect_reason = models.DisconnectReason.CLIENT_INITIATED
        audio, video = person.tracks()
        self._of = {
            "room_started": _parts("room_started", room),
            "room_finished": _parts("room_finished", room),
            "participant_joined": _parts("participant_joined", room, info),
            "participant_left": _parts("participant_left", room, gone),
            "audio": _parts("track_published", brief_room, brief, audio),
            "video": _parts("track_published", brief_room, brief, video),
            "audio_over": _parts("track_unpublished", brief_room, brief, audio),
            "video_over": _parts("track_unpublished", brief_room, brief, video),
        }
        self._ids = itertools.count(1)

    def make(self, kind: str, room: Room, person: Person | None = None, track_sid: str = "") -> bytes:
        """One message."""
        values = {
            "event_id": f"EV_{next(self._ids):012}",
            "created_at": str(int(time.time())),
            "room_sid": room.sid,
            "room_name": room.name,
            "room_ms": str(room.created_at_ms),
            "room_seconds": str(room.created_at_ms // 1000),
            "room_people": str(len(room.people)),
            "capacity": str(room.max_participants),
            "track_sid": track_sid,
        }
        if person is not None:
            values |= {
                "sid": person.sid,
                "identity": person.identity,
                "name": person.name,
                "joined_ms": str(person.joined_at_ms),
                "joined_seconds": str(person.joined_at_ms // 1000),
                "attributes": json.dumps(person.attributes, separators=(",", ":")),
            }
        return "".join(text if name is None else values[name] for text, name in self._of[kind]).encode()


def _parts(
    event: str, room: models.Room, person: models.ParticipantInfo | None = None, track: models.TrackInfo | None = None
) -> list[tuple[str, str | None]]:
    """Of a message: texts, and the names of what stands between them."""
    message = WebhookEvent(event=event, room=room, participant=person, track=track, id="@event@")
    message.created_at = 1000000001
    text = json.dumps(json_format.MessageToDict(message), separators=(",", ":"))
    parts: list[tuple[str, str | None]] = []
    end = 0
    for found in _ANY_MARK.finditer(text):
        parts += [(text[end : found.start()], None), ("", found.lastgroup)]
        end = found.end()
    return [*parts, (text[end:], None)]


class Signer:
    """Signs bodies as LiveKit does.

    Args:
        key: API key.
        secret: of the key.
    """

    def __init__(self, key: str, secret: str) -> None:
        self._key, self._secret = key, secret.encode()
        self._header = _encoded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())

    def __call__(self, body: bytes) -> str:
        """The `Authorization` header."""
        now = int(time.time())
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        payload = {"exp": now + _VALID_SECONDS, "iss": self._key, "nbf": now, "sha256": digest}
        signed = self._header + b"." + _encoded(json.dumps(payload, separators=(",", ":")).encode())
        return (signed + b"." + _encoded(hmac.digest(self._secret, signed, "sha256"))).decode()


def _encoded(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


class Poster:
    """Posts to the app processes in turn.

    Attributes:
        took_ms: of each that was answered with 200.
        posted: how many of each kind.
        tried_again: how often, by why.
    """

    def __init__(self, apps: Sequence[Wire], sign: Signer) -> None:
        self.took_ms: list[float] = []
        self.posted: Counter[str] = Counter()
        self.tried_again: Counter[str] = Counter()
        self._texts = Texts()
        self._apps = itertools.cycle(apps)
        self._sign = sign
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def came(self, room: Room, person: Person, *, is_new: bool, begins: Callable[[], None]) -> None:
        """Somebody has joined, and publishes; `begins` is called when that is about to be posted."""
        async with self._turns[room.sid]:
            if is_new:
                await self._post("room_started", room)
            begins()
            await self._post("participant_joined", room, person)
            for kind, sid in zip(("audio", "video"), person.track_sids, strict=True):
                await self._post(kind, room, person, sid)

    async def left(self, room: Room, person: Person, *, is_last: bool) -> None:
        """Somebody has left."""
        async with self._turns[room.sid]:
            for kind, sid in zip(("audio_over", "video_over"), person.track_sids, strict=True):
                await self._post(kind, room, person, sid)
            await self._post("participant_left", room, person)
            if is_last:
                await self._post("room_finished", room)
        if is_last:
            del self._turns[room.sid]

    async def _post(self, kind: str, room: Room, person: Person | None = None, track_sid: str = "") -> None:
        body = self._texts.make(kind, room, person, track_sid)
        headers = {"authorization": self._sign(body), "content-type": "application/webhook+json"}
        self.posted[kind] += 1
        for _ in range(_TRIES):
            began = time.perf_counter()
            try:
                answer = await next(self._apps).ask("POST", PATH, headers, body)
            except OSError as error:
                said = str(error)
            else:
                if answer.status == 200:
                    self.took_ms.append((time.perf_counter() - began) * 1e3)
                    return
                said = f"{answer.status} {answer.body.decode()}"
            self.tried_again[said] += 1
            await asyncio.sleep(_RETRY_SECONDS)
        raise RuntimeError(f"a webhook ({kind}) was not taken: {said}")
