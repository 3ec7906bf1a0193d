"""The database behind the history: its URL, its connections, and what is particular to SQLite and PostgreSQL.

Opening one costs a connection only. What its tables look like is `visavis.store.schema`.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, cast, event, func, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, StaticPool

from visavis.errors import ErrorKind, VisavisError
from visavis.store.faults import fault_of

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
# Of the part after "?" of a PostgreSQL URL. `sslmode` is what everybody else calls asyncpg's `ssl`.
_PARAMETERS = {"sslmode": "ssl", "ssl": "ssl", "host": "host", "port": "port"}

_CONNECT_SECONDS = 10.0
# What takes longer than this ends, so that a server that hangs is told as one that does not answer.
_ANSWER_SECONDS = 60.0
_LIMITS = {
    "application_name": "visavis",
    "lock_timeout": "20s",
    "statement_timeout": "40s",
    "idle_in_transaction_session_timeout": "60s",
}
# Any number that nobody else takes: "visavis" in ASCII.
_ADVISORY_LOCK = int.from_bytes(b"visavis", "big")
# A migration of years of history takes minutes, and whoever starts meanwhile waits for it.
_MIGRATION_SECONDS = 600


class Database:
    """One database by its URL. Nothing is opened before the first connection."""

    def __init__(self, url: str) -> None:
        """Reads the URL.

        Raises:
            VisavisError: `INVALID_SETTING`: it is none, or of a database that there is no driver for.
        """
        self.url = parse_database_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.is_in_memory = self.is_sqlite and self.url.database in (None, "", ":memory:")
        # A database in memory is its one connection, which two transactions cannot share.
        self._turn = asyncio.Lock() if self.is_in_memory else None
        self._engine = self._make_engine()

    @property
    def name(self) -> str:
        """The URL as it may be shown: without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """Where it is, if it is a file."""
        return Path(self.url.database or "") if self.is_sqlite and not self.is_in_memory else None

    def now(self) -> ColumnElement[int]:
        """The database's own time, in milliseconds since the epoch: one clock for all who use it."""
        if self.is_sqlite:
            return cast((func.julianday("now") - 2440587.5) * 86_400_000, BigInteger)
        return cast(func.extract("epoch", func.clock_timestamp()) * 1000, BigInteger)

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncGenerator[AsyncConnection]:
        """A connection within a transaction, which is committed at the end.

        Raises:
            DatabaseFault: whatever the database says.
        """
        with self._telling_faults():
            async with contextlib.AsyncExitStack() as stack:
                if self._turn is not None:
                    await stack.enter_async_context(self._turn)
                yield await stack.enter_async_context(self._engine.begin())

    @contextlib.asynccontextmanager
    async def alone(self) -> AsyncGenerator[AsyncConnection]:
        """The same, while nobody else, of any process, is in here; without limits of time, for migrations.

        Raises:
            DatabaseFault: whatever the database says.
        """
        if self.is_in_memory:
            async with self.connect() as connection:
                yield connection
            return
        engine = self._make_engine(is_for_migrations=True)
        try:
            with self._telling_faults():
                async with engine.begin() as connection:
                    if not self.is_sqlite:
                        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
                    yield connection
        finally:
            await engine.dispose()

    async def make_folder(self) -> None:
        """Makes the folder of a file.

        Raises:
            DatabaseFault: it cannot be made.
        """
        if self.file is not None:
            with self._telling_faults():
                await asyncio.to_thread(self.file.parent.mkdir, parents=True, exist_ok=True)

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._engine.dispose()

    @contextlib.contextmanager
    def _telling_faults(self) -> Any:
        try:
            yield
        except Exception as error:
            fault = fault_of(error, self.url)
            if fault is None:
                raise
            raise fault from error

    def _make_engine(self, *, is_for_migrations: bool = False) -> AsyncEngine:
        options: dict[str, Any] = {"poolclass": NullPool} if is_for_migrations else {}
        if self.is_in_memory:
            options = {"poolclass": StaticPool}
        elif not self.is_sqlite:
            arguments: dict[str, Any] = {"timeout": _CONNECT_SECONDS}
            if is_for_migrations:
                arguments["server_settings"] = {"application_name": "visavis", "lock_timeout": f"{_MIGRATION_SECONDS}s"}
            else:
                arguments |= {"command_timeout": _ANSWER_SECONDS, "server_settings": _LIMITS}
                # Connections that were open when the server restarted are found out before somebody reads with one.
                options |= {"pool_pre_ping": True, "pool_size": 4, "max_overflow": 4, "pool_timeout": _CONNECT_SECONDS}
            options["connect_args"] = arguments
        try:
            engine = create_async_engine(self.url, **options)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise _invalid(self.url, str(error)) from error
        if self.is_sqlite:
            event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        if self.is_sqlite and is_for_migrations:
            event.listen(engine.sync_engine, "connect", _leave_transactions_to_us)
            event.listen(engine.sync_engine, "begin", _begin_alone)
        return engine


def parse_database_url(text: str) -> URL:
    """The URL with the driver that is used here.

    Raises:
        VisavisError: `INVALID_SETTING`.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        # Without the text itself: there may be a password in it.
        raise VisavisError(
            ErrorKind.INVALID_SETTING,
            "database_url is no URL such as sqlite:////var/lib/visavis/history.sqlite3 or "
            "postgresql://visavis:password@db.example.com/visavis",
        ) from error
    if url.drivername not in (*_DRIVERS, *_DRIVERS.values()):
        raise _invalid(url, f"there is no driver for {url.drivername!r} here: use sqlite:// or postgresql://")
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if url.get_backend_name() == "sqlite":
        return url
    unknown = sorted(set(url.query) - set(_PARAMETERS))
    if unknown:
        raise _invalid(url, f"{unknown[0]!r} after its ? is unknown: there may be {', '.join(_PARAMETERS)}")
    if not url.database:
        raise _invalid(url, "it names no database: postgresql://…/visavis")
    return url.set(query={_PARAMETERS[name]: value for name, value in url.query.items()})


def _invalid(url: URL, reason: str) -> VisavisError:
    shown = url.render_as_string(hide_password=True)
    return VisavisError(ErrorKind.INVALID_SETTING, f"database_url: {shown} cannot be used: {reason}")


def _prepare_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    try:
        # Waiting is set first, for two who start at once both want to change the mode.
        cursor.execute("PRAGMA busy_timeout=5000")
        # Readers and the one writer do not wait for each other.
        cursor.execute("PRAGMA journal_mode=WAL")
        # A crash of the process loses nothing; one of the machine may lose the last moments.
        cursor.execute("PRAGMA synchronous=NORMAL")
    finally:
        cursor.close()


def _leave_transactions_to_us(connection: Any, _: object) -> None:
    # Python's own begin only before the first writing statement, which is after the check whether there is any to do.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_MIGRATION_SECONDS * 1000}")
    cursor.close()


def _begin_alone(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
