"""Writes many changes as few statements: what concerns one row is one row, and rows alike go together.

One round trip for each statement, not for each change: a database in another building is milliseconds away.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, case, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from visavis.store.changes import PARTICIPANT_LEFT, Change
from visavis.store.tables import HISTORY, sessions, tracks

# The tracks of one who leaves are told to end just before.
_SAME_MOMENT_MS = 50


async def write(connection: AsyncConnection, changes: Iterable[Change]) -> None:
    """Makes all of the changes, in one order of tables and rows, so that two who write the same do not lock each other.

    What ends with a session comes last: it is to find what was told of it.
    """
    rows: dict[tuple[str, str], tuple[bool, dict[str, Any]]] = {}
    left: dict[str, dict[str, Any]] = {}
    for change in changes:
        if change.of_session:
            left[change.sid] = dict(change.values)
            continue
        made, values = rows.get((change.table.name, change.sid), (False, {}))
        rows[change.table.name, change.sid] = (made or change.makes, {**values, **change.values})
    for table in HISTORY:
        alike: dict[tuple[bool, tuple[str, ...]], list[dict[str, Any]]] = {}
        for (name, sid), (makes, values) in sorted(rows.items(), key=lambda row: row[0]):
            if name == table.name:
                alike.setdefault((makes, tuple(sorted(values))), []).append({"sid": sid, **values})
        for (makes, columns), these in alike.items():
            await (upsert if makes else _update)(connection, table, columns, these)
    if left:
        await _end_tracks(connection, left)
    published = sorted(
        sid
        for (name, sid), (makes, values) in rows.items()
        if name == tracks.name and makes and "ended_at" not in values
    )
    if published:
        await end_tracks_of_the_ended(connection, tracks.c.sid.in_(published))


async def end_tracks_of_the_ended(connection: AsyncConnection, which: ColumnElement[bool]) -> None:
    """Ends those of these tracks whose sessions had ended before they were told of."""
    ended = (sessions.c.sid == tracks.c.session_sid) & sessions.c.ended_at.is_not(None)
    at = select(sessions.c.ended_at).where(ended).scalar_subquery()
    is_late = which & tracks.c.ended_at.is_(None) & select(sessions.c.sid).where(ended).exists()
    ends = {"ended_at": case((at < tracks.c.started_at, tracks.c.started_at), else_=at), "end_reason": PARTICIPANT_LEFT}
    await connection.execute(update(tracks).where(is_late).values(ends))


async def upsert(connection: AsyncConnection, table: Table, columns: Iterable[str], rows: list[dict[str, Any]]) -> None:
    """Writes rows, each with its `sid` and the same `columns`; those that are there take on what is said."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    said = {name: statement.excluded[name] for name in columns}
    await connection.execute(statement.on_conflict_do_update(index_elements=[table.c.sid], set_=said), rows)


async def _update(
    connection: AsyncConnection, table: Table, columns: Iterable[str], rows: list[dict[str, Any]]
) -> None:
    statement = update(table).where(table.c.sid == bindparam("of_sid"))
    statement = statement.values({name: bindparam(f"to_{name}") for name in columns})
    await connection.execute(
        statement, [{"of_sid" if name == "sid" else f"to_{name}": value for name, value in row.items()} for row in rows]
    )


async def _end_tracks(connection: AsyncConnection, left: dict[str, dict[str, Any]]) -> None:
    ended_with_it = or_(tracks.c.ended_at.is_(None), tracks.c.ended_at >= bindparam("since"))
    statement = update(tracks).where(tracks.c.session_sid == bindparam("of_session"), ended_with_it)
    statement = statement.values(ended_at=bindparam("at"), end_reason=bindparam("reason"))
    await connection.execute(
        statement,
        [
            {
                "of_session": sid,
                "since": values["ended_at"] - _SAME_MOMENT_MS,
                "at": values["ended_at"],
                "reason": values["end_reason"],
            }
            for sid, values in sorted(left.items())
        ],
    )
