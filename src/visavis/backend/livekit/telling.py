"""The rooms that live, as this process knows them, and how it tells of what has changed in them."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

import structlog
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from visavis.backend.livekit.book import Book, settings_to_json
from visavis.backend.livekit.cluster import Cluster
from visavis.backend.livekit.mirror import MIRRORED, VISITOR_ATTRIBUTE, Mirror, subject_of
from visavis.backend.livekit.shared import Shared
from visavis.errors import VisavisError
from visavis.rooms import RoomSettings
from visavis.signalling.moderation import WAITING_CHANGED

_log = structlog.stdlib.get_logger(__name__)


class Telling:
    """Tells pages by data packets, the other processes by messages, and requests that wait here.

    Args:
        cluster: whose rooms they are.
        mirror: the rooms as they are known here.
        shared: the other processes.
        book: what holds in rooms.
        changed: called after a change of the room list.
        now: seconds of the mirror's clock.
        wall: seconds since the epoch.
    """

    def __init__(
        self,
        cluster: Cluster,
        mirror: Mirror,
        shared: Shared,
        book: Book,
        changed: Callable[[], None],
        *,
        now: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self._cluster = cluster
        self._mirror = mirror
        self._shared = shared
        self._book = book
        self._changed = changed
        self._now = now
        self._wall = wall
        self._sleepers: dict[str, set[asyncio.Event]] = {}

    # -- what there is -------------------------------------------------------------------------------------------------
    async def sid(self, room: str) -> str | None:
        """The id of the room that lives; the cluster itself is asked for one that is not known here (yet)."""
        known = self._mirror.get(room)
        if known is not None:
            return known.sid
        told = await self._cluster.room(room)
        return None if told is None else told.sid

    def is_inside(self, room: str, identity: str) -> bool:
        """Whether somebody is known to be in the room under this identity."""
        known = self._mirror.get(room)
        return known is not None and known.by_identity(identity) is not None

    # -- what has changed ----------------------------------------------------------------------------------------------
    async def packet(self, room: str, topic: str, content: object, *, to: Iterable[str] = ()) -> None:
        """Sends pages a packet of nobody: to these participant ids, or to all. They ask the API then, now or later."""
        try:
            await self._cluster.send(room, topic, json.dumps(content).encode(), to=to)
        except VisavisError as error:
            _log.warning("packet_not_sent", room_name=room, topic=topic, reason=error.message)

    async def waiting(self, room: str) -> None:
        """Others wait than before."""
        page = await self._book.read(room, await self.sid(room), self._wall())
        moderators = [] if page is None else sorted(page.rules.moderators)
        if moderators:
            await self.packet(room, WAITING_CHANGED, {}, to=moderators)

    async def settings(self, room: str, sid: str, settings: RoomSettings) -> None:
        """Moderators have set something."""
        if self._mirror.know(room, sid, settings):
            self._changed()
        await self.others({"kind": "settings", "room": room, "sid": sid, "settings": settings_to_json(settings)})

    async def ended(self, room: str, sid: str) -> None:
        """A moderator has ended the room."""
        message: dict[str, object] = {"kind": "ended", "room": room, "sid": sid}
        self.hear(message)
        await self.others(message)

    async def event(self, event: WebhookEvent, settings: RoomSettings | None) -> None:
        """Something has happened, in a room where this holds."""
        if event.event not in MIRRORED:
            return
        message: dict[str, object] = {"kind": "happened", "room": event.room.name, "about": subject_of(event)}
        message["event"] = _packed(event)
        if settings is not None:
            message["settings"] = settings_to_json(settings)
        await self.others(message)

    async def others(self, message: Mapping[str, object]) -> None:
        """Tells the other processes; who does not hear it reads it from the cluster soon."""
        try:
            await self._shared.tell(message)
        except VisavisError as error:
            _log.debug("others_not_told", reason=error.message)

    async def look_after(self, room: str, at: float) -> None:
        """Somebody shall see then what is due in the room."""
        await self._shared.schedule(room, at)

    # -- who sleeps ----------------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def waking(self, room: str) -> Generator[asyncio.Event]:
        """Is set when somebody may have decided who comes in."""
        woken = asyncio.Event()
        sleepers = self._sleepers.setdefault(room, set())
        sleepers.add(woken)
        try:
            yield woken
        finally:
            sleepers.discard(woken)
            if not sleepers:
                self._sleepers.pop(room, None)

    async def wake(self, room: str) -> None:
        """Wakes who waits before the room, at all processes."""
        self.wake_here(room)
        await self.others({"kind": "wake", "room": room})

    def wake_here(self, room: str) -> None:
        """Wakes who waits at this process."""
        for woken in list(self._sleepers.get(room, ())):
            woken.set()

    # -- what others tell ----------------------------------------------------------------------------------------------
    def hear(self, message: Mapping[str, Any]) -> None:
        """Another process tells something."""
        match message.get("kind"):
            case "happened":
                event = WebhookEvent.FromString(base64.b64decode(message["event"]))
                changed = self._mirror.apply(event, now=self._now())
                if "settings" in message:
                    settings = RoomSettings(**message["settings"])
                    changed |= self._mirror.know(event.room.name, event.room.sid, settings)
                if changed:
                    self._changed()
                if event.event == "room_finished":
                    self.wake_here(event.room.name)
            case "settings":
                if self._mirror.know(message["room"], message["sid"], RoomSettings(**message["settings"])):
                    self._changed()
            case "ended":
                if self._mirror.end(message["sid"], message["room"], now=self._now()):
                    self._changed()
                self.wake_here(message["room"])
            case "wake":
                self.wake_here(message["room"])
            case _:
                pass


def _packed(event: WebhookEvent) -> str:
    """What a mirror takes in of it, and no more: each process reads this of all that happens anywhere."""
    room, person = event.room, event.participant
    packed = WebhookEvent(
        event=event.event,
        room=models.Room(
            sid=room.sid,
            name=room.name,
            creation_time=room.creation_time,
            creation_time_ms=room.creation_time_ms,
            max_participants=room.max_participants,
        ),
    )
    if person.sid:
        told = models.ParticipantInfo(
            sid=person.sid,
            identity=person.identity,
            name=person.name,
            kind=person.kind,
            joined_at=person.joined_at,
            joined_at_ms=person.joined_at_ms,
        )
        if person.HasField("permission"):
            told.permission.CopyFrom(person.permission)
        if VISITOR_ATTRIBUTE in person.attributes:
            told.attributes[VISITOR_ATTRIBUTE] = person.attributes[VISITOR_ATTRIBUTE]
        packed.participant.CopyFrom(told)
    return base64.b64encode(packed.SerializeToString()).decode()
