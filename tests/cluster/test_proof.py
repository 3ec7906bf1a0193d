"""A cluster as docs/scaling.md has it, from real parts, loses one after the other: who is elsewhere notices nothing.

In each call there are people of the PyPI `livekit` client and people at our page in Chromium, whose pages are connected
to different app processes; others are at home and look at the list of rooms.

Whoever was there is back within 15 s, and afterwards the lists of all processes and the history are complete and true.
What was measured is printed (`pytest -s`); docs/scaling.md tells it.
"""

import asyncio
import itertools
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest
import websockets
from livekit import api
from neighbour import Neighbour, Stay
from pages import Browser, Page, open_browser

from balanced import Balanced, Part, balanced, signalling_by
from balancers import HAProxy
from clusters import ADMIN_TOKEN
from databases import postgres
from ports import port

BACK_WITHIN = 15.0
# At ten pictures a second; on a machine that does much else at the same time, and keeps up.
NOTHING_NOTICED = 2.0
GONE_SECONDS = 10.0
GAP_SECONDS = 300.0
# Of deploy/docker/livekit.yaml, and a ping's.
SIGNALLING_SECONDS = 20.0
HANDSHAKE = '{"protocol":"json","version":1}\x1e'
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


BEHIND_EITHER = pytest.mark.parametrize(
    "whole", ["haproxy", pytest.param("nginx", marks=pytest.mark.slow)], indirect=True
)
BEHIND_HAPROXY = pytest.mark.parametrize("whole", ["haproxy"], indirect=True)


@pytest.fixture(scope="module")
def whole(request: pytest.FixtureRequest) -> Iterator[Balanced]:
    """All of it, behind a balancer. Tests bring back what they took away."""
    with postgres(port(290)) as database:
        url = asyncio.run(database.make_database())
        with balanced(port(210), database, url, balancer=request.param) as made:
            yield made


@dataclass
class Listener:
    """What somebody sees who has the list of rooms open: the hub says when to ask for it."""

    whole: Balanced
    http: httpx.AsyncClient
    rooms: dict[str, int] = field(default_factory=dict)
    lost: int = 0

    async def listen(self) -> None:
        while True:
            with suppress(OSError, httpx.HTTPError, websockets.WebSocketException, KeyError):
                path = f"{self.whole.url}/notificationHub/negotiate?negotiateVersion=1"
                token = (await self.http.post(path)).json()["connectionToken"]
                url = f"{self.whole.url.replace('http', 'ws', 1)}/notificationHub?id={token}"
                async with websockets.connect(url) as socket:
                    await socket.send(HANDSHAKE)
                    await self._ask()
                    while True:
                        if "RoomsUpdated" in str(await socket.recv()):
                            await self._ask()
            self.lost += 1
            await asyncio.sleep(0.3)

    async def _ask(self) -> None:
        answer = await self.http.get(f"{self.whole.url}/api/video/rooms")
        self.rooms = {room["name"]: room["participantCount"] for room in answer.json()}


