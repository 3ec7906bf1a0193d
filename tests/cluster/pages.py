"""Somebody at our page in a real Chromium, in a call or at home, who remembers what the page showed and when.

The pages are tests/browser's own (`pages.ts`), in one browser of a process that does what it is told.
"""

import asyncio
import contextlib
import itertools
import json
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neighbour import Stay

_FOLDER = Path(__file__).parents[1] / "browser"
_LOOKS = ("alice", "bob", "carol", "dave")


class Browser:
    """The process with the pages."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}

    async def do(self, what: str, **parameters: Any) -> Any:
        """Has it do something; returns what it answered."""
        number = next(self._ids)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": what, **parameters}).encode() + b"\n")
        return await answer

    async def paced(self, seconds: float, since: float) -> float:
        """How long something may take that had so many seconds, since then, on a machine that keeps up."""
        return await self.do("pace", ms=seconds * 1000, since=_epoch(since)) / 1000

    async def read(self) -> None:
        """Takes its answers until it has ended."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            answer = self._asked.pop(said["id"])
            if answer.done():
                continue
            if "error" in said:
                answer.set_exception(AssertionError(said["error"]))
            else:
                answer.set_result(said["result"])
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(AssertionError("the browser has ended"))


@contextlib.asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """A browser without pages yet; they are closed with it."""
    node = shutil.which("node")
    assert node, "there is no node: `make setup-test` says where to get it"
    # Lists of a minute's pictures are long lines.
    process = await asyncio.create_subprocess_exec(
        *(node, "--import", "tsx", "pages.ts"),
        cwd=_FOLDER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**26,
    )
    browser = Browser(process)
    reading = asyncio.create_task(browser.read())
    try:
        yield browser
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
        await reading


@dataclass
class Page:
    """One person at a page. Times are of the monotonic clock.

    Attributes:
        browser: where the page is.
        name: of the person.
        room_name: where it is; empty: at home.
        identity: under which others know it in the room.
        stays: each session that the cluster has told of.
        left: when it went, in milliseconds since the epoch; 0: it is there.
        told: notices about its connection, and when.
        seen_at: of each person in the room, when pictures were shown.
        lists: what the list of rooms said, and when.
    """

    browser: Browser
    name: str
    room_name: str = ""
    identity: str = ""
    stays: list[Stay] = field(default_factory=list)
    left: int = 0
    told: list[tuple[str, float]] = field(default_factory=list)
    seen_at: dict[str, list[float]] = field(default_factory=dict)
    lists: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    async def open(self, at: str, number: int, *, detour: tuple[str, str] | None = None) -> None:
        """Comes to the page at an address, and into the room by the list there.

        Args:
            at: where the page is served.
            number: chooses what its camera shows.
            detour: an address of WebSockets, and which to take instead.
        """
        more: dict[str, Any] = {"room": self.room_name} if self.room_name else {}
        if detour is not None:
            more["detour"] = {"from": detour[0], "to": detour[1]}
        looks = _LOOKS[number % len(_LOOKS)]
        self.identity = await self.browser.do("open", name=self.name, at=at, looks=looks, **more)

    async def leave(self) -> None:
        """Goes."""
        self.left = int(time.time() * 1000)
        await self.browser.do("leave", name=self.name)

    async def look(self, since: float) -> None:
        """Learns what the page has shown since then."""
        said = await self.browser.do("told", name=self.name, since=_epoch(since))
        self.told = [(kind, _monotonic(at)) for at, kind in said["notices"]]
        self.lists = [(_monotonic(at), counts) for at, counts in said["lists"]]
        self.seen_at = {who: [_monotonic(at) for at in times] for who, times in said["pictures"].items()}

    async def sees(self, others: list[str], since: float, within: float) -> float:
        """Waits for pictures of these others that are shown later than `since`; returns how long after it."""
        asking = self.browser.do("sees", name=self.name, others=others, since=_epoch(since))
        return _monotonic(await asyncio.wait_for(asking, within)) - since

    async def shows(self, counts: dict[str, int], since: float, within: float) -> float:
        """Waits until the list of rooms says so many are in these rooms; returns how long after `since` that was."""
        asking = self.browser.do("lists", name=self.name, counts=counts, since=_epoch(since))
        return _monotonic(await asyncio.wait_for(asking, within)) - since

    def is_back(self, other: str, since: float, until: float) -> float:
        """Seconds from `since` to the end of the longest pause of somebody's pictures; of what `look` has learnt."""
        times = [since, *(at for at in self.seen_at.get(other, []) if since < at < until), until]
        _, after = max(itertools.pairwise(times), key=lambda pause: pause[1] - pause[0])
        return after - since

    def longest_pause(self, others: list[str], since: float, until: float) -> float:
        """Seconds without a picture of one of these others; of what `look` has learnt."""
        pauses: list[float] = [0.0]
        for who in others:
            times = [since, *(at for at in self.seen_at.get(who, []) if since < at < until), until]
            pauses += [later - earlier for earlier, later in itertools.pairwise(times)]
        return max(pauses)


def _epoch(at: float) -> float:
    return (at - time.monotonic() + time.time()) * 1000


def _monotonic(epoch: float) -> float:
    return epoch / 1000 - time.time() + time.monotonic()
