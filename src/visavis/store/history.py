"""Reads the history: pages of rooms, sessions and tracks, newest first."""

from collections.abc import AsyncGenerator
from typing import Any

from sqlalchemy import ColumnElement, Table, func, or_, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from visavis.errors import ErrorKind, VisavisError
from visavis.store.database import Database
from visavis.store.found import MAX_PAGE_SIZE, HistoryFilter, Page, Row
from visavis.store.tables import rooms, sessions, tracks


class History:
    """The reader of a history. All of it raises `VisavisError`: `HISTORY_UNREADABLE`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, kind: str, wanted: HistoryFilter, *, limit: int, offset: int = 0) -> Page:
        """A page of one of the `KINDS`."""
        read = {"rooms": self.rooms, "sessions": self.sessions, "tracks": self.tracks}[kind]
        return await read(wanted, limit=limit, offset=offset)

    async def rooms(self, wanted: HistoryFilter, *, limit: int, offset: int = 0) -> Page:
        """Rooms, newest first, those that live among them."""
        people = select(func.count()).select_from(sessions).where(sessions.c.room_sid == rooms.c.sid).scalar_subquery()
        where = _within(rooms, wanted)
        if wanted.room:
            where.append(or_(rooms.c.sid == wanted.room, _contains(rooms.c.name, wanted.room)))
        if wanted.person:
            was_there = [sessions.c.room_sid == rooms.c.sid, _is_person(wanted.person)]
            where.append(select(sessions.c.sid).where(*was_there).exists())
        return await self._page(rooms, where, limit, offset, people.label("people"))

    async def sessions(self, wanted: HistoryFilter, *, limit: int, offset: int = 0) -> Page:
        """Who was in which room, and when; newest first."""
        where = _within(sessions, wanted)
        if wanted.room:
            where.append(or_(sessions.c.room_sid == wanted.room, _contains(sessions.c.room_name, wanted.room)))
        if wanted.person:
            where.append(_is_person(wanted.person))
        return await self._page(sessions, where, limit, offset)

    async def tracks(self, wanted: HistoryFilter, *, limit: int, offset: int = 0) -> Page:
        """What was published, newest first; with `room_name`, `identity` and `participant_name`."""
        where = _within(tracks, wanted)
        if wanted.room:
            where.append(or_(tracks.c.room_sid == wanted.room, _contains(sessions.c.room_name, wanted.room)))
        if wanted.person:
            where.append(or_(tracks.c.session_sid == wanted.person, _is_person(wanted.person)))
        joined = tracks.outerjoin(sessions, sessions.c.sid == tracks.c.session_sid)
        more = (sessions.c.room_name, sessions.c.identity, sessions.c.name.label("participant_name"))
        return await self._page(tracks, where, limit, offset, *more, source=joined)

    async def all(self, kind: str, wanted: HistoryFilter) -> AsyncGenerator[Row]:
        """Every row of one of the `KINDS`, in portions, so that none of it need fit into memory.

        Rows that come meanwhile are left out, lest they push others over the edge of a portion.
        """
        seen: set[str] = set()
        offset = 0
        while True:
            page = await self.page(kind, wanted, limit=MAX_PAGE_SIZE, offset=offset)
            for row in page.rows:
                if row["sid"] not in seen:
                    yield row
            if len(page.rows) < MAX_PAGE_SIZE:
                return
            seen = {row["sid"] for row in page.rows}
            offset += MAX_PAGE_SIZE

    async def _page(
        self,
        table: Table,
        where: list[ColumnElement[bool]],
        limit: int,
        offset: int,
        *more: Any,
        source: Any = None,
    ) -> Page:
        source = table if source is None else source
        order = (table.c.started_at.desc(), table.c.sid)
        found = select(table, *more).select_from(source).where(*where).order_by(*order)
        count = select(func.count()).select_from(source).where(*where)
        try:
            async with self._database.connect() as connection:
                total = (await connection.execute(count)).scalar_one()
                page = await connection.execute(found.limit(min(limit, MAX_PAGE_SIZE)).offset(offset))
                return Page([dict(row) for row in page.mappings()], total)
        except (SQLAlchemyError, OSError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            raise VisavisError(
                ErrorKind.HISTORY_UNREADABLE, f"the history cannot be read now ({reason}): see the server's log"
            ) from error


def _within(table: Table, wanted: HistoryFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        where.append(or_(table.c.ended_at.is_(None), table.c.ended_at >= wanted.since))
    if wanted.until is not None:
        where.append(table.c.started_at <= wanted.until)
    return where


def _is_person(person: str) -> ColumnElement[bool]:
    return or_(sessions.c.sid == person, _contains(sessions.c.identity, person), _contains(sessions.c.name, person))


def _contains(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    return column.icontains(part, autoescape=True)
