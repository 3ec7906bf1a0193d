"""`visavis database`: looks at a history's database, upgrades its schema, copies it into another."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from visavis import config
from visavis.errors import ErrorKind, VisavisError
from visavis.store.location import default_database_url

if TYPE_CHECKING:
    from rich.progress import TaskID

    from visavis.store.copying import Portion
    from visavis.store.database import Database

# SQLAlchemy is imported where it is used: see `visavis.store`.

_Of = TypeVar("_Of")

app = typer.Typer(help="The history's database: look at it, upgrade its schema, copy it into another.")
_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)

_Url = Annotated[
    str | None, typer.Option("--database-url", help="The database; else the one that `serve` uses with these settings.")
]
_Config = Annotated[Path | None, typer.Option("--config", help="Settings in TOML; flags and variables win.")]


@app.command()
def status(database_url: _Url = None, config_file: _Config = None) -> None:
    """Tell which schema a database has, how much is in it, and how many servers write to it."""

    async def run(database: "Database") -> None:
        from sqlalchemy import func, select

        from visavis.store.schema import NEWEST, REVISIONS, revision_of
        from visavis.store.tables import HISTORY, servers

        _must_be_there(database)
        found = await revision_of(database)
        if found == NEWEST:
            note = ""
        elif found is None:
            note = ": no history is in it yet"
        else:
            hint = "`visavis database upgrade`, or the next start, renews it"
            note = f", this version's is {NEWEST}: {hint if found in REVISIONS else 'a newer version has been here'}"
        _out.print(f"Database  {database.name}", markup=False)
        _out.print(f"Schema    {found or 'none'}{note}", markup=False)
        if found != NEWEST:
            return
        async with database.connect() as connection:
            for table in HISTORY:
                numbers = select(func.count(), func.count().filter(table.c.ended_at.is_(None))).select_from(table)
                total, is_open = (await connection.execute(numbers)).one()
                _out.print(f"{table.name.capitalize():9} {total}, {is_open} of them open")
            living = select(func.count()).select_from(servers).where(servers.c.lease_until > database.now())
            _out.print(f"Servers   {(await connection.execute(living)).scalar_one()} that live")

    _run(run, _chosen(database_url, config_file))


@app.command()
def upgrade(database_url: _Url = None, config_file: _Config = None) -> None:
    """Bring a database's schema to what this version knows. Each start does so, too; one of them does it at a time."""

    async def run(database: "Database") -> None:
        from visavis.store.schema import upgrade as upgrade_schema

        done = await upgrade_schema(database)
        was = "nothing" if done.before is None else f"schema {done.before}"
        told = f"has schema {done.after}" if done.before == done.after else f"went from {was} to schema {done.after}"
        _out.print(f"{database.name} {told}", markup=False)

    _run(run, _chosen(database_url, config_file))


@app.command()
def copy(
    source: Annotated[str | None, typer.Option("--from", help="Database to copy; else the file of `serve`.")] = None,
    target: Annotated[
        str | None, typer.Option("--to", help="Database to copy into; else VISAVIS_DATABASE_URL or that of --config.")
    ] = None,
    config_file: _Config = None,
) -> None:
    """Copy a history into another database, and check that all of it is there.

    Servers may write to either meanwhile. What was copied before is not copied again: run it once while the server
    runs, and once more when it has stopped. Passwords are better in VISAVIS_DATABASE_URL, PGPASSWORD or ~/.pgpass
    than in flags.
    """
    target = target or config.load({}, config=config_file).database_url
    if not target:
        raise config.invalid_setting("database_url is not set: name the database to copy into with --to")

    async def run(source: "Database", target: "Database") -> None:
        from visavis.store.copying import copy as copy_history
        from visavis.store.copying import is_in_use, missing

        with _Progress("Copying") as told:
            done = await copy_history(source, target, told)
        for table in done:
            _out.print(f"{table.table.capitalize():9} {table.read} read, {table.written} of them written")
        with _Progress("Checking") as told:
            lacking = await missing(source, target, told)
        if not lacking:
            _out.print(f"All of it is in {target.name}.", markup=False)
            return
        if await is_in_use(source):
            reason = f"a server writes to {source.name}: that is what it wrote meanwhile. Stop it, then copy again"
        else:
            reason = "copy again"
        raise VisavisError(
            ErrorKind.HISTORY_UNREADABLE, f"{lacking} rows are not in {target.name} as they are: {reason}"
        )

    _run(run, source or default_database_url(), target)


class _Progress:
    """A bar for each table, where somebody sees it."""

    def __init__(self, what: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn(what + " {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=_err, disable=not sys.stderr.isatty())
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Callable[[Portion], None]":
        self._progress.start()
        return self._told

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _told(self, portion: "Portion") -> None:
        if portion.table not in self._tasks:
            self._tasks[portion.table] = self._progress.add_task(portion.table, total=portion.total)
        # A server that writes meanwhile adds to it.
        self._progress.update(
            self._tasks[portion.table], completed=portion.read, total=max(portion.total, portion.read)
        )


def _chosen(database_url: str | None, config_file: Path | None) -> str:
    said = {} if database_url is None else {"database_url": database_url}
    url = config.load(said, config=config_file).database_url
    if url == "":
        raise config.invalid_setting("database_url is empty: no history is kept; name the database with --database-url")
    return url or default_database_url()


def _must_be_there(database: "Database") -> None:
    # SQLite makes a file of whatever is asked for.
    if database.file is not None and not database.file.is_file():
        raise config.invalid_setting(f"database_url: there is no file {str(database.file)!r}")


def _run(work: Callable[..., Awaitable[None]], *urls: str) -> None:
    from visavis.store.database import Database
    from visavis.store.faults import DatabaseFault, FaultKind

    async def run() -> None:
        databases = [Database(url) for url in urls]
        try:
            await work(*databases)
        finally:
            for database in databases:
                await database.aclose()

    try:
        asyncio.run(run())
    except DatabaseFault as fault:
        kind = ErrorKind.INVALID_SETTING if fault.kind is FaultKind.SETTING else ErrorKind.HISTORY_UNREADABLE
        raise VisavisError(kind, f"database_url: {fault.reason}") from fault
