"""A history in a file, and happenings to write."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from happening import MakeRecorder

from visavis.store.database import Database
from visavis.store.history import History
from visavis.store.recorder import Recorder


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'history.sqlite3'}"


@pytest.fixture
async def make_recorder(url: str) -> AsyncIterator[MakeRecorder]:
    """Opens a history: ``recorder, history = await make_recorder(keep_days=1)``."""
    opened: list[tuple[Recorder, Database]] = []

    async def make(
        *, keep_days: float = 90.0, wall: Callable[[], float] | None = None, at: str = url
    ) -> tuple[Recorder, History]:
        database = Database(at)
        options = {} if wall is None else {"wall": wall}
        recorder = Recorder(database, keep_days=keep_days, retry=(0.02,), **options)
        opened.append((recorder, database))
        recorder.start()
        return recorder, History(database)

    yield make
    for recorder, database in opened:
        await recorder.aclose()
        await database.aclose()
