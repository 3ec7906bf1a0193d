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


class Attached:
    """A socket whose client reads nothing."""

    def __init__(self) -> None:
        self.written = []

    def write(self, frame):
        self.written.append(frame)

    def unsent(self):
        return sum(map(len, self.written))


async def test_what_is_attached_gets_what_waited_and_then_all_at_once():
    outlet, attached = Outlet(), Attached()
    outlet.send(b"1")
    outlet.attach(attached)
    outlet.send(b"2")
    assert attached.written == [b"1", b"2"]
    outlet.close()
    outlet.send(b"3")
    assert attached.written == [b"1", b"2"]
    assert await outlet.closed() == NORMAL
    assert not outlet.is_aborted


async def test_who_does_not_read_what_is_attached_is_cut_off():
    outlet, attached = Outlet(max_bytes=10), Attached()
    outlet.attach(attached)
    for _ in range(3):
        outlet.send(b"four")
    assert attached.written == [b"four"] * 2
    assert await outlet.closed() == TRY_AGAIN_LATER
    assert outlet.is_aborted
