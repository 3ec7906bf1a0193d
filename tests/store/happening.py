"""Happenings as the rooms tell them, and who writes them."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import asyncpg
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from visavis.store import leases
from visavis.store.history import History
from visavis.store.recorder import Recorder

MakeRecorder = Callable[..., Awaitable[tuple[Recorder, History]]]
Sql = Callable[[str], Awaitable[list[tuple[object, ...]]]]
STARTED = 1_700_000_000_000


def room(event: str, sid: str = "RM_a", name: str = "atrium", *, started: int = STARTED) -> WebhookEvent:
    return WebhookEvent(event=event, room=models.Room(sid=sid, name=name, creation_time_ms=started))


def participant(
    event: str,
    sid: str = "PA_a",
    identity: str = "alice",
    name: str = "Alice",
    *,
    of: tuple[str, str] = ("RM_a", "atrium"),
    reason: models.DisconnectReason = models.DisconnectReason.UNKNOWN_REASON,
    joined: int = STARTED,
) -> WebhookEvent:
    told = room(event, *of)
    told.participant.CopyFrom(
        models.ParticipantInfo(
            sid=sid, identity=identity, name=name, joined_at_ms=joined, disconnect_reason=reason, kind=0
        )
    )
    return told


def track(event: str, sid: str = "TR_a", session: str = "PA_a", *, mime_type: str = "video/VP8") -> WebhookEvent:
    told = room(event)
    told.participant.CopyFrom(models.ParticipantInfo(sid=session, identity="alice"))
    told.track.CopyFrom(
        models.TrackInfo(
            sid=sid, type=models.TrackType.VIDEO, source=models.TrackSource.CAMERA, mime_type=mime_type, name="cam"
        )
    )
    return told


def whole_call() -> list[WebhookEvent]:
    """Alice is in the atrium, with a camera, and leaves; and the room ends."""
    return [
        room("room_started"),
        participant("participant_joined"),
        track("track_published"),
        track("track_unpublished"),
        participant("participant_left", reason=models.DisconnectReason.CLIENT_INITIATED),
        room("room_finished"),
    ]


async def die(recorder: Recorder) -> None:
    """Ends it as a crash does: without a word."""
    task, recorder._task = recorder._task, None
    assert task is not None
    task.cancel()
    await asyncio.wait([task])


@contextlib.asynccontextmanager
async def locked(url: str) -> AsyncGenerator[None]:
    """Nobody can write to the database meanwhile."""
    if url.startswith("sqlite"):
        file = sqlite3.connect(Path(url.removeprefix("sqlite:///")))
        file.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            file.rollback()
            file.close()
        return
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE servers, rooms, sessions, tracks IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


def take_elsewhere(recorder: Recorder) -> None:
    """From now on it is to others as one of another process."""
    leases._living.discard(recorder._lease.server_id)
