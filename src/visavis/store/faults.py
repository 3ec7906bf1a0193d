"""What a database or its driver says when it does not do as it is told: sorted by what follows, in words for people.

PostgreSQL's own codes are the authority (its manual, appendix A); SQLAlchemy's classes are not, for they file a full
disk and a wrong value of its driver under one name.
"""

import sqlite3
from enum import StrEnum
from typing import TypeVar

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

_Of = TypeVar("_Of")


class FaultKind(StrEnum):
    """What follows from a fault."""

    SETTING = "setting"
    """Nothing will go until somebody mends a setting, or the database's own."""
    UNAVAILABLE = "unavailable"
    """The same may go another time: no answer, a full disk, a lock."""
    CONFLICT = "conflict"
    """The same will go at once: another transaction was in the way."""
    VALUE = "value"
    """The same will never go: what was written is at fault."""


class DatabaseFault(Exception):
    """A database did not do as it was told.

    Attributes:
        kind: what follows.
        reason: in words; no passwords, no SQL.
    """

    def __init__(self, kind: FaultKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


# Of PostgreSQL's SQLSTATEs, by their beginnings; what is in neither table is a matter of another time.
_KINDS = {
    "22": FaultKind.VALUE,
    "23": FaultKind.VALUE,
    "28": FaultKind.SETTING,
    "3D": FaultKind.SETTING,
    "40": FaultKind.CONFLICT,
    "42501": FaultKind.SETTING,
}
_WORDS = {
    "28": "{where} lets {user} in neither with this password nor without one ({said}): check user and password",
    "3D": "{where} has no database {database!r}: make it (`createdb {database}`), or name another",
    "42501": "{where} does not let {user} do that ({said}): make {user} the owner of {database!r}",
    "53300": "{where} has no connection left ({said}): raise max_connections there",
    "57P03": "{where} is starting or ending ({said})",
}


def fault_of(error: BaseException, url: URL) -> DatabaseFault | None:
    """What `error` is of the database at `url`; None: no fault of a database."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    state = _state(cause)
    if state is not None:
        return DatabaseFault(_by_state(_KINDS, state) or FaultKind.UNAVAILABLE, _say(str(cause), state, url))
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause)
    if isinstance(cause, (OverflowError, ValueError)) and not isinstance(cause, OSError):
        return DatabaseFault(FaultKind.VALUE, str(cause))
    if isinstance(cause, OSError):
        # Of a socket, or of the folder that a file is to be in.
        said = cause.strerror or str(cause) or type(cause).__name__
        if url.get_backend_name() == "sqlite":
            return DatabaseFault(FaultKind.UNAVAILABLE, said)
        return DatabaseFault(FaultKind.UNAVAILABLE, f"no answer from {where(url)} ({said}): is it running?")
    if isinstance(cause, SQLAlchemyError) or type(cause).__module__.startswith("asyncpg"):
        return DatabaseFault(FaultKind.UNAVAILABLE, str(cause))
    return None


def where(url: URL) -> str:
    """Where a database is, for people: without user and password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "memory"
    return f"PostgreSQL at {url.host or url.query.get('host') or 'localhost'}:{url.port or 5432}"


def _of_sqlite(cause: sqlite3.Error) -> DatabaseFault:
    code = getattr(cause, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_NOTADB:
        return DatabaseFault(FaultKind.SETTING, "the file is no SQLite database: name another, or move it away")
    is_value = isinstance(cause, (sqlite3.IntegrityError, sqlite3.DataError))
    return DatabaseFault(FaultKind.VALUE if is_value else FaultKind.UNAVAILABLE, str(cause))


def _say(said: str, state: str, url: URL) -> str:
    said = said.rpartition("exceptions.")[2].partition("'>: ")[2] or said
    words = _by_state(_WORDS, state)
    if words is None:
        return said
    return words.format(where=where(url), user=repr(url.username or ""), database=url.database, said=said)


def _by_state(table: dict[str, _Of], state: str) -> _Of | None:
    return next((table[state[:length]] for length in (5, 2) if state[:length] in table), None)


def _state(cause: BaseException) -> str | None:
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return state if isinstance(state, str) and len(state) == 5 else None
