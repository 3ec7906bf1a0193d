"""The arithmetic of the benchmarks."""

import pytest

from figures import Spread, generator_limit, joins, media, percentile, ratio, spread

COUNTS = {
    "seconds": 10.0,
    "expected": 1000,
    "received": 980,
    "repeated": 20,
    "arrived": 1029,
    "delay_us_p50": 500,
    "delay_us_p99": 2500,
    "generator": {"cpu": 0.5, "late_us_p99": 900, "overflow": 0},
}


def test_spread_is_median_and_extremes():
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_percentile_of_one_value_is_that_value():
    assert percentile([7.0], 95) == 7.0


def test_ratio_pairs_neighbouring_runs():
    ours, theirs = [{"x": 1.0}, {"x": 4.0}], [{"x": 2.0}, {"x": 4.0}]
    assert ratio(ours, theirs, "x") == Spread(0.75, 0.5, 1.0)


def test_there_is_no_ratio_to_nothing():
    assert ratio([{"x": 1.0}], [{"x": 0.0}], "x") is None
    assert ratio([{"x": 1.0}], [{}], "x") is None


def test_media_costs_are_per_packet_that_the_server_sent():
    run = media(COUNTS, cpu=0.02, loss=0)
    assert run["cpu_us_per_packet"] == pytest.approx(20)
    assert run["packets_per_second"] == pytest.approx(100)
    assert run["loss"] == pytest.approx(0.02)
    assert run["overhead"] == pytest.approx(0.05)
    assert run["delay_ms_p99"] == 2.5


def test_packets_that_the_generator_throws_away_were_sent():
    assert media(COUNTS, cpu=0.02, loss=0.5)["cpu_us_per_packet"] == pytest.approx(10)


def test_nothing_received_is_no_cost():
    assert media(COUNTS | {"received": 0, "repeated": 0}, cpu=1, loss=0) == {}


def test_joins_tell_of_media_only_where_there_was_some():
    assert "media_ms_p50" not in joins([10.0, 20.0], [], 1.0, 2)
    run = joins([10.0, 20.0], [30.0, 50.0], 1.0, 2)
    assert (run["join_ms_p50"], run["media_ms_p50"], run["cpu_ms_per_join"]) == (15.0, 40.0, 500.0)


@pytest.mark.parametrize(
    ("own", "word"),
    [
        ({"cpu": 0.97, "late_us_p99": 0, "overflow": 0}, "busy"),
        ({"cpu": 0.5, "late_us_p99": 40_000, "overflow": 0}, "late"),
        ({"cpu": 0.5, "late_us_p99": 0, "overflow": 50}, "sockets"),
    ],
)
def test_a_generator_that_is_the_limit_says_so(own, word):
    assert word in (generator_limit(COUNTS | {"generator": own}) or "")


def test_a_generator_that_keeps_up_says_nothing():
    assert generator_limit(COUNTS) is None
