"""Connection tests: their participants meet, and nobody else hears of them; on both backends."""

import contextlib
import json

from caller import Caller
from hook import Hook
from room_stage import Stage

from clusters import ADMIN_TOKEN
from visavis.checkup import PER_CALLER_AND_MINUTE, PROBES


async def test_its_two_meet_unseen(stage: Stage, hook: Hook) -> None:
    begun = (await stage.call("POST", "/api/video/checkup")).json()
    assert len(begun["probes"]) == PROBES
    sender, hearer = Caller("sender"), Caller("hearer")
    async with contextlib.AsyncExitStack() as stack:
        for caller, token in ((sender, begun["sender"]), (hearer, begun["hearer"])):
            await caller.room.connect(begun["url"], token)
            stack.push_async_callback(caller.room.disconnect)
        await sender.sees(hearer)
        await sender.me.publish_data(json.dumps("there?"), reliable=True, topic="checkup")
        [packet] = await hearer.event("data_received")
        assert json.loads(packet.data) == "there?"
        # Somebody else's room, by which one sees that word of the test would have come by now.
        await stage.enter("maker")
        await stage.until_listed(participantCount=1)
        for _ in stage.video.apps:
            names = [room["name"] for room in (await stage.call("GET", "/api/video/rooms")).json()]
            assert begun["room"] not in names
            rooms = (await stage.call("GET", "/api/admin/rooms", ADMIN_TOKEN)).json()
            assert stage.room in (names := [room["name"] for room in rooms])
            assert begun["room"] not in names
    await stage.by("maker", "DELETE")

    async def told() -> bool:
        return any(event.event == "room_finished" for event in hook.events(stage.room))

    await stage.until(told)
    assert hook.events(begun["room"]) == []

    async def written() -> bool:
        answer = await stage.call("GET", "/api/admin/history/rooms", ADMIN_TOKEN, params={"room": stage.room})
        return any(row["endedAt"] is not None for row in answer.json()["rows"])

    await stage.until(written)
    answer = await stage.call("GET", "/api/admin/history/rooms", ADMIN_TOKEN, params={"room": begun["room"]})
    assert answer.json() == {"rows": [], "total": 0}


async def test_it_says_who_carries_the_media(stage: Stage) -> None:
    assert (await stage.call("POST", "/api/video/checkup")).json()["backend"] == stage.video.name


async def test_an_address_begins_so_many_in_a_minute(stage: Stage) -> None:
    answers = [await stage.call("POST", "/api/video/checkup") for _ in range(PER_CALLER_AND_MINUTE + 1)]
    assert (answers[-1].status_code, answers[-1].json()["error"]) == (429, "too_many_requests")
    assert "wait a minute" in answers[-1].json()["message"]
