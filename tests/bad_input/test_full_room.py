"""A room with no place left."""

from collections.abc import Iterator

import pytest
from wire import joined, refusal

from ports import port
from servers import PEER, MediaServer, livekit_server, visavis_server

ours = pytest.mark.skipif(bool(PEER), reason="livekit-server tells it after the upgrade")


@pytest.fixture(scope="module")
def small() -> Iterator[MediaServer]:
    """A server whose rooms have three places."""
    start = livekit_server if PEER else visavis_server
    with start(port(460), max_participants=3) as server:
        yield server


@ours
async def test_one_too_many_is_refused_with_a_reason_and_the_others_stay(small: MediaServer, room: str) -> None:
    async with joined(small, "a", room) as a, joined(small, "b", room) as b:
        async with joined(small, "c", room):
            for _ in range(20):
                status, text = await refusal(small, small.token("d", room))
                assert status == 403
                assert "full" in text
            await a.answers_pings()
            await b.answers_pings()
        await a.until("update")
        async with joined(small, "elsewhere", f"{room}-2") as elsewhere:
            await elsewhere.answers_pings()
