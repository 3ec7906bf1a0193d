"""Ends what is open in the history although its owner does not have it any more, and whose end nobody heard of."""

from collections.abc import Collection

from sqlalchemy import select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from visavis.store import batch
from visavis.store.changes import UNHEARD
from visavis.store.tables import rooms, sessions

_AT_ONCE = 1000


async def close_absent(
    connection: AsyncConnection, owner: str, rooms_there: Collection[str], sessions_there: Collection[str], at: int
) -> None:
    """Ends rooms and sessions of `owner` that are none of those, and their tracks; what began after `at` is left."""
    for table, there in ((rooms, frozenset(rooms_there)), (sessions, frozenset(sessions_there))):
        is_open = (table.c.server_id == owner) & table.c.ended_at.is_(None) & (table.c.started_at < at)
        # What is open is asked for, and not what is absent: a database takes no hundred thousand parameters.
        found = (await connection.execute(select(table.c.sid).where(is_open).order_by(table.c.sid))).scalars().all()
        absent = [sid for sid in found if sid not in there]
        for first in range(0, len(absent), _AT_ONCE):
            these = table.c.sid.in_(absent[first : first + _AT_ONCE]) & table.c.ended_at.is_(None)
            await connection.execute(update(table).where(these).values(ended_at=at, end_reason=UNHEARD))
    await batch.end_tracks_of_the_ended(connection, true())