@dataclass
class Town:
    """Two calls, each on a node of its own, and who listens.

    Attributes:
        whole: the cluster.
        http: for what is asked.
        listener: of the hub.
        browser: with the pages.
        calls: the people in both rooms; the first call is on the first node.
        others: who came later.
        pages: who is in both rooms at our page, signalling by the first node and by the second.
        at_home: pages with the list of rooms.
        began: of what is measured, on the monotonic clock.
    """

    whole: Balanced
    http: httpx.AsyncClient
    listener: Listener
    browser: Browser
    calls: list[list[Neighbour]] = field(default_factory=list)
    others: list[Neighbour] = field(default_factory=list)
    pages: list[list[Page]] = field(default_factory=list)
    at_home: list[Page] = field(default_factory=list)
    began: float = 0.0

    @property
    def everybody(self) -> list[Neighbour | Page]:
        return [*itertools.chain(*self.calls, *self.pages), *self.others]

    @property
    def all_pages(self) -> list[Page]:
        return [page for page in [*itertools.chain(*self.pages), *self.at_home] if not page.left]

    def room(self, number: int) -> str:
        return self.calls[number][0].room_name

    async def make_room(self, node: Part, *, empty_timeout: int = 300) -> str:
        name = f"room-{uuid4().hex[:8]}"
        server = node.server
        async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as client:
            request = api.CreateRoomRequest(name=name, node_id=node.node_id)
            request.empty_timeout, request.departure_timeout = empty_timeout, 20
            await client.room.create_room(request)
        return name

    async def enter(self, identity: str, room: str, *, signalling: int) -> Neighbour:
        """Somebody comes in by any app process, and connects by that node as long as it lives."""

        async def ask(who: Neighbour) -> tuple[str, str]:
            params = {"identity": who.identity, "name": who.identity.title(), "room": room}
            answer = (await self.http.get(f"{self.whole.url}/api/video/token", params=params)).raise_for_status()
            return signalling_by(answer.json()["url"], signalling), answer.json()["token"]

        person = Neighbour(identity, room, ask)
        await person.enter()
        return person

    async def open_page(self, name: str, app: int, room: str = "", *, signalling: int = 0) -> Page:
        """Somebody comes to the page by that app process, and in a room connects by that node as long as it lives."""
        page = Page(self.browser, name, room)
        url = self.whole.livekit_url
        detour = (url, signalling_by(url, signalling)) if signalling else None
        await page.open(await asyncio.to_thread(self.whole.page_by, app), len(self.all_pages), detour=detour)
        return page

    def begin(self) -> None:
        """From here on nobody misses anything."""
        self.began = time.monotonic()

    async def noticed_nothing(self, *people: Neighbour, but: str = "") -> float:
        """Says that pictures came all the time, and no connection was lost; returns the longest pause."""
        now = time.monotonic()
        pauses = [each.longest_pause(self.began, now) for each in people]
        allowed = await self.browser.paced(NOTHING_NOTICED, self.began)
        assert max(pauses) < allowed, f"{[each.identity for each in people]} saw nothing for {pauses} s"
        for each in people:
            assert not [name for name in each.told_since(self.began) if name not in but], each.told
        return max(pauses)

    async def pages_noticed_nothing(self, *pages: Page) -> float:
        """The same of people at our page, who saw each of those who were there all the time."""
        now = time.monotonic()
        await asyncio.gather(*(page.look(self.began) for page in pages))
        pauses = {page.name: page.longest_pause(self.others_of(page), self.began, now) for page in pages}
        allowed = await self.browser.paced(NOTHING_NOTICED, self.began)
        assert max(pauses.values()) < allowed, f"in seconds, they did not see somebody for: {pauses}"
        for page in pages:
            assert not page.told, f"{page.name} was told {page.told}"
        return max(pauses.values())

    def others_of(self, page: Page) -> list[str]:
        """Who is in a page's room, and has been since what is measured began."""
        people = [*itertools.chain(*self.calls, *self.pages)]
        return [
            each.identity for each in people if each.room_name == page.room_name and each is not page and not each.left
        ]

    async def counts_shown(self, number: int) -> set[int]:
        """How many were in a call by what pages showed from the beginning on."""
        await asyncio.gather(*(page.look(self.began) for page in self.all_pages))
        room = self.room(number)
        return {counts.get(room, 0) for page in self.all_pages for _, counts in page.lists}

    async def pages_show(self, wanted: dict[str, int], within: float) -> float:
        """Waits until every page lists so many people in these rooms; returns how long that was after `began`."""
        asking = (page.shows(wanted, self.began, within) for page in self.all_pages)
        return max(await asyncio.gather(*asking))

    async def lists_are_true(self, within: float) -> float:
        """Waits until every process, and who listens to the hub, knows how many are where; returns how long it took."""
        began = time.monotonic()
        wanted = {
            people[0].room_name: sum(
                1 for each in self.everybody if each.room_name == people[0].room_name and not each.left
            )
            for people in self.calls
        }
        found: list[dict[str, int]] = []
        while time.monotonic() - began < within:
            await asyncio.gather(*(page.look(self.began) for page in self.all_pages))
            seen = [self.listener.rooms, *(page.lists[-1][1] if page.lists else {} for page in self.all_pages)]
            found = [{name: count for name, count in rooms.items() if count} for rooms in seen]
            for app in self.whole.apps:
                with suppress(httpx.HTTPError):
                    listed = (await self.http.get(f"{app.server.http_url}/api/video/rooms")).json()
                    found.append(
                        {room["name"]: room["participantCount"] for room in listed if room["participantCount"]}
                    )
            if all(each == {name: count for name, count in wanted.items() if count} for each in found) and len(
                found
            ) == len(seen) + len(self.whole.apps):
                return time.monotonic() - began
            await asyncio.sleep(0.1)
        raise AssertionError(
            f"after {within} s there are {wanted}; the hub's listener, pages and processes say {found}"
        )

    async def rows(self, kind: str, room: str) -> list[dict[str, Any]]:
        path = f"{self.whole.url}/api/admin/history/{kind}"
        return (await self.http.get(path, params={"room": room}, headers=ADMIN)).raise_for_status().json()["rows"]

    async def history_is_true(self, within: float = 20.0) -> None:
        """Waits until the history tells of each stay once, of its beginning to two seconds, and of its end."""
        deadline = time.monotonic() + within
        while True:
            wrong = await self._wrong_in_history()
            if not wrong:
                return
            assert time.monotonic() < deadline, "\n".join(wrong)
            await asyncio.sleep(0.5)

    async def know_new_sessions(self) -> None:
        """After a full reconnect this client does not know its new id: the cluster does."""
        server = self.whole.nodes[1].server
        async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as client:
            for person in self.everybody:
                if person.left:
                    continue
                request = api.RoomParticipantIdentity(room=person.room_name, identity=person.identity)
                found = await client.room.get_participant(request)
                if found.sid not in {stay.sid for stay in person.stays}:
                    person.stays.append(Stay(person.identity, found.sid, found.joined_at_ms))

    async def _wrong_in_history(self) -> list[str]:
        await self.know_new_sessions()
        wrong: list[str] = []
        for room in {each.room_name for each in self.everybody}:
            people = [each for each in self.everybody if each.room_name == room]
            rows = {row["sid"]: row for row in await self.rows("sessions", room)}
            here = {each.stays[-1].sid for each in people if not each.left}
            wrong += [
                f"open, and nobody's: {row}" for sid, row in rows.items() if not row["endedAt"] and sid not in here
            ]
            for person in people:
                for stay in person.stays:
                    row = rows.get(stay.sid)
                    if row is None or row["identity"] != person.identity:
                        wrong.append(f"{stay} is missing: {row}")
                    elif abs(row["startedAt"] - stay.came) > 2_000:
                        wrong.append(f"{stay} began at another time: {row}")
                    elif stay.sid in here and row["endedAt"]:
                        wrong.append(f"{stay} has not ended: {row}")
            tracks = await self.rows("tracks", room)
            is_open = {row["sessionSid"] for row in tracks if not row["endedAt"]}
            if is_open != here:
                wrong.append(f"pictures in {room} are of {is_open}, and should be of {here}")
            lives = [row for row in await self.rows("rooms", room) if not row["endedAt"]]
            if len(lives) != bool(here):
                wrong.append(f"{room} lives {len(lives)} times with {len(here)} people: {lives}")
        return wrong

    async def end_rooms(self) -> None:
        """Nobody is there any more; so the tests need not wait until they end by themselves."""
        server = self.whole.nodes[1].server
        async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as client:
            for room in {each.room_name for each in self.everybody}:
                with suppress(api.ServerError):
                    await client.room.delete_room(api.DeleteRoomRequest(room=room))

    async def all_leave(self) -> None:
        await asyncio.gather(*(each.leave() for each in self.everybody if not each.left))


