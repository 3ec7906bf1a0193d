"""A history in SQLite and in PostgreSQL, and happenings to write."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import happening
import pytest
from happening import MakeRecorder

from databases import Postgres, postgres
from visavis.store.database import Database
from visavis.store.history import History
from visavis.store.recorder import Recorder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgres]:
    """PostgreSQL, for tests that leave it running."""
    with postgres() as cluster:
        yield cluster


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'history.sqlite3'}"


@pytest.fixture
async def postgres_url(cluster: Postgres) -> str:
    return await cluster.make_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Of a database that has nothing in it: each test that uses it holds for both kinds."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
async def make_recorder(request: pytest.FixtureRequest) -> AsyncIterator[MakeRecorder]:
    """Opens a history: ``recorder, history = await make_recorder(url, keep_days=1)``; by default nothing is too old."""
    opened: list[tuple[Recorder, Database]] = []

    async def make(
        url: str, *, keep_days: float = 0.0, wall: Callable[[], float] | None = None
    ) -> tuple[Recorder, History]:
        database = Database(url)
        options = {} if wall is None else {"wall": wall}
        recorder = Recorder(database, keep_days=keep_days, retry=(0.02,), **options)
        opened.append((recorder, database))
        recorder.start()
        return recorder, History(database)

    yield make
    for recorder, database in opened:
        await recorder.aclose()
        await database.aclose()


@pytest.fixture
async def sql(url: str) -> AsyncIterator[happening.Sql]:
    """Asks the database beside those who are tested: ``await sql("UPDATE …")``."""
    database = Database(url)

    async def run(statement: str) -> list[tuple[object, ...]]:
        async with database.connect() as connection:
            found = await connection.exec_driver_sql(statement)
            return [tuple(row) for row in found] if found.returns_rows else []

    yield run
    await database.aclose()
