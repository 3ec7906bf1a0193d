"""Reads the history: pages of rooms, sessions and tracks, newest first."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from visavis.errors import ErrorKind, VisavisError
from visavis.store.database import Database
from visavis.store.faults import DatabaseFault
from visavis.store.found import MAX_PAGE_SIZE, HistoryFilter, Page, Row
from visavis.store.tables import rooms, sessions, tracks


@dataclass(frozen=True, slots=True)
class _Query:
    """What to select.

    Attributes:
        table: whose rows.
        source: that, or a join of it.
        where: which.
        more: columns beside those of the table.
    """

    table: Table
    source: Any
    where: list[ColumnElement[bool]]
    more: tuple[Any, ...] = ()


class History:
    """The reader of a history. All of it raises `VisavisError`: `HISTORY_UNREADABLE`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, kind: str, wanted: HistoryFilter, *, limit: int, offset: int = 0) -> Page:
        """A page of one of the `KINDS`."""
        query = _QUERIES[kind](_sayable(wanted))
        count = select(func.count()).select_from(query.source).where(*query.where)
        try:
            async with self._database.connect() as connection:
                total = (await connection.execute(count)).scalar_one()
                return Page(await _rows(connection, query, limit, offset=offset), total)
        except DatabaseFault as fault:
            raise _unreadable(fault) from fault

    async def rooms(self, wanted: HistoryFilter, *, limit: int, offset: int = 0) -> Page:
        """Rooms, newest first, those that live among them."""
        return await self.page("rooms", wanted, limit=limit, offset=offset)

    async def sessions(self, wanted: HistoryFilter, *, limit: int, offset: int = 0) -> Page:
        """Who was in which room, and when; newest first."""
        return await self.page("sessions", wanted, limit=limit, offset=offset)

    async def tracks(self, wanted: HistoryFilter, *, limit: int, offset: int = 0) -> Page:
        """What was published, newest first; with `room_name`, `identity` and `participant_name`."""
        return await self.page("tracks", wanted, limit=limit, offset=offset)

    async def all(self, kind: str, wanted: HistoryFilter) -> AsyncGenerator[Row]:
        """Every row of one of the `KINDS`, in portions, so that none of it need fit into memory.

        Each portion begins after the last row of the one before: the last costs no more than the first, and rows that
        come or go meanwhile move no others.
        """
        query = _QUERIES[kind](_sayable(wanted))
        after: Row | None = None
        while True:
            try:
                async with self._database.connect() as connection:
                    portion = await _rows(connection, query, MAX_PAGE_SIZE, after=after)
            except DatabaseFault as fault:
                raise _unreadable(fault) from fault
            for row in portion:
                yield row
            if len(portion) < MAX_PAGE_SIZE:
                return
            after = portion[-1]


async def _rows(
    connection: AsyncConnection, query: _Query, limit: int, *, offset: int = 0, after: Row | None = None
) -> list[Row]:
    began, sid = query.table.c.started_at, query.table.c.sid
    where = query.where
    if after is not None:
        where = [*where, began <= after["started_at"], or_(began < after["started_at"], sid > after["sid"])]
    statement = select(query.table, *query.more).select_from(query.source).where(*where).order_by(began.desc(), sid)
    found = await connection.execute(statement.limit(min(limit, MAX_PAGE_SIZE)).offset(offset))
    return [dict(row) for row in found.mappings()]


def _sayable(wanted: HistoryFilter) -> HistoryFilter:
    """PostgreSQL has no NUL, and so nothing with one in it."""
    return replace(wanted, room=wanted.room.replace("\0", ""), person=wanted.person.replace("\0", ""))


def _rooms(wanted: HistoryFilter) -> _Query:
    people = select(func.count()).select_from(sessions).where(sessions.c.room_sid == rooms.c.sid).scalar_subquery()
    where = _within(rooms, wanted)
    if wanted.room:
        where.append(or_(rooms.c.sid == wanted.room, _contains(rooms.c.name, wanted.room)))
    if wanted.person:
        was_there = and_(sessions.c.room_sid == rooms.c.sid, _is_person(wanted.person))
        where.append(select(sessions.c.sid).where(was_there).exists())
    return _Query(rooms, rooms, where, (people.label("people"),))


def _sessions(wanted: HistoryFilter) -> _Query:
    where = _within(sessions, wanted)
    if wanted.room:
        where.append(or_(sessions.c.room_sid == wanted.room, _contains(sessions.c.room_name, wanted.room)))
    if wanted.person:
        where.append(_is_person(wanted.person))
    return _Query(sessions, sessions, where)


def _tracks(wanted: HistoryFilter) -> _Query:
    where = _within(tracks, wanted)
    if wanted.room:
        where.append(or_(tracks.c.room_sid == wanted.room, _contains(sessions.c.room_name, wanted.room)))
    if wanted.person:
        where.append(or_(tracks.c.session_sid == wanted.person, _is_person(wanted.person)))
    joined = tracks.outerjoin(sessions, sessions.c.sid == tracks.c.session_sid)
    more = (sessions.c.room_name, sessions.c.identity, sessions.c.name.label("participant_name"))
    return _Query(tracks, joined, where, more)


_QUERIES = {"rooms": _rooms, "sessions": _sessions, "tracks": _tracks}


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


def _unreadable(fault: DatabaseFault) -> VisavisError:
    return VisavisError(
        ErrorKind.HISTORY_UNREADABLE, f"the history cannot be read now ({fault.reason}): see the server's log"
    )
