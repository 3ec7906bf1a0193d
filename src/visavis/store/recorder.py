"""Writes the history in the background: what happens is queued at once and written in batches, however long that takes.

A database that cannot be written costs one line in the log; what happens meanwhile waits, up to a bound.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections import deque
from collections.abc import Callable

import structlog
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from sqlalchemy import Table, case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from visavis.errors import VisavisError
from visavis.media.events import Totals
from visavis.rooms.ids import new_id
from visavis.store.changes import SERVER_STOPPED, Change, changes_of, changes_of_totals, name_of_reason
from visavis.store.database import Database
from visavis.store.tables import HISTORY, rooms, servers

_log = structlog.stdlib.get_logger(__name__)

MAX_WAITING = 20_000
_BATCH = 500
# How exactly the end of what a crash cut off is known.
LAST_SEEN_SECONDS = 5.0
# A process of another machine that was not seen for so long is gone.
_GONE_SECONDS = 60.0
_RETENTION_SECONDS = 3600.0
_RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
_DAY_MS = 86_400_000
# The tracks of one who leaves are told to end just before.
_SAME_MOMENT_MS = 50


class Recorder:
    """The one writer of a history. All methods in the event loop's thread.

    Args:
        database: where to.
        keep_days: what ended so long ago is deleted; 0: nothing is.
        wall: seconds since the epoch.
        retry: seconds to wait after each failure; the last again and again.
    """

    def __init__(
        self,
        database: Database,
        *,
        keep_days: float,
        wall: Callable[[], float] = time.time,
        retry: tuple[float, ...] = _RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._keep_days = keep_days
        self._wall = wall
        self._retry = retry
        self._server_id = new_id("SV_")
        self._host, self._pid = socket.gethostname(), os.getpid()
        self._started_at = self._now()
        self._waiting: deque[Change] = deque()
        self._dropped = 0
        self._failures = 0
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._tried = asyncio.Event()
        self._is_open = False
        self._is_closing = False
        self._is_given_up = False
        self._cleaned_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    # -- what happens --------------------------------------------------------------------------------------------------
    def happened(self, event: WebhookEvent) -> None:
        """Queues what `event` changes; returns at once."""
        self._queue(changes_of(event, self._now(), self._server_id))

    def room_ended(self, sid: str, reason: models.DisconnectReason) -> None:
        """Queues why a room ended."""
        self._queue([Change(rooms, sid, {"end_reason": name_of_reason(reason)}, makes=False)])

    def totals(self, totals: Totals) -> None:
        """Queues what came of something that ended."""
        self._queue(changes_of_totals(totals))

    # -- life ----------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begins to write, and closes what a crash left open. Idempotent; returns at once."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="write the history")

    async def opened(self) -> None:
        """Returns when the database was opened, or could not be: before, what a crash left open is open still."""
        if self._task is not None:
            await self._tried.wait()

    async def flushed(self) -> None:
        """Returns when everything that has happened by now is written."""
        while not self._is_given_up and (self._waiting or not self._is_open):
            self._written.clear()
            await self._written.wait()

    async def aclose(self, within: float = 1.0) -> None:
        """Writes what waits, for so many seconds at most, and ends. Twice is fine."""
        self._is_closing = True
        self._wake.set()
        task, self._task = self._task, None
        if task is None:
            return
        await asyncio.wait([task], timeout=within)
        if not task.done():
            task.cancel()
            _log.warning("history_lost", changes=len(self._waiting), reason="the server ended before it was written")
        with contextlib.suppress(asyncio.CancelledError):
            await task

    # -- writing -------------------------------------------------------------------------------------------------------
    def _now(self) -> int:
        return int(self._wall() * 1000)

    def _queue(self, changes: list[Change]) -> None:
        if self._is_given_up:
            return
        while len(self._waiting) >= MAX_WAITING:
            # The oldest: what ends says all of its row again.
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.extend(changes)
        self._wake.set()

    async def _run(self) -> None:
        while not (self._is_closing and self._is_open and not self._waiting):
            try:
                if not self._is_open:
                    await self._open()
                await self._turn()
            except VisavisError as error:
                _log.error("history_off", reason=error.message)
                self._is_given_up = True
                self._waiting.clear()
                self._written.set()
                self._tried.set()
                return
            except (SQLAlchemyError, OSError) as error:
                await self._fail(error)
        with contextlib.suppress(SQLAlchemyError, OSError):
            async with self._database.connect() as connection:
                await self._close_rows_of(connection, self._server_id, self._now())

    async def _fail(self, error: SQLAlchemyError | OSError) -> None:
        if self._failures == 0:
            _log.error(
                "history_write_failed",
                database=self._database.name,
                reason=_reason(error),
                hint="calls go on; free the disk, make it writable or set database_url, and writing goes on by itself",
            )
        self._tried.set()
        pause = self._retry[min(self._failures, len(self._retry) - 1)]
        self._failures += 1
        if self._is_closing:
            await asyncio.sleep(min(pause, 0.1))
        else:
            await asyncio.sleep(pause)

    async def _open(self) -> None:
        await self._database.migrate()
        async with self._database.connect() as connection:
            await self._seen(connection)
            await self._close_rows_of_the_gone(connection)
        self._is_open = True
        self._tried.set()
        self._written.set()

    async def _turn(self) -> None:
        """Waits for something to write, and writes it."""
        if not self._waiting and not self._is_closing:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_SEEN_SECONDS):
                    await self._wake.wait()
        batch = [self._waiting[index] for index in range(min(_BATCH, len(self._waiting)))]
        dropped_before = self._dropped
        try:
            await self._write(batch)
        except DBAPIError as error:
            if isinstance(error, OperationalError) or error.connection_invalidated or not batch:
                raise
            await self._write_one_by_one(batch)
        # What was dropped meanwhile was the head of the batch.
        for _ in range(max(0, len(batch) - (self._dropped - dropped_before))):
            self._waiting.popleft()
        if self._failures:
            _log.info("history_written_again", database=self._database.name, lost=self._dropped)
            self._failures = self._dropped = 0
        await self._clean()
        if not self._waiting:
            self._written.set()

    async def _write(self, batch: list[Change]) -> None:
        async with self._database.connect() as connection:
            await self._seen(connection)
            for change in batch:
                await _apply(connection, change)

    async def _write_one_by_one(self, batch: list[Change]) -> None:
        """One of them cannot be written; the others shall not wait for it for ever."""
        for change in batch:
            try:
                async with self._database.connect() as connection:
                    await _apply(connection, change)
            except DBAPIError as error:
                if isinstance(error, OperationalError):
                    raise
                _log.error("history_change_refused", table=change.table.name, sid=change.sid, reason=_reason(error))

    async def _seen(self, connection: AsyncConnection) -> None:
        values = {
            "host": self._host,
            "pid": self._pid,
            "started_at": self._started_at,
            "last_seen_at": self._now(),
        }
        await _apply(connection, Change(servers, self._server_id, values))

    async def _clean(self) -> None:
        now = time.monotonic()
        if now - self._cleaned_at < _RETENTION_SECONDS:
            return
        self._cleaned_at = now
        async with self._database.connect() as connection:
            await self._close_rows_of_the_gone(connection)
            if self._keep_days > 0:
                before = self._now() - int(self._keep_days * _DAY_MS)
                for table in HISTORY:
                    await connection.execute(delete(table).where(table.c.ended_at < before))

    async def _close_rows_of_the_gone(self, connection: AsyncConnection) -> None:
        """What processes that are gone left open ended when they were seen last."""
        found = await connection.execute(select(servers).where(servers.c.id != self._server_id))
        for server in found.mappings().all():
            seen_for = self._now() - server["last_seen_at"]
            is_here = server["host"] == self._host
            is_gone = is_here and (server["pid"] == self._pid or not _is_alive(server["pid"]))
            if is_gone or seen_for > _GONE_SECONDS * 1000:
                await self._close_rows_of(connection, server["id"], server["last_seen_at"])

    async def _close_rows_of(self, connection: AsyncConnection, server_id: str, seen: int) -> None:
        for table in HISTORY:
            ended_at = case((table.c.started_at > seen, table.c.started_at), else_=seen)
            is_open = (table.c.server_id == server_id) & table.c.ended_at.is_(None)
            await connection.execute(update(table).where(is_open).values(ended_at=ended_at, end_reason=SERVER_STOPPED))
        await connection.execute(delete(servers).where(servers.c.id == server_id))


async def _apply(connection: AsyncConnection, change: Change) -> None:
    table, values = change.table, dict(change.values)
    key = _key(table)
    if change.of_session:
        ended_with_it = or_(table.c.ended_at.is_(None), table.c.ended_at >= values["ended_at"] - _SAME_MOMENT_MS)
        await connection.execute(update(table).where(table.c.session_sid == change.sid, ended_with_it).values(values))
        return
    if not change.makes:
        await connection.execute(update(table).where(table.c[key] == change.sid).values(values))
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(table).values({key: change.sid, **values})
    await connection.execute(insert.on_conflict_do_update(index_elements=[table.c[key]], set_=values))


def _key(table: Table) -> str:
    return "id" if table is servers else "sid"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _reason(error: SQLAlchemyError | OSError) -> str:
    """What the database said, without SQL and values around it."""
    return str(error.orig if isinstance(error, DBAPIError) else error)
