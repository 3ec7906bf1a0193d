"""The way out: in order, bounded, and never waiting."""

import asyncio

import pytest

from visavis.signalling.outlet import NORMAL, TRY_AGAIN_LATER, Outlet


async def test_frames_go_out_in_order_and_before_the_close():
    outlet, sent = Outlet(), []

    async def send(frame):
        sent.append(frame)

    outlet.send(b"1")
    outlet.send(b"2")
    outlet.close()
    outlet.send(b"3")
    assert await outlet.pump(send) == NORMAL
    assert sent == [b"1", b"2"]


async def test_a_waiting_pump_wakes_for_each_frame():
    outlet, arrived = Outlet(), asyncio.Queue()
    pump = asyncio.create_task(outlet.pump(arrived.put))
    for frame in (b"1", b"2"):
        outlet.send(frame)
        async with asyncio.timeout(5):
            assert await arrived.get() == frame
    outlet.close()
    async with asyncio.timeout(5):
        assert await pump == NORMAL


@pytest.mark.parametrize("limits", [{"max_bytes": 10}, {"max_frames": 2}])
async def test_who_does_not_read_is_cut_off(limits):
    outlet = Outlet(**limits)
    for _ in range(3):
        outlet.send(b"four")
    assert outlet.is_closed
    assert outlet.take() == []
    assert await outlet.pump(lambda _: pytest.fail("nothing is sent")) == TRY_AGAIN_LATER