@pytest.fixture
async def town(whole: Balanced) -> AsyncIterator[Town]:
    """On each node a call of four, who hear of each other by either node and app process."""
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(open_browser())
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=10))
        listener = Listener(whole, http)
        listening = asyncio.create_task(listener.listen())
        stack.callback(listening.cancel)
        town = Town(whole, http, listener, browser)
        for number, node in enumerate(whole.nodes):
            room = await town.make_room(node)
            town.calls.append([])
            for signalling in (1, 2):
                town.calls[-1].append(await town.enter(f"{'ab'[number]}{signalling}", room, signalling=signalling))
            town.pages.append([])
            for signalling in (1, 2):
                name = f"page {'ab'[number]}{signalling}"
                # By the one process and the other node.
                town.pages[-1].append(await town.open_page(name, 2 - signalling, room, signalling=signalling))
        town.at_home = [await town.open_page(f"home {app + 1}", app) for app in range(2)]
        now = time.monotonic()
        await asyncio.gather(*(each.sees(now, within=30) for each in itertools.chain(*town.calls)))
        await asyncio.gather(*(page.sees(town.others_of(page), now, 30) for page in itertools.chain(*town.pages)))
        await town.lists_are_true(within=30)
        await town.know_new_sessions()
        town.begin()
        try:
            yield town
        finally:
            await asyncio.to_thread(whole.mend)
            await town.all_leave()
        await town.end_rooms()
        await town.lists_are_true(within=30)
        await town.history_is_true()


