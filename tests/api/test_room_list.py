"""The list of rooms is made once for all who ask at about the same time, and is never older than what they know."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.backend.base import Backend, RoomSummary
from visavis.backend.changes import Changes
from visavis.room_list import RoomList


class Rooms:
    """A backend of which only the list is asked, which takes its time."""

    def __init__(self) -> None:
        self.listed: list[RoomSummary] = []
        self.asked = 0
        self.now = 0.0
        self.takes = 0.0
        self.callers = 0
        self.called = asyncio.Condition()
        self._changed = Changes()

    def rooms(self) -> list[RoomSummary]:
        self.asked += 1
        self.now += self.takes
        return list(self.listed)

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        return self._changed.on_change(callback)

    def begin(self, name: str) -> None:
        self.listed.append(RoomSummary(f"RM_{name}", name, 1, 50, ("Ann",)))
        self._changed()


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


@pytest.fixture
async def http(rooms: Rooms) -> AsyncIterator[httpx.AsyncClient]:
    made = RoomList(cast(Backend, rooms), clock=lambda: rooms.now)

    async def answer(request: Request) -> Response:
        async with rooms.called:
            rooms.callers += 1
            rooms.called.notify_all()
        return await made.answer(request)

    app = Starlette(routes=[Route("/rooms", answer)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://video.example") as http:
        yield http


def names(answer: httpx.Response) -> list[str]:
    return [room["name"] for room in answer.json()]


async def test_a_short_list_has_each_change_at_once(rooms: Rooms, http: httpx.AsyncClient) -> None:
    for count in range(3):
        rooms.begin(str(count))
        assert len(names(await http.get("/rooms"))) == count + 1


async def test_a_list_that_takes_long_is_made_once_for_all_who_ask_after_a_change(
    rooms: Rooms, http: httpx.AsyncClient
) -> None:
    rooms.takes = 0.02
    rooms.begin("one")
    await http.get("/rooms")
    rooms.begin("two")
    asking = [asyncio.create_task(http.get("/rooms")) for _ in range(20)]
    async with rooms.called:
        await rooms.called.wait_for(lambda: rooms.callers == 1 + len(asking))
    rooms.begin("three")
    assert {tuple(names(answer)) for answer in await asyncio.gather(*asking)} == {("one", "two", "three")}
    assert rooms.asked == 2


async def test_what_has_not_changed_is_not_made_again(rooms: Rooms, http: httpx.AsyncClient) -> None:
    rooms.takes = 0.02
    rooms.begin("one")
    assert [names(await http.get("/rooms")) for _ in range(3)] == [["one"]] * 3
    assert rooms.asked == 1


async def test_a_change_that_nobody_told_of_is_seen_a_moment_later(rooms: Rooms, http: httpx.AsyncClient) -> None:
    rooms.takes = 0.02
    rooms.begin("one")
    await http.get("/rooms")
    rooms.listed.clear()
    rooms.now += 1.0
    assert names(await http.get("/rooms")) == []


@pytest.mark.parametrize(
    ("coding", "is_compressed"), [("gzip", True), ("gzip, deflate, br", True), ("identity", False), ("gzip;q=0", False)]
)
async def test_a_long_list_is_compressed_for_who_takes_that(
    rooms: Rooms, http: httpx.AsyncClient, coding: str, is_compressed: bool
) -> None:
    for number in range(100):
        rooms.begin(f"room {number}")
    async with http.stream("GET", "/rooms", headers={"accept-encoding": coding}) as answer:
        body = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert (answer.headers.get("content-encoding") == "gzip") == is_compressed
    assert len(json.loads(gzip.decompress(body) if is_compressed else body)) == 100
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_a_room_that_is_not_listed_is_not_there(rooms: Rooms, http: httpx.AsyncClient) -> None:
    hidden: Any = SimpleNamespace(id="RM_x", settings=SimpleNamespace(is_listed=False))
    rooms.listed.append(hidden)
    assert (await http.get("/rooms")).json() == []
