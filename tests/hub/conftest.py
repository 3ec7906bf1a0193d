"""Fixtures of the hub's tests."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from served_hub import Served, serving


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as it:
        yield it


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.origin) as client:
        yield client


@pytest.fixture
def rooms_updated() -> Callable[[bool], dict[str, Any]]:
    return lambda flag: {"type": 1, "target": "RoomsUpdated", "arguments": [flag]}
