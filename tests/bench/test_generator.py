"""The load generator and the bare forwarder, small: that what they count is what was sent.

Slow, for both are built first, in release mode as for the benchmarks.
"""

from itertools import count
from math import inf

import pytest

import figures
import processes
import run as bench
from loads import VIDEO, VOICE, Load
from ports import port

pytestmark = pytest.mark.slow

PORTS = count(port(600), 5)
PEOPLE = [{"videos": [VIDEO], "voices": [VOICE]}, *[{"subscribe": True, "expects": 2}] * 3]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch):
    """Counts are to be right on a busy machine, too, where times are not."""
    monkeypatch.setattr(figures, "GENERATOR_LATE_MS", inf)


@pytest.fixture(params=list(bench.SERVERS))
def server(request: pytest.FixtureRequest):
    with bench.SERVERS[request.param](next(PORTS)) as server:
        yield server


@pytest.fixture(params=list(processes.GENERATORS))
def clients(request: pytest.FixtureRequest) -> str:
    return request.param


def test_all_that_was_sent_reaches_every_subscriber(server: bench.Server, clients: str):
    told = bench.run(Load("", PEOPLE), server, 1, clients)
    assert told["loss"] == 0
    # To three: 50 packets of the voice a second, and 1.5 Mbit/s of the video in packets of at most 1200 bytes.
    assert told["packets_per_second"] > 3 * (50 + 1_500_000 / 8 / 1200) * 0.8
    assert 0 < told["delay_ms_p50"] <= told["delay_ms_p99"]


def test_what_is_thrown_away_is_asked_for_again(server: bench.Server):
    told = bench.run(Load("", PEOPLE, loss=0.1), server, 1)
    # Of a tenth: a voice is not asked for again, and is about a fifth of the packets.
    assert 0.005 < told["loss"] < 0.05


def test_a_join_is_timed_until_the_first_media(server: bench.Server, clients: str):
    told = bench.run(Load("", PEOPLE, kind="join", rate=None), server, 0.2, clients)
    assert 0 < told["join_ms_p50"] < told["media_ms_p50"]


def test_the_go_sdk_says_what_it_cannot_load(server: bench.Server):
    with pytest.raises(processes.BenchError, match="has no loss"):
        bench.run(Load("", PEOPLE, loss=0.1), server, 1, "go-sdk")


def test_the_bare_forwarder_gains_by_segments():
    told = bench.bare()
    assert told["gso_9"] < told["gso_3"] < told["sendmmsg"]
