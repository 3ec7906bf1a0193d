"""What a socket waits by does as asyncio's own."""

import asyncio

import pytest

from visavis.waiting import Flag, Unread


@pytest.mark.parametrize("kind", [asyncio.Event, Flag])
async def test_all_who_wait_go_on_when_it_is_set_and_who_comes_later_passes(kind):
    flag = kind()
    waiting = [asyncio.create_task(flag.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    flag.set()
    await asyncio.wait_for(flag.wait(), 5)
    results = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [False, True, False]
    flag.clear()
    assert not flag.is_set()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(flag.wait(), 0.01)


@pytest.mark.parametrize("kind", [asyncio.Queue, Unread])
async def test_items_come_out_in_order_however_they_are_awaited(kind):
    queue, taken = kind(), []

    async def take():
        while len(taken) < 6:
            taken.append(await queue.get())

    given_up = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    given_up.cancel()
    queue.put_nowait(0)
    assert (queue.qsize(), queue.empty()) == (1, False)
    taking = asyncio.create_task(take())
    for item in range(1, 6):
        queue.put_nowait(item)
        await asyncio.sleep(0)
    await asyncio.wait_for(taking, 5)
    assert taken == [0, 1, 2, 3, 4, 5]
    assert queue.empty()
