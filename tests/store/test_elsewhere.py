"""The history of what happens elsewhere, as in a cluster: processes that write it come and go, calls go on."""

from collections.abc import AsyncIterator

import happening
import pytest
from happening import STARTED
from livekit.protocol import models

from visavis.store.found import HistoryFilter
from visavis.store.store import Store

ALL = HistoryFilter()
HOUR = 3_600_000


@pytest.fixture
async def stores(url: str) -> AsyncIterator[list[Store]]:
    """Of two processes in front of one cluster."""
    stores = [Store(url, keep_days=0, owner="the cluster") for _ in range(2)]
    for store in stores:
        store.recorder.start()
    yield stores
    for store in stores:
        await store.aclose(5)


async def test_what_goes_on_elsewhere_stays_open_when_a_process_ends_or_dies(stores: list[Store]) -> None:
    ends, stays = stores
    ends.recorder.happened(happening.room("room_started"))
    ends.recorder.happened(happening.participant("participant_joined"))
    await ends.recorder.flushed()
    await ends.aclose(5)
    await happening.die(stays.recorder)
    stays.recorder.start()
    await stays.recorder.flushed()
    assert [row["ended_at"] for row in (await stays.history.sessions(ALL, limit=10)).rows] == [None]
    assert [row["ended_at"] for row in (await stays.history.rooms(ALL, limit=10)).rows] == [None]


async def test_what_is_not_there_any_more_ended_unheard_and_what_is_heard_later_is_truer(stores: list[Store]) -> None:
    one, another = stores
    one.recorder.happened(happening.room("room_started"))
    one.recorder.happened(happening.room("room_started", "RM_gone", "cellar"))
    for sid in ("PA_there", "PA_gone", "PA_late"):
        one.recorder.happened(happening.participant("participant_joined", sid, sid))
        one.recorder.happened(happening.track("track_published", f"TR_{sid}", sid))
    one.recorder.happened(happening.participant("participant_joined", "PA_new", "new", joined=STARTED + 2 * HOUR))
    await another.recorder.close_absent([], [], STARTED - 1)
    await one.recorder.close_absent(["RM_a"], ["PA_there"], STARTED + HOUR)
    late = happening.participant("participant_left", "PA_late", "late", reason=models.CLIENT_INITIATED)
    another.recorder.happened(late, STARTED + 1000)
    await another.recorder.flushed()

    sessions = {
        row["sid"]: (row["ended_at"], row["end_reason"]) for row in (await one.history.sessions(ALL, limit=9)).rows
    }
    assert sessions == {
        "PA_there": (None, None),
        "PA_new": (None, None),
        "PA_gone": (STARTED + HOUR, "unheard"),
        "PA_late": (STARTED + 1000, "client_initiated"),
    }
    rooms = {row["sid"]: row["end_reason"] for row in (await one.history.rooms(ALL, limit=9)).rows}
    assert rooms == {"RM_a": None, "RM_gone": "unheard"}
    tracks = {row["sid"]: row["ended_at"] for row in (await one.history.tracks(ALL, limit=9)).rows}
    assert tracks["TR_PA_there"] is None
    assert tracks["TR_PA_gone"] is not None
