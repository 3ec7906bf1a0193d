"""What the processes share, asked of a real Redis: what is asked at once goes together, and stays apart."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from ports import port
from servers import RedisServer, redis_server
from visavis.backend.livekit.shared import Claim
from visavis.backend.livekit.shared_redis import RedisShared
from visavis.errors import VisavisError


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server(port(745)) as server:
        yield server


@pytest.fixture
async def shared(redis: RedisServer) -> AsyncIterator[RedisShared]:
    shared = RedisShared(redis.url, f"{uuid4().hex}:")
    yield shared
    await shared.aclose()


async def test_each_of_many_who_ask_at_once_gets_its_own_answer(shared: RedisShared) -> None:
    await asyncio.gather(*(shared.put("given", str(n), str(n).encode(), seconds=60) for n in range(600)))
    found = await asyncio.gather(*(shared.fields("given", [str(n)]) for n in range(600)))
    assert found == [[str(n).encode()] for n in range(600)]


async def test_only_one_of_many_claims_at_once(shared: RedisShared) -> None:
    claims = await asyncio.gather(*(shared.claim("once", seconds=60) for _ in range(50)))
    assert sorted(claims) == [Claim.MINE] + [Claim.SOMEBODYS] * 49


async def test_all_who_change_at_once_are_heeded(shared: RedisShared) -> None:
    def more(found: bytes | None) -> tuple[bytes | None, int]:
        count = int(found or 0) + 1
        return str(count).encode(), count

    counts = await asyncio.gather(*(shared.change("count", more, seconds=60) for _ in range(20)))
    assert sorted(counts) == list(range(1, 21))


async def test_what_redis_refuses_fails_alone(shared: RedisShared) -> None:
    await shared.put("several", "one", b"1", seconds=60)
    answers = await asyncio.gather(
        shared.ask("GET", f"{shared.prefix}several"), shared.fields("several", ["one"]), return_exceptions=True
    )
    assert isinstance(answers[0], VisavisError)
    assert answers[1] == [b"1"]


async def test_one_who_asks_no_more_disturbs_none_of_the_others(shared: RedisShared) -> None:
    asking = [asyncio.create_task(shared.claim(str(n), seconds=60)) for n in range(10)]
    await asyncio.sleep(0)
    asking[3].cancel()
    claims = await asyncio.gather(*asking, return_exceptions=True)
    assert [each for each in claims if each is Claim.MINE] == [Claim.MINE] * 9
