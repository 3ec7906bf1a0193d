"""Deletes what is older than it is kept, a little at a time, so that nobody waits long for a lock or a log."""

from sqlalchemy import delete, select

from visavis.store.database import Database
from visavis.store.tables import HISTORY

BATCH = 1000


async def delete_some(database: Database, before: int) -> int:
    """Deletes some of what ended before that time; returns how many rows, 0: there are no more.

    Raises:
        DatabaseFault: it cannot be written.
    """
    for table in HISTORY:
        old = select(table.c.sid).where(table.c.ended_at < before).order_by(table.c.ended_at).limit(BATCH)
        async with database.connect() as connection:
            deleted = (await connection.execute(delete(table).where(table.c.sid.in_(old)))).rowcount
        if deleted:
            return deleted
    return 0
