"""The history of a running server, as its operator sees it."""

import asyncio
import time
from collections.abc import Callable

import httpx

from servers import MediaServer

TOKEN = "a token of the tests"
Rows = list[dict[str, object]]


async def history_of(server: MediaServer, kind: str) -> Rows:
    async with httpx.AsyncClient(base_url=server.http_url, headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        answer = await http.get(f"/api/admin/history/{kind}?limit=500")
        assert answer.status_code == 200, answer.text
        return answer.json()["rows"]


async def until(server: MediaServer, kind: str, holds: Callable[[Rows], bool], within: float = 20.0) -> Rows:
    """Waits until that holds of the history."""
    deadline = time.monotonic() + within
    while not holds(rows := await history_of(server, kind)):
        assert time.monotonic() < deadline, f"the history of {kind} stays {rows}"
        await asyncio.sleep(0.05)
    return rows