async def until(condition: Callable[[], Awaitable[bool]], within: float) -> float:
    began = time.monotonic()
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - of HTTP
            await asyncio.sleep(0.1)
    return time.monotonic() - began


@BEHIND_EITHER
async def test_an_app_process_dies_and_comes_back(whole: Balanced, town: Town) -> None:
    dead, living = whole.apps
    await asyncio.to_thread(dead.kill)
    late = await town.enter("late", town.calls[0][0].room_name, signalling=2)
    town.others.append(late)
    took = time.monotonic() - town.began

    async def is_listed() -> bool:
        listed = (await town.http.get(f"{living.server.http_url}/api/video/rooms")).json()
        return any(room["name"] == late.room_name and room["participantCount"] == 5 for room in listed)

    await until(is_listed, within=5)
    seen = await town.pages_show({late.room_name: 5}, within=BACK_WITHIN)
    await asyncio.to_thread(dead.start)
    listed = await town.lists_are_true(within=BACK_WITHIN)
    pause = await town.noticed_nothing(*town.calls[0], *town.calls[1])
    pause_of_pages = await town.pages_noticed_nothing(*town.pages[0], *town.pages[1])
    assert await town.counts_shown(0) == {4, 5}
    assert await town.counts_shown(1) == {4}
    await town.history_is_true()
    print(
        f"\napp: entered {took:.1f} s after its death; all pages show it after {seen:.1f} s; "
        f"lists true {listed:.1f} s after its start; pause {pause:.1f} s, at pages {pause_of_pages:.1f} s"
    )


@pytest.mark.slow
@pytest.mark.timeout(240)
@BEHIND_EITHER
async def test_a_livekit_node_dies_with_a_room_on_it(whole: Balanced, town: Town) -> None:
    here, there = town.calls
    # Of these two nobody tells the cluster that they have gone.
    lost = await town.enter("lost", here[0].room_name, signalling=1)
    alone = await town.enter("alone", await town.make_room(whole.nodes[0], empty_timeout=20), signalling=1)
    # Into this one nobody ever comes back: no node looks after it.
    forsaken = await town.make_room(whole.nodes[0])
    town.others += [lost, alone]
    town.begin()
    await asyncio.to_thread(whole.nodes[0].kill)
    died = time.monotonic()
    leaving = asyncio.gather(lost.leave(), alone.leave())
    pages, pages_there = town.pages
    back = await asyncio.gather(*(each.is_back(died, within=BACK_WITHIN + SIGNALLING_SECONDS) for each in here))
    # By the living node nothing was lost but media: this client waits until that is called failed. Our page does not.
    assert back[0] < BACK_WITHIN
    # Somebody sees the others when these are back, too: so both pages are looked at when all are.
    now = time.monotonic()
    await asyncio.gather(*(page.sees(town.others_of(page), now, within=BACK_WITHIN) for page in pages))
    await asyncio.gather(*(page.look(died) for page in pages))
    pages_back = [
        page.is_back(other.identity, died, time.monotonic()) for page, other in zip(pages, reversed(pages), strict=True)
    ]
    assert max(pages_back) < BACK_WITHIN
    await leaving
    # Who had its media there, and its signalling here, has signalling anew, and media all the time.
    by_dead, by_living = there
    pause = await town.noticed_nothing(by_living)
    renewed = await town.noticed_nothing(by_dead, but="reconnecting reconnected")
    assert by_dead.told_since(town.began) == ["reconnecting", "reconnected"]
    # Our page does not trouble anybody with that.
    pause_of_pages = await town.pages_noticed_nothing(*pages_there)
    await town.lists_are_true(within=60)

    async def is_forgotten() -> bool:
        lists = [(await town.http.get(f"{app.server.http_url}/api/video/rooms")).json() for app in whole.apps]
        return not any(room["name"] == forsaken for rooms in lists for room in rooms)

    await until(is_forgotten, within=60)
    listed = time.monotonic() - died
    assert await town.counts_shown(1) == {4}
    await asyncio.to_thread(whole.nodes[0].start)
    await town.history_is_true(within=30)
    print(
        f"\nnode: back after {back[0]:.1f} s, by the living node {back[1]:.1f} s; pages see each other again after "
        f"{pages_back[0]:.1f} s, by the living node {pages_back[1]:.1f} s; pause elsewhere "
        f"{max(pause, renewed):.1f} s, at pages {pause_of_pages:.1f} s; "
        f"who never came back is out of the lists after {listed:.1f} s"
    )


