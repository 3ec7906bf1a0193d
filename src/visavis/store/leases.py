"""Which servers live: each says so every few seconds, and what one that is gone left open is closed by another.

A server on the same machine is known to be gone at once, by its process; any other when its lease has run out, by the
database's clock. One that was only cut off for so long opens again what was closed in its absence.
"""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import RowMapping, case, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from visavis.rooms.ids import new_id
from visavis.store.changes import SERVER_STOPPED
from visavis.store.database import Database
from visavis.store.tables import HISTORY, servers

LEASE_SECONDS = 60.0

# Of the servers of this very process, whose number tells nothing.
_living: set[str] = set()


class Lease:
    """One server's row, and through it its rows that are open.

    Args:
        database: where.
        now: milliseconds since the epoch, by the clock that the history's times are of.
    """

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self.server_id = new_id("SV_")
        self._database = database
        self._now = now
        self._is_new = True
        self._about = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "place": _place(),
            "born": _born(os.getpid()) or "",
            "started_at": now(),
        }

    def begin(self) -> None:
        """From now on the server lives."""
        _living.add(self.server_id)

    def abandon(self) -> None:
        """It is not written any more, whether or not it could be ended."""
        _living.discard(self.server_id)

    async def renew(self, connection: AsyncConnection) -> None:
        """Says that the server lives."""
        values = {
            "last_seen_at": self._now(),
            "lease_until": self._database.now() + int(LEASE_SECONDS * 1000),
        }
        mine = servers.c.id == self.server_id
        if (await connection.execute(update(servers).where(mine).values(values))).rowcount:
            return
        await connection.execute(insert(servers).values(id=self.server_id, **self._about, **values))
        if not self._is_new:
            await self._open_again(connection)
        self._is_new = False

    async def end(self, connection: AsyncConnection) -> None:
        """Closes what the server has open, and its row."""
        await self._close(connection, self.server_id, self._now())
        await connection.execute(delete(servers).where(servers.c.id == self.server_id))

    async def close_those_of_the_gone(self, connection: AsyncConnection) -> None:
        """What servers that are gone left open ended when they were seen last."""
        others = select(servers, self._database.now().label("now")).where(servers.c.id != self.server_id)
        for server in (await connection.execute(others)).mappings().all():
            if not self._is_gone(server):
                continue
            # Whoever takes the row away closes; if it was seen again meanwhile, nobody does.
            same = (servers.c.id == server["id"]) & (servers.c.last_seen_at == server["last_seen_at"])
            if (await connection.execute(delete(servers).where(same))).rowcount:
                await self._close(connection, server["id"], server["last_seen_at"])

    def _is_gone(self, server: RowMapping) -> bool:
        if server["id"] in _living:
            return False
        is_near = server["place"] and server["place"] == self._about["place"]
        # One of this very process that lives is known; what has its number was another process, or another Visavis.
        if is_near and (server["pid"] == self._about["pid"] or not _lives(server["pid"], server["born"])):
            return True
        # A server of the version before has no lease.
        until = server["lease_until"] or server["last_seen_at"] + int(LEASE_SECONDS * 1000)
        return server["now"] > until

    async def _close(self, connection: AsyncConnection, server_id: str, seen: int) -> None:
        for table in HISTORY:
            ended_at = case((table.c.started_at > seen, table.c.started_at), else_=seen)
            is_open = (table.c.server_id == server_id) & table.c.ended_at.is_(None)
            await connection.execute(update(table).where(is_open).values(ended_at=ended_at, end_reason=SERVER_STOPPED))

    async def _open_again(self, connection: AsyncConnection) -> None:
        for table in HISTORY:
            was_closed = (table.c.server_id == self.server_id) & (table.c.end_reason == SERVER_STOPPED)
            await connection.execute(update(table).where(was_closed).values(ended_at=None, end_reason=None))


def _place() -> str:
    """What processes have in common that see each other; empty: not known.

    A container has a host name and a process 1 as another one has, so these tell nothing: the kernel's boot and the
    process namespace do.
    """
    if not sys.platform.startswith("linux"):
        return ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _lives(pid: int, born: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Somebody else's, of whom systemd's ProtectProc= may hide the rest.
        pass
    return _born(pid) in (None, born)


def _born(pid: int) -> str | None:
    """When a process began, as the kernel counts it; empty: it has ended; None: it is not to be seen."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # After the command, which is in parentheses and may have any character in it (proc(5)): field 22.
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]
