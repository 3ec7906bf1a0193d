"""What is written of what happens, however the database behaves."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path

import happening
import pytest
from happening import MakeRecorder, Sql
from livekit.protocol import models
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from visavis.errors import VisavisError
from visavis.media.events import ParticipantTotals, TrackTotals
from visavis.store import batch, retention
from visavis.store import recorder as recorder_module
from visavis.store.changes import Change
from visavis.store.database import Database
from visavis.store.faults import DatabaseFault, FaultKind
from visavis.store.found import HistoryFilter
from visavis.store.history import History
from visavis.store.recorder import Recorder
from visavis.store.schema import upgrade

ALL = HistoryFilter()


async def test_a_call_is_told_with_its_ends_reasons_and_bytes(make_recorder: MakeRecorder, url: str) -> None:
    recorder, history = await make_recorder(url)
    for event in happening.whole_call():
        recorder.happened(event)
    recorder.room_ended("RM_a", models.DisconnectReason.ROOM_CLOSED)
    recorder.totals(TrackTotals("TR_a", packets=10, bytes=1000, lost=2))
    recorder.totals(ParticipantTotals("PA_a", bytes_in=1200, bytes_out=300))
    await recorder.flushed()

    [room] = (await history.rooms(ALL, limit=10)).rows
    assert (room["name"], room["started_at"], room["end_reason"], room["people"]) == (
        "atrium",
        happening.STARTED,
        "room_closed",
        1,
    )
    assert abs(room["ended_at"] - time.time() * 1000) < 60_000
    [session] = (await history.sessions(ALL, limit=10)).rows
    assert (session["identity"], session["name"], session["room_name"], session["kind"]) == (
        "alice",
        "Alice",
        "atrium",
        "standard",
    )
    assert (session["end_reason"], session["bytes_in"], session["bytes_out"]) == ("client_initiated", 1200, 300)
    [track] = (await history.tracks(ALL, limit=10)).rows
    assert (track["kind"], track["source"], track["mime_type"], track["identity"]) == (
        "video",
        "camera",
        "video/vp8",
        "alice",
    )
    assert (track["bytes"], track["packets"], track["lost"]) == (1000, 10, 2)


async def test_tracks_of_one_who_leaves_end_with_it(make_recorder: MakeRecorder, url: str) -> None:
    recorder, history = await make_recorder(url)
    recorder.happened(happening.participant("participant_joined"))
    recorder.happened(happening.track("track_published"))
    recorder.happened(happening.participant("participant_left"))
    await recorder.flushed()
    [track] = (await history.tracks(ALL, limit=10)).rows
    assert track["end_reason"] == "participant_left"
    assert track["ended_at"] is not None


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_what_comes_twice_or_in_another_order_counts_once(
    make_recorder: MakeRecorder, url: str, order: tuple[int, ...]
) -> None:
    recorder, history = await make_recorder(url)
    events = [
        happening.room("room_started"),
        happening.participant("participant_joined"),
        happening.participant("participant_left", reason=models.DisconnectReason.CLIENT_INITIATED),
    ]
    for _ in range(2):
        for index in order:
            recorder.happened(events[index])
    await recorder.flushed()
    [session] = (await history.sessions(ALL, limit=10)).rows
    assert session["end_reason"] == "client_initiated"
    assert session["ended_at"] is not None
    assert (await history.rooms(ALL, limit=10)).total == 1


async def test_names_are_text_and_nothing_else(make_recorder: MakeRecorder, url: str) -> None:
    recorder, history = await make_recorder(url)
    name = "Robert'); DROP TABLE rooms;--\0 💥"
    recorder.happened(happening.participant("participant_joined", name=name))
    recorder.happened(happening.room("room_started"))
    await recorder.flushed()
    [session] = (await history.sessions(ALL, limit=10)).rows
    assert session["name"] == name.replace("\0", "")


async def test_what_no_database_takes_is_left_out_and_the_rest_is_written(
    make_recorder: MakeRecorder, url: str
) -> None:
    recorder, history = await make_recorder(url)
    recorder.happened(happening.participant("participant_joined"))
    recorder.totals(ParticipantTotals("PA_a", bytes_in=1 << 63, bytes_out=0))
    recorder.happened(happening.track("track_published", mime_type="video/" + "long" * 50))
    with capture_logs() as logs:
        await recorder.flushed()
    assert [(line["event"], line["sid"]) for line in logs] == [("history_change_refused", "PA_a")]
    [session] = (await history.sessions(ALL, limit=10)).rows
    assert session["bytes_in"] is None
    assert (await history.tracks(ALL, limit=10)).total == 1


async def test_a_bug_is_told_and_ends_nothing(
    make_recorder: MakeRecorder, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, history = await make_recorder(url)
    await recorder.flushed()
    original, bugs = recorder._write, iter([ZeroDivisionError("a bug")])

    async def write(changes: list[Change]) -> None:
        for bug in bugs:
            raise bug
        await original(changes)

    monkeypatch.setattr(recorder, "_write", write)
    with capture_logs() as logs:
        recorder.happened(happening.participant("participant_joined"))
        await recorder.flushed()
    assert (await history.sessions(ALL, limit=10)).total == 1
    assert [line["event"] for line in logs] == ["history_write_failed"] * 2 + ["history_written_again"]


async def test_a_house_that_cannot_be_cleaned_is_told_once_and_what_happens_is_written(
    make_recorder: MakeRecorder, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def delete_some(database: Database, before: int) -> int:
        raise DatabaseFault(FaultKind.UNAVAILABLE, "a lock")

    monkeypatch.setattr(retention, "delete_some", delete_some)
    with capture_logs() as logs:
        recorder, history = await make_recorder(url, keep_days=1)
        for number in range(3):
            recorder.happened(happening.participant("participant_joined", f"PA_{number}", "p"))
            await recorder.flushed()
    assert (await history.sessions(ALL, limit=10)).total == 3
    assert [line["event"] for line in logs] == ["history_not_cleaned"]


async def test_what_another_process_left_open_ends_when_that_was_seen_last(
    make_recorder: MakeRecorder, url: str, sql: Sql
) -> None:
    recorder, history = await make_recorder(url)
    for event in happening.whole_call()[:3]:
        recorder.happened(event)
    await recorder.flushed()
    # It ends without a word.
    await happening.die(recorder)
    await sql(f"UPDATE servers SET last_seen_at = {happening.STARTED + 5000}")
    # One whose row says that it began after it was seen last does not end before its beginning.
    await sql(f"UPDATE tracks SET started_at = {happening.STARTED + 9000}")
    again, _ = await make_recorder(url, keep_days=0)
    await again.flushed()
    [session] = (await history.sessions(ALL, limit=10)).rows
    [room] = (await history.rooms(ALL, limit=10)).rows
    [track] = (await history.tracks(ALL, limit=10)).rows
    assert {row["end_reason"] for row in (session, room, track)} == {"server_stopped"}
    assert (session["ended_at"], room["ended_at"]) == (happening.STARTED + 5000,) * 2
    assert track["ended_at"] == happening.STARTED + 9000


@pytest.mark.parametrize(
    "elsewhere",
    [
        # Another Visavis in this very process.
        "host = host",
        # One in another container: same name, same number.
        "place = 'another', born = '1'",
        # A machine whose clock is an hour late.
        "place = 'another', last_seen_at = last_seen_at - 3600000",
    ],
)
async def test_what_another_server_that_lives_has_open_stays_open(
    make_recorder: MakeRecorder, url: str, sql: Sql, elsewhere: str
) -> None:
    recorder, history = await make_recorder(url)
    recorder.happened(happening.room("room_started"))
    await recorder.flushed()
    if elsewhere != "host = host":
        happening.take_elsewhere(recorder)
    await sql(f"UPDATE servers SET {elsewhere}")
    again, _ = await make_recorder(url)
    await again.flushed()
    [room] = (await history.rooms(ALL, limit=10)).rows
    assert room["ended_at"] is None


async def test_what_is_older_than_it_is_kept_is_deleted_but_not_what_is_open(
    make_recorder: MakeRecorder, url: str
) -> None:
    day = 86_400
    recorder, history = await make_recorder(url)
    recorder.happened(happening.participant("participant_joined", "PA_open", "olga"))
    for event in happening.whole_call():
        recorder.happened(event)
    await recorder.flushed()
    # In another process, as another day begins with one.
    later, _ = await make_recorder(url, keep_days=3, wall=lambda: time.time() + 2 * day)
    await later.flushed()
    assert (await history.sessions(ALL, limit=10)).total == 2
    await make_recorder(url, keep_days=3, wall=lambda: time.time() + 4 * day)
    async with asyncio.timeout(10):
        while (await history.tracks(ALL, limit=10)).total:  # noqa: ASYNC110 - the other side tells nobody
            await asyncio.sleep(0.01)
    assert (await history.rooms(ALL, limit=10)).total == 0


async def test_what_is_too_old_goes_a_little_at_a_time_and_what_happens_goes_before(
    make_recorder: MakeRecorder, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visavis.store.retention.BATCH", 5)
    old, history = await make_recorder(url, keep_days=0)
    for number in range(23):
        old.happened(happening.participant("participant_left", f"PA_{number}", f"p{number}"), happening.STARTED)
    await old.flushed()
    seen: list[int] = []
    original = retention.delete_some

    async def delete_some(database: Database, before: int) -> int:
        if not seen:
            recorder.happened(happening.participant("participant_joined", "PA_now", "now"))
        elif len(seen) == 1:
            assert (await history.sessions(HistoryFilter(person="PA_now"), limit=1)).total == 1
        seen.append(await original(database, before))
        return seen[-1]

    monkeypatch.setattr(retention, "delete_some", delete_some)
    recorder, _ = await make_recorder(url, keep_days=1)
    async with asyncio.timeout(20):
        while not seen or seen[-1]:  # noqa: ASYNC110 - the other side tells nobody
            await asyncio.sleep(0.01)
    assert seen == [5, 5, 5, 5, 3, 0]
    assert [row["sid"] for row in (await history.sessions(ALL, limit=50)).rows] == ["PA_now"]


async def test_a_database_that_is_locked_delays_nobody_and_misses_nothing(
    make_recorder: MakeRecorder, url: str
) -> None:
    recorder, history = await make_recorder(url)
    await recorder.flushed()
    async with happening.locked(url):
        longest = 0.0
        for number in range(1000):
            started = time.perf_counter()
            recorder.happened(happening.participant("participant_joined", f"PA_{number}", f"p{number}"))
            longest = max(longest, time.perf_counter() - started)
            if number % 100 == 0:
                await asyncio.sleep(0)
        # Some ten microseconds each; a starved machine may take one away for longer.
        assert longest < 0.2
    await recorder.flushed()
    assert (await history.sessions(ALL, limit=10)).total == 1000


@pytest.fixture
async def in_no_hurry(
    make_recorder: MakeRecorder, url: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Recorder, History]:
    """One that has just written, and would leave what follows for an hour."""
    monkeypatch.setattr(recorder_module, "_TOGETHER_SECONDS", 3600.0)
    recorder, history = await make_recorder(url)
    recorder.happened(happening.room("room_started"))
    await recorder.flushed()
    return recorder, history


async def test_what_happens_soon_after_is_written_together_or_when_somebody_waits_for_it(
    in_no_hurry: tuple[Recorder, History], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, history = in_no_hurry
    written = []
    original = batch.write

    async def write(connection: AsyncConnection, changes: Iterable[Change]) -> None:
        written.append(len(list(changes)))
        await original(connection, changes)

    monkeypatch.setattr(batch, "write", write)
    for number in range(20):
        recorder.happened(happening.participant("participant_joined", f"PA_{number}", f"p{number}"))
        await asyncio.sleep(0.01)  # Time to write, if it were not to wait: of that nothing can tell.
    assert written == []
    async with asyncio.timeout(60):
        await recorder.flushed()
    assert written == [20]
    assert (await history.sessions(ALL, limit=50)).total == 20


async def test_who_reads_finds_what_has_just_happened_and_waits_for_no_database(
    in_no_hurry: tuple[Recorder, History], url: str
) -> None:
    recorder, history = in_no_hurry
    recorder.happened(happening.participant("participant_joined"))
    await recorder.caught_up(within=60)
    assert (await history.sessions(ALL, limit=50)).total == 1
    async with happening.locked(url), asyncio.timeout(60):
        recorder.happened(happening.participant("participant_joined", "PA_late", "late"))
        await recorder.caught_up(within=0.01)


async def test_a_disk_that_is_full_is_told_once_and_what_happened_is_written_when_there_is_room(
    make_recorder: MakeRecorder, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, history = await make_recorder(sqlite_url)
    await recorder.flushed()
    async with recorder._database.connect() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
    # SQLite's own limit fails as a full disk does: "database or disk is full".
    limit, is_full = pages + 2, True
    original = Database.connect

    @contextlib.asynccontextmanager
    async def connect(self: Database) -> AsyncGenerator[AsyncConnection]:
        async with original(self) as connection:
            await connection.exec_driver_sql(f"PRAGMA max_page_count = {limit if is_full else 1_000_000}")
            yield connection

    monkeypatch.setattr(Database, "connect", connect)
    with capture_logs() as logs:
        for number in range(300):
            recorder.happened(happening.participant("participant_joined", f"PA_{number}", "x" * 200))
        async with asyncio.timeout(10):
            while recorder._failures < 3:  # noqa: ASYNC110 - the other side tells nobody
                await asyncio.sleep(0.01)
        [told] = [line for line in logs if line["log_level"] == "error"]
        assert told["event"] == "history_write_failed"
        assert "full" in told["reason"]
        assert "calls go on" in told["hint"]
        is_full = False
        await recorder.flushed()
    assert (await history.sessions(ALL, limit=10)).total == 300
    assert [line["event"] for line in logs] == ["history_write_failed", "history_written_again"]


async def test_a_folder_that_cannot_be_written_is_told_once(make_recorder: MakeRecorder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with capture_logs() as logs:
        recorder, _ = await make_recorder(f"sqlite:///{tmp_path / 'file' / 'history.sqlite3'}")
        async with asyncio.timeout(10):
            while recorder._failures < 3:
                recorder.happened(happening.room("room_started"))
                await asyncio.sleep(0.01)
    assert [line["event"] for line in logs] == ["history_write_failed"]
    assert "/file/history.sqlite3" in logs[0]["database"]


async def test_more_than_may_wait_drops_the_oldest(
    make_recorder: MakeRecorder, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_WAITING", 10)
    (tmp_path / "data").write_text("in the way")
    recorder, history = await make_recorder(sqlite_url)
    with capture_logs() as logs:
        for number in range(25):
            recorder.happened(happening.participant("participant_joined", f"PA_{number:02}", "a"))
        async with asyncio.timeout(10):
            while not recorder._failures:  # noqa: ASYNC110 - the other side tells nobody
                await asyncio.sleep(0.01)
        (tmp_path / "data").unlink()
        await recorder.flushed()
    found = (await history.sessions(ALL, limit=50)).rows
    assert {row["sid"] for row in found} == {f"PA_{number:02}" for number in range(15, 25)}
    assert [line["lost"] for line in logs if line["event"] == "history_written_again"] == [15]


async def test_a_database_of_a_newer_version_is_left_alone_and_named(
    make_recorder: MakeRecorder, url: str, sql: Sql
) -> None:
    recorder, _ = await make_recorder(url)
    await recorder.flushed()
    await recorder.aclose()
    await sql("UPDATE alembic_version SET version_num = '9999'")
    with capture_logs() as logs:
        newer, _ = await make_recorder(url)
        newer.happened(happening.room("room_started"))
        await newer.flushed()
    [told] = logs
    assert told["event"] == "history_off"
    assert "newer version" in told["reason"]
    assert "database_url" in told["reason"]
    with pytest.raises(VisavisError, match="newer version"):
        await newer.check()
    assert await sql("SELECT count(*) FROM rooms") == [(0,)]


async def test_the_migrations_make_the_tables_that_the_code_knows(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from visavis.store.tables import metadata

    database = Database(url)
    await upgrade(database)
    await upgrade(database)
    async with database.connect() as connection:
        differences = await connection.run_sync(
            lambda inner: compare_metadata(MigrationContext.configure(inner), metadata)
        )
    await database.aclose()
    assert differences == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("history.sqlite3", "is no URL such as sqlite:///"),
        ("mysql://me:pass@db/x", "there is no driver for 'mysql' here"),
        ("oracle://x", "use sqlite:// or postgresql://"),
        ("postgresql://me:pass@db", "it names no database"),
        ("postgresql://me:pass@db/x?sslcert=mine", "'sslcert' after its ? is unknown"),
    ],
)
def test_a_url_that_cannot_be_used_is_named_without_its_password(url: str, says: str) -> None:
    with pytest.raises(VisavisError, match="database_url") as error:
        Database(url)
    assert says in error.value.message
    assert "pass@" not in error.value.message


async def test_in_memory_readers_and_the_writer_do_not_disturb_each_other(make_recorder: MakeRecorder) -> None:
    recorder, history = await make_recorder("sqlite://")
    for number in range(50):
        recorder.happened(happening.participant("participant_joined", f"PA_{number}", f"p{number}"))
        await asyncio.gather(history.sessions(ALL, limit=5), history.rooms(ALL, limit=5), return_exceptions=True)
    await recorder.flushed()
    assert (await history.sessions(ALL, limit=5)).total == 50
