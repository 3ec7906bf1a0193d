"""Reading the history: pages, filters, order."""

import happening
import pytest
from happening import MakeRecorder

from visavis.admin.csv_export import csv_lines
from visavis.store.found import HistoryFilter
from visavis.store.history import History

HOUR = 3_600_000


@pytest.fixture
async def history(make_recorder: MakeRecorder, url: str) -> History:
    """Ten rooms, an hour after each other, with one person each; the last one lives."""
    recorder, history = await make_recorder(url)
    for number in range(10):
        sid, name, began = f"RM_{number}", f"Room 100% {number}", happening.STARTED + number * HOUR
        recorder.happened(happening.room("room_started", sid, name, started=began))
        recorder.happened(
            happening.participant(
                "participant_joined", f"PA_{number}", f"p{number}", f"Ä{number}", of=(sid, name), joined=began
            )
        )
    await recorder.flushed()
    async with recorder._database.connect() as connection:
        for table in ("rooms", "sessions"):
            await connection.exec_driver_sql(
                f"UPDATE {table} SET ended_at = started_at + {HOUR // 2} WHERE sid NOT LIKE '%9'"
            )
    return history


async def test_pages_go_from_the_newest_to_the_oldest(history: History) -> None:
    pages = [await history.rooms(HistoryFilter(), limit=4, offset=offset) for offset in (0, 4, 8)]
    assert [row["sid"] for page in pages for row in page.rows] == [f"RM_{number}" for number in range(9, -1, -1)]
    assert {page.total for page in pages} == {10}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (HistoryFilter(room="room 100% 3"), {3}),
        (HistoryFilter(room="100%"), set(range(10))),
        (HistoryFilter(room="100_"), set()),
        (HistoryFilter(room="RM_4"), {4}),
        (HistoryFilter(person="P5"), {5}),
        (HistoryFilter(person="P5\0"), {5}),
        (HistoryFilter(person="Ä6"), {6}),
        (HistoryFilter(person="PA_7"), {7}),
        (HistoryFilter(room="100% 1", person="p2"), set()),
        (HistoryFilter(since=happening.STARTED + 8 * HOUR), {8, 9}),
        (HistoryFilter(until=happening.STARTED + HOUR), {0, 1}),
        (HistoryFilter(since=happening.STARTED + 2 * HOUR, until=happening.STARTED + 3 * HOUR), {2, 3}),
        (HistoryFilter(since=happening.STARTED + 1000 * HOUR), {9}),
    ],
    ids=str,
)
async def test_filters_find_what_they_say(history: History, wanted: HistoryFilter, found: set[int]) -> None:
    rooms = await history.rooms(wanted, limit=50)
    sessions = await history.sessions(wanted, limit=50)
    assert {int(row["sid"][-1]) for row in rooms.rows} == found
    assert {int(row["sid"][-1]) for row in sessions.rows} == found
    assert rooms.total == sessions.total == len(found)


async def test_all_rows_come_in_portions(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.store.history.MAX_PAGE_SIZE", 3)
    assert [row["sid"] async for row in history.all("sessions", HistoryFilter())] == [
        f"PA_{n}" for n in range(9, -1, -1)
    ]


async def test_the_csv_of_either_database_is_the_same(history: History) -> None:
    rooms = [line async for line in csv_lines(history, "rooms", HistoryFilter(room="100% 0"))]
    assert rooms == [
        "sid,name,started_at,ended_at,end_reason,people\r\n",
        "RM_0,Room 100% 0,2023-11-14T22:13:20.000+00:00,2023-11-14T22:43:20.000+00:00,,1\r\n",
    ]
    sessions = [line async for line in csv_lines(history, "sessions", HistoryFilter())]
    assert [line.split(",")[0] for line in sessions[1:]] == [f"PA_{number}" for number in range(9, -1, -1)]
