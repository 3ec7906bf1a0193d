"""The history of a running server, as its operator sees it."""

import asyncio
import time
from collections.abc import Callable

import httpx

from servers import MediaServer

TOKEN = "a token of the tests"
Rows = list[dict[str, object]]


class Unreadable(Exception):
    """The database does not answer."""


async def history_of(server: MediaServer, kind: str) -> Rows:
    """All of a kind.

    Raises:
        Unreadable: the server says so.
    """
    async with httpx.AsyncClient(base_url=server.http_url, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        answer = await http.get(f"/api/admin/history/{kind}?limit=500")
        if answer.status_code == 503:
            raise Unreadable(answer.json()["message"])
        assert answer.status_code == 200, answer.text
        return answer.json()["rows"]


async def until(server: MediaServer, kind: str, holds: Callable[[Rows], bool], within: float = 20.0) -> Rows:
    """Waits until that holds of the history."""
    deadline = time.monotonic() + within
    while True:
        found: Rows | Unreadable
        try:
            found = await history_of(server, kind)
            if holds(found):
                return found
        except Unreadable as error:
            found = error
        assert time.monotonic() < deadline, f"the history of {kind} stays {found}"
        await asyncio.sleep(0.05)