@pytest.mark.slow
@BEHIND_HAPROXY
@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_redis_is_gone_for_ten_seconds(whole: Balanced, town: Town, how: str) -> None:
    # Killed, the harder truth: all who listen to it have to find it again, and what it knew has to be on disk. Stopped:
    # whoever asks it hangs.
    redis = whole.redis
    if how == "killed":
        await asyncio.to_thread(redis.kill)
    else:
        assert redis.process is not None
        redis.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(GONE_SECONDS)
    if how == "killed":
        await asyncio.to_thread(redis.start)
    else:
        assert redis.process is not None
        redis.process.send_signal(signal.SIGCONT)
    back = time.monotonic()

    async def comes_in() -> bool:
        with suppress(Exception):
            town.others.append(await town.enter("late", town.calls[0][0].room_name, signalling=2))
        return bool(town.others)

    await until(comes_in, within=BACK_WITHIN)
    took = time.monotonic() - back
    await town.others[0].sees(back, within=BACK_WITHIN)
    listed = await town.lists_are_true(within=BACK_WITHIN)
    pause = await town.noticed_nothing(*town.calls[0], *town.calls[1])
    pause_of_pages = await town.pages_noticed_nothing(*town.pages[0], *town.pages[1])
    assert await town.counts_shown(0) == {4, 5}
    assert await town.counts_shown(1) == {4}
    await town.history_is_true()
    print(
        f"\nredis {how}: entered {took:.1f} s after its return; lists true {listed:.1f} s later; "
        f"pause {pause:.1f} s, at pages {pause_of_pages:.1f} s"
    )


@pytest.mark.slow
@BEHIND_HAPROXY
async def test_postgresql_is_gone_for_ten_seconds(whole: Balanced, town: Town) -> None:
    await asyncio.to_thread(whole.postgres.stop)
    stopped = time.monotonic()
    late = await town.enter("late", town.calls[0][0].room_name, signalling=1)
    town.others.append(late)
    took = time.monotonic() - stopped
    assert took < 5
    guest = await town.enter("guest", town.calls[1][0].room_name, signalling=1)
    town.others.append(guest)
    await guest.leave()
    await town.lists_are_true(within=5)
    await asyncio.sleep(max(0.0, stopped + GONE_SECONDS - time.monotonic()))
    await asyncio.to_thread(whole.postgres.start)
    back = time.monotonic()
    await town.history_is_true(within=BACK_WITHIN)
    complete = time.monotonic() - back
    pause = await town.noticed_nothing(*town.calls[0], *town.calls[1], but="participant_disconnected")
    pause_of_pages = await town.pages_noticed_nothing(*town.pages[0], *town.pages[1])
    assert await town.counts_shown(0) == {4, 5}
    assert await town.counts_shown(1) <= {4, 5}
    print(
        f"\npostgresql: entered in {took:.1f} s without it; history complete {complete:.1f} s after its return; "
        f"pause {pause:.1f} s, at pages {pause_of_pages:.1f} s"
    )


@pytest.mark.slow
@BEHIND_HAPROXY
@pytest.mark.parametrize("seconds", [12.0, pytest.param(GAP_SECONDS, marks=pytest.mark.timeout(500))])
async def test_webhooks_do_not_come_for_a_while(whole: Balanced, town: Town, seconds: float) -> None:
    began = time.monotonic()
    # The cluster is asked every ten seconds, or less often where that takes long, and twice about who has left.
    assert isinstance(whole.balancer, HAProxy)
    with whole.balancer.webhooks_held_back():
        late = await town.enter("late", town.calls[0][0].room_name, signalling=1)
        town.others.append(late)
        listed = await town.lists_are_true(within=2 * BACK_WITHIN)
        going = town.calls[1][1]
        await going.leave()
        listed_again = await town.lists_are_true(within=2 * BACK_WITHIN)
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
    pause = await town.noticed_nothing(*town.calls[0])
    pause_of_pages = await town.pages_noticed_nothing(*town.pages[0], *town.pages[1])
    assert await town.counts_shown(0) == {4, 5}
    assert await town.counts_shown(1) == {4, 3}
    await town.history_is_true(within=30)
    print(
        f"\nwebhooks, {seconds:.0f} s: who came was listed after {listed:.1f} s, "
        f"who left after {listed_again:.1f} s; pause {pause:.1f} s, at pages {pause_of_pages:.1f} s"
    )
