"""Writes the history in the background: what happens is queued at once and written in batches, however long that takes.

A database that cannot be written costs one line in the log; what happens meanwhile waits, up to a bound.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection
from itertools import islice

import structlog
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent
from sqlalchemy import true

from visavis.errors import ErrorKind, VisavisError
from visavis.media.events import Totals
from visavis.store import batch, retention, schema, unheard
from visavis.store.changes import Change, changes_of, changes_of_totals, name_of_reason
from visavis.store.database import Database
from visavis.store.faults import DatabaseFault, FaultKind
from visavis.store.leases import Lease
from visavis.store.tables import rooms as rooms_table

_log = structlog.stdlib.get_logger(__name__)

MAX_WAITING = 20_000
_BATCH = 500
# What happens so soon after a batch was written waits for what follows: a transaction costs more than a join does else.
_TOGETHER_SECONDS = 1.0
# How exactly the end of what a crash cut off is known.
LAST_SEEN_SECONDS = 5.0
_LOOK_FOR_THE_GONE_SECONDS = 20.0
_RETENTION_SECONDS = 3600.0
_RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0)
_CONFLICTS_IN_A_ROW = 5
_DAY_MS = 86_400_000


class Recorder:
    """The one writer of a history. All methods in the event loop's thread.

    Args:
        database: where to.
        keep_days: what ended so long ago is deleted; 0: nothing is.
        wall: seconds since the epoch.
        retry: seconds to wait after each failure; the last again and again.
        owner: of what happens elsewhere, as in a cluster, and goes on when this process ends; None: it happens here.
    """

    def __init__(
        self,
        database: Database,
        *,
        keep_days: float,
        wall: Callable[[], float] = time.time,
        retry: tuple[float, ...] = _RETRY_SECONDS,
        owner: str | None = None,
    ) -> None:
        self._database = database
        self._keep_days = keep_days
        self._wall = wall
        self._retry = retry
        self._lease = Lease(database, self._now)
        self._owner = owner or self._lease.server_id
        self._waiting: deque[Change] = deque()
        self._dropped = 0
        self._failures = 0
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._wrote_at = float("-inf")
        self._written = asyncio.Event()
        self._tried = asyncio.Event()
        self._is_open = False
        self._is_closing = False
        self._is_given_up = False
        self._problem: str | None = None
        self._looked_at = self._cleaned_at = float("-inf")
        self._is_cleaning = False
        self._task: asyncio.Task[None] | None = None

    # -- what happens --------------------------------------------------------------------------------------------------
    def happened(self, event: WebhookEvent, at: int | None = None, *, is_unheard: bool = False) -> None:
        """Queues what `event` changes; returns at once.

        Args:
            event: as webhooks tell it.
            at: when it happened, in milliseconds since the epoch; None: now.
            is_unheard: nobody told of it, it was found out: so nobody knows why.
        """
        self._queue(changes_of(event, self._now() if at is None else at, self._owner, is_unheard=is_unheard))

    def room_ended(self, sid: str, reason: models.DisconnectReason) -> None:
        """Queues why a room ended."""
        self._queue([Change(rooms_table, sid, {"end_reason": name_of_reason(reason)}, makes=False)])

    def totals(self, totals: Totals) -> None:
        """Queues what came of something that ended."""
        self._queue(changes_of_totals(totals))

    async def close_absent(self, rooms: Collection[str], sessions: Collection[str], at: int) -> None:
        """Ends what is open although its owner, asked at that time, did not have it: nobody heard of its end.

        It waits for what happened until now to be written. What is heard later after all is truer, and replaces it.

        Args:
            rooms: ids of those that there were.
            sessions: ids of the participants that there were.
            at: in milliseconds since the epoch.

        Raises:
            DatabaseFault: it cannot be written now.
        """
        await self.flushed()
        async with self._database.connect() as connection:
            await unheard.close_absent(connection, self._owner, rooms, sessions, at)

    # -- life ----------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begins to write, and closes what a crash left open. Idempotent; returns at once."""
        if self._task is None:
            self._lease.begin()
            self._task = asyncio.get_running_loop().create_task(self._run(), name="write the history")

    async def opened(self) -> None:
        """Returns when the database was opened, or could not be: before, what a crash left open is open still."""
        if self._task is not None:
            await self._tried.wait()

    async def check(self) -> None:
        """Waits as `opened` does.

        Raises:
            VisavisError: `INVALID_SETTING`: no waiting will open it, somebody has to mend a setting.
        """
        await self.opened()
        if not self._is_open and self._problem is not None:
            raise VisavisError(ErrorKind.INVALID_SETTING, self._problem)

    async def flushed(self) -> None:
        """Returns when everything that has happened by now is written: at once, as somebody waits for it."""
        await self._until(lambda: not self._waiting and self._is_open)

    async def caught_up(self, within: float = 1.0) -> None:
        """Returns when a reader finds what has happened by now, or after so many seconds: writing may take longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.flushed()

    async def eased(self) -> None:
        """Returns when less than half of what may wait waits: who tells of much at once waits for that between."""
        await self._until(lambda: len(self._waiting) < MAX_WAITING // 2)

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Looks after each time that something was written, which does not wait now; given up, nothing more will be."""
        while not self._is_given_up and not holds():
            self._hurry.set()
            self._written.clear()
            await self._written.wait()

    async def aclose(self, within: float = 1.0) -> None:
        """Writes what waits, for so many seconds at most, and ends. Twice is fine."""
        self._is_closing = True
        self._hurry.set()
        self._wake.set()
        task, self._task = self._task, None
        if task is None:
            return
        await asyncio.wait([task], timeout=within)
        if not task.done():
            task.cancel()
            lost = len(self._waiting)
            # If it is nothing, only the word of this server's end was not written.
            if lost:
                _log.warning("history_lost", changes=lost, reason="the server ended before it was written")
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
        try:
            await self._write_until_closed()
        finally:
            self._lease.abandon()

    async def _write_until_closed(self) -> None:
        while not (self._is_closing and self._is_open and not self._waiting):
            try:
                if not self._is_open:
                    await self._open()
                await self._turn()
            except VisavisError as error:
                _log.error("history_off", reason=error.message)
                self._problem = error.message
                self._is_given_up = True
                self._waiting.clear()
                self._written.set()
                self._tried.set()
                return
            except DatabaseFault as fault:
                await self._fail(fault)
            except Exception as error:
                # A bug. It is told as such, and does not end the history of all that follows.
                _log.exception("history_write_failed", database=self._database.name)
                await self._fail(DatabaseFault(FaultKind.UNAVAILABLE, repr(error)))
        with contextlib.suppress(DatabaseFault):
            async with self._database.connect() as connection:
                await self._lease.end(connection)

    async def _fail(self, fault: DatabaseFault) -> None:
        if self._failures == 0:
            _log.error(
                "history_write_failed",
                database=self._database.name,
                reason=fault.reason,
                hint="calls go on; mend the database or database_url, and writing goes on by itself",
            )
        if fault.kind is FaultKind.SETTING:
            self._problem = f"database_url: {fault.reason}"
        self._tried.set()
        pause = self._retry[min(self._failures, len(self._retry) - 1)]
        self._failures += 1
        if self._is_closing:
            await asyncio.sleep(min(pause, 0.1))
        else:
            await asyncio.sleep(pause)

    async def _open(self) -> None:
        await schema.upgrade(self._database)
        async with self._database.connect() as connection:
            await self._lease.renew(connection)
            await self._lease.close_those_of_the_gone(connection)
        self._is_open = True
        self._looked_at = time.monotonic()
        # The rest of the house is kept at once.
        self._is_cleaning = True
        self._tried.set()
        self._written.set()

    async def _turn(self) -> None:
        """Waits for something to do, and does it: what happened goes first."""
        if not self._waiting and not self._is_closing and not self._is_cleaning:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_SEEN_SECONDS):
                    await self._wake.wait()
        pause = self._wrote_at + _TOGETHER_SECONDS - time.monotonic()
        if 0 < len(self._waiting) < _BATCH and pause > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._hurry.wait()
        changes = list(islice(self._waiting, _BATCH))
        dropped_before = self._dropped
        try:
            await self._write_in_spite_of_others(changes)
        except DatabaseFault as fault:
            if fault.kind is not FaultKind.VALUE or not changes:
                raise
            await self._write_one_by_one(changes)
        self._wrote_at = time.monotonic()
        # What was dropped meanwhile was the head of the batch.
        for _ in range(max(0, len(changes) - (self._dropped - dropped_before))):
            self._waiting.popleft()
        if not self._waiting and not self._is_closing:
            self._hurry.clear()
        if self._failures:
            _log.info("history_written_again", database=self._database.name, lost=self._dropped)
            self._failures = self._dropped = 0
        self._written.set()
        try:
            await self._keep_house()
        except DatabaseFault as fault:
            # It is kept another time; if nothing can be written at all, the next batch says so.
            self._is_cleaning = False
            _log.warning("history_not_cleaned", database=self._database.name, reason=fault.reason)

    async def _write_in_spite_of_others(self, changes: list[Change]) -> None:
        for _ in range(_CONFLICTS_IN_A_ROW):
            try:
                return await self._write(changes)
            except DatabaseFault as fault:
                if fault.kind is not FaultKind.CONFLICT:
                    raise
        return await self._write(changes)

    async def _write(self, changes: list[Change]) -> None:
        async with self._database.connect() as connection:
            await self._lease.renew(connection)
            await batch.write(connection, changes)

    async def _write_one_by_one(self, changes: list[Change]) -> None:
        """One of them cannot be written; the others shall not wait for it for ever."""
        for change in changes:
            try:
                async with self._database.connect() as connection:
                    await batch.write(connection, [change])
            except DatabaseFault as fault:
                if fault.kind is not FaultKind.VALUE:
                    raise
                _log.error("history_change_refused", table=change.table.name, sid=change.sid, reason=fault.reason)

    async def _keep_house(self) -> None:
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_FOR_THE_GONE_SECONDS:
            self._looked_at = now
            async with self._database.connect() as connection:
                await self._lease.close_those_of_the_gone(connection)
        if now - self._cleaned_at >= _RETENTION_SECONDS:
            self._cleaned_at = now
            self._is_cleaning = True
            async with self._database.connect() as connection:
                # Two servers that were told of a track and of its session's end at the same time saw neither.
                await batch.end_tracks_of_the_ended(connection, true())
        if self._is_cleaning and not self._is_closing:
            before = self._now() - int(self._keep_days * _DAY_MS)
            self._is_cleaning = self._keep_days > 0 and await retention.delete_some(self._database, before) > 0
