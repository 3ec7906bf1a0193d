"""Engines of one's own."""

from collections.abc import Iterator
from typing import Any

import pytest
from sfu_engines import LOOPBACK, MakeEngine

from visavis import _sfu


@pytest.fixture
def make_engine() -> Iterator[MakeEngine]:
    """Starts engines on loopback, on ports that are free: ``engine = make_engine(workers=2)``."""
    engines: list[_sfu.Engine] = []

    def make(**settings: Any) -> _sfu.Engine:
        settings.setdefault("udp", [(LOOPBACK, 0)])
        settings.setdefault("tcp", [(LOOPBACK, 0)])
        settings.setdefault("node_ips", [LOOPBACK])
        engine = _sfu.Engine(**settings)
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(make_engine: MakeEngine) -> _sfu.Engine:
    return make_engine()
