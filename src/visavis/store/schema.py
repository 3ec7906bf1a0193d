"""What the tables look like, and how they become what this version knows: Alembic's scripts, when they are due.

Alembic is loaded only then. One process migrates at a time; who starts meanwhile waits, and finds nothing to do.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from visavis.errors import ErrorKind, VisavisError
from visavis.store.database import Database

REVISIONS = ("0001", "0002")
"""All that this version knows, oldest first."""
NEWEST = REVISIONS[-1]

_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What became of a schema.

    Attributes:
        before: its revision; None: there were no tables.
        after: its revision now.
    """

    before: str | None
    after: str


async def revision_of(database: Database) -> str | None:
    """The revision of the tables that are there; None: there are none.

    Raises:
        DatabaseFault: it cannot be read.
    """
    async with database.connect() as connection:
        return await connection.run_sync(_revision)


async def upgrade(database: Database) -> Upgraded:
    """Brings the tables to what this version knows.

    Raises:
        VisavisError: `INVALID_SETTING`: a newer version has been here.
        DatabaseFault: it cannot be read or written.
    """
    await database.make_folder()
    found = await revision_of(database)
    if found != NEWEST:
        refuse_newer(database, found)
        async with database.alone() as connection:
            # Another process may have done it while this one waited for its turn.
            found = await connection.run_sync(_revision)
            refuse_newer(database, found)
            if found != NEWEST:
                await connection.run_sync(_upgrade)
    return Upgraded(found, NEWEST)


def refuse_newer(database: Database, found: str | None) -> None:
    """Leaves alone what a newer version made.

    Raises:
        VisavisError: `INVALID_SETTING`.
    """
    if found is not None and found not in REVISIONS:
        raise VisavisError(
            ErrorKind.INVALID_SETTING,
            f"database_url: {database.name} was made by a newer version of Visavis (its schema is {found}, this "
            f"version knows {NEWEST}): install that version again, or name another database",
        )


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
