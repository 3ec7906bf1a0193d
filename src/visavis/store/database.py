"""The database behind the history: its engine, its schema, and what is particular to SQLite.

Opening one costs a connection only; Alembic is loaded when a migration is due.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from visavis.errors import ErrorKind, VisavisError

NEWEST = "0001"
"""The newest migration's number."""
_KNOWN = ("0001",)

_MIGRATIONS = Path(__file__).parent / "migrations"
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


class Database:
    """One database by its URL. Nothing is opened before the first connection."""

    def __init__(self, url: str) -> None:
        """Reads the URL.

        Raises:
            VisavisError: `INVALID_SETTING`: it is none, or of a database that there is no driver for.
        """
        self.url = parse_database_url(url)
        is_sqlite = self.url.get_backend_name() == "sqlite"
        self._is_memory = is_sqlite and self.url.database in (None, "", ":memory:")
        # A database in memory is its one connection, which two transactions cannot share.
        self._turn = asyncio.Lock() if self._is_memory else None
        options: dict[str, Any] = {"poolclass": StaticPool} if self._is_memory else {}
        try:
            self._engine: AsyncEngine = create_async_engine(self.url, **options)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise _invalid(self.url, str(error)) from error
        if is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)

    @property
    def name(self) -> str:
        """The URL as it may be shown: without its password."""
        return self.url.render_as_string(hide_password=True)

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncGenerator[AsyncConnection]:
        """A connection within a transaction, which is committed at the end."""
        async with contextlib.AsyncExitStack() as stack:
            if self._turn is not None:
                await stack.enter_async_context(self._turn)
            yield await stack.enter_async_context(self._engine.begin())

    async def migrate(self) -> None:
        """Brings the tables to what this version knows.

        Raises:
            VisavisError: `INVALID_SETTING`: a newer version has been here.
            SQLAlchemyError: the database cannot be read or written.
        """
        if not self._is_memory and self.url.get_backend_name() == "sqlite":
            await asyncio.to_thread(Path(self.url.database or "").parent.mkdir, parents=True, exist_ok=True)
        async with self.connect() as connection:
            found = await connection.run_sync(_revision)
            if found == NEWEST:
                return
            if found is not None and found not in _KNOWN:
                raise VisavisError(
                    ErrorKind.INVALID_SETTING,
                    f"database_url: {self.name} was made by a newer version of Visavis (its schema is {found}, this "
                    f"version knows {NEWEST}): install that version again, or name another database",
                )
            await connection.run_sync(_upgrade)

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._engine.dispose()


def parse_database_url(text: str) -> URL:
    """The URL with the driver that is used here.

    Raises:
        VisavisError: `INVALID_SETTING`.
    """
    try:
        url = make_url(text)
    except ArgumentError as error:
        # Without the text itself: there may be a password in it.
        raise VisavisError(
            ErrorKind.INVALID_SETTING, "database_url is no URL such as sqlite:////var/lib/visavis/history.sqlite3"
        ) from error
    if url.drivername not in (*_DRIVERS, *_DRIVERS.values()):
        raise _invalid(url, f"there is no driver for {url.drivername!r} here: use sqlite:// or postgresql://")
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _invalid(url: URL, reason: str) -> VisavisError:
    shown = url.render_as_string(hide_password=True)
    return VisavisError(ErrorKind.INVALID_SETTING, f"database_url: {shown} cannot be used: {reason}")


def _prepare_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    try:
        # Readers and the one writer do not wait for each other.
        cursor.execute("PRAGMA journal_mode=WAL")
        # A crash of the process loses nothing; one of the machine may lose the last moments.
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA busy_timeout=5000")
    finally:
        cursor.close()


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
