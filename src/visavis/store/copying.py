"""Copies a history from one database into another, whatever kinds they are, while servers write to either.

What is there already is not written again, so that a copy that was cut off goes on where it was, and one more after the
server has stopped takes moments. What ended in the target stays so: it is the same session, known for longer.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, String, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from visavis.errors import ErrorKind, VisavisError
from visavis.store.changes import SERVER_STOPPED, UNHEARD
from visavis.store.database import Database
from visavis.store.schema import NEWEST, refuse_newer, revision_of, upgrade
from visavis.store.tables import HISTORY, servers

PORTION = 1000

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Portion:
    """What has become of a table until now.

    Attributes:
        table: its name.
        total: rows that there were when it began.
        read: rows that were looked at.
        written: rows that were copied, the others being there already.
    """

    table: str
    total: int
    read: int
    written: int


async def copy(source: Database, target: Database, told: Callable[[Portion], None] = lambda _: None) -> list[Portion]:
    """Brings all that is in `source` into `target`, whose tables are made if there are none.

    Args:
        source: of this version's schema.
        target: any that can be written.
        told: hears what was done, after each portion.

    Returns:
        What became of rooms, sessions and tracks.

    Raises:
        VisavisError: `INVALID_SETTING`: there is nothing to copy, or both are the same.
        DatabaseFault: one of them cannot be read or written.
    """
    await _check(source, target)
    await upgrade(target)
    # Whose rows are open: so that a server on the target knows when they ended, should theirs never tell.
    await _copy_table(source, target, servers, lambda _: None)
    return [await _copy_table(source, target, table, told) for table in HISTORY]


async def missing(source: Database, target: Database, told: Callable[[Portion], None] = lambda _: None) -> int:
    """How many rows of `source` are not in `target` as they are: 0 after a copy, unless servers wrote meanwhile.

    Raises:
        DatabaseFault: one of them cannot be read.
    """
    count = 0
    for table in HISTORY:
        total, read = await _count(source, table), 0
        async for rows in _portions(source, table):
            count += len(await _lacking(target, table, rows))
            read += len(rows)
            told(Portion(table.name, total, read, 0))
    return count


async def is_in_use(database: Database) -> bool:
    """Whether a server has written to it within its lease.

    Raises:
        DatabaseFault: it cannot be read.
    """
    async with database.connect() as connection:
        living = select(func.count()).select_from(servers).where(servers.c.lease_until > database.now())
        return bool((await connection.execute(living)).scalar_one())


async def _check(source: Database, target: Database) -> None:
    if source.url == target.url:
        raise _wrong(f"--from and --to are both {source.name}: name two databases")
    for database in (source, target):
        if database.is_in_memory:
            raise _wrong(f"{database.name} is in the memory of one process: name a file or a server")
    if source.file is not None and not source.file.is_file():
        raise _wrong(f"--from: there is no file {str(source.file)!r}")
    found = await revision_of(source)
    if found is None:
        raise _wrong(f"--from: there is no history in {source.name}")
    refuse_newer(source, found)
    if found != NEWEST:
        raise _wrong(
            f"--from: {source.name} has schema {found}, this version copies {NEWEST}: run "
            f"`visavis database upgrade` on it first"
        )


async def _copy_table(source: Database, target: Database, table: Table, told: Callable[[Portion], None]) -> Portion:
    done = Portion(table.name, await _count(source, table), 0, 0)
    told(done)
    async for rows in _portions(source, table):
        lacking = await _lacking(target, table, rows)
        if lacking:
            await _write(target, table, lacking)
        done = Portion(table.name, done.total, done.read + len(rows), done.written + len(lacking))
        told(done)
    return done


async def _count(database: Database, table: Table) -> int:
    async with database.connect() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def _portions(database: Database, table: Table) -> AsyncGenerator[list[Row]]:
    """All rows in the order of their keys, each portion after the last one of the one before."""
    key, after = _key(table), ""
    while True:
        async with database.connect() as connection:
            statement = select(table).where(key > after).order_by(key).limit(PORTION)
            rows = [_fitting(table, row) for row in (await connection.execute(statement)).mappings()]
        if not rows:
            return
        yield rows
        after = rows[-1][key.name]


async def _lacking(target: Database, table: Table, rows: list[Row]) -> list[Row]:
    """Those that are not there, or of which less is known."""
    key = _key(table)
    async with target.connect() as connection:
        statement = select(table).where(key.in_([row[key.name] for row in rows]))
        there = {row[key.name]: dict(row) for row in (await connection.execute(statement)).mappings()}
    return [row for row in rows if not _is_settled(row, there.get(row[key.name]))]


def _is_settled(row: Row, there: Row | None) -> bool:
    if there is None:
        return False
    if "last_seen_at" in row:
        return there["last_seen_at"] >= row["last_seen_at"]
    return row == there or _finality(there) > _finality(row)


def _finality(row: Row) -> int:
    """How well the end is known: not at all, as far as a server was seen, or truly."""
    if row["ended_at"] is None:
        return 0
    return 1 if row["end_reason"] in (SERVER_STOPPED, UNHEARD) else 2


async def _write(target: Database, table: Table, rows: list[Row]) -> None:
    statement = (sqlite if target.is_sqlite else postgresql).insert(table)
    key = _key(table)
    said = {column.name: statement.excluded[column.name] for column in table.c if column.name != key.name}
    async with target.connect() as connection:
        await connection.execute(statement.on_conflict_do_update(index_elements=[key], set_=said), rows)


def _fitting(table: Table, row: Mapping[Any, Any]) -> Row:
    """As PostgreSQL takes it: SQLite has columns without an end, and NUL in them."""
    values = dict(row)
    for column in table.c:
        value = values[column.name]
        if isinstance(value, str) and isinstance(column.type, String):
            values[column.name] = value.replace("\0", "")[: column.type.length]
    return values


def _key(table: Table) -> Column[str]:
    return table.c.id if table is servers else table.c.sid


def _wrong(message: str) -> VisavisError:
    return VisavisError(ErrorKind.INVALID_SETTING, message)
