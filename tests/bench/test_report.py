"""The page that the benchmarks write."""

from report import markdown

MACHINE = {
    "date": "2026-01-01T00:00:00Z",
    "commit": "0123456789abcdef",
    "livekit_server": "1.13.5",
    "cpu": "a processor",
    "cores": 2,
    "kernel": "6.1",
    "server_cores": [0],
    "load_cores": [1],
    "load_average": [0.5, 0, 0],
}


def _results(ours, theirs, failed=()):
    runs = {
        "visavis": [{"round": turn, "cpu_us_per_packet": value} for turn, value in ours],
        "livekit-server": [{"round": turn, "cpu_us_per_packet": value} for turn, value in theirs],
    }
    load = {"title": "1 video → 150", "runs": runs, "failed": list(failed)}
    bare = [{"sendmmsg": 4000.0, "gso_3": 2000.0, "gso_9": 1000.0}]
    return {"machine": MACHINE, "rounds": 2, "quick": False, "bare": bare, "loads": {"video-150": load}}


def test_targets_are_judged_by_the_median_ratio():
    page = markdown(_results([(0, 4.0), (1, 6.0)], [(0, 20.0), (1, 20.0)]))
    assert "| CPU per forwarded packet, one video to 150 | ≤ 0.25 | 0.25 (0.20–0.30) | yes |" in page


def test_the_bare_forwarder_is_a_target_of_its_own():
    page = markdown(_results([(0, 5.0)], [(0, 20.0)]))
    assert "without GSO, 4.0 µs | ≤ 1.50 | 1.25 (1.25–1.25) | yes |" in page
    assert "runs of 9 by GSO, 1.0 µs | ≤ 1.50 | 5.00 (5.00–5.00) | no |" in page


def test_only_rounds_that_both_finished_are_compared():
    page = markdown(_results([(1, 5.0)], [(0, 1.0), (1, 20.0)]))
    assert "0.25 (0.25–0.25) | yes" in page


def test_what_failed_is_told_and_nothing_is_made_up():
    failed = [{"server": "livekit-server", "round": 0, "why": "participant 3 is not connected"}]
    page = markdown(_results([(0, 5.0)], [], failed))
    assert "- livekit-server, round 1: participant 3 is not connected" in page
    assert "one video to 150 | ≤ 0.25 | not measured" in page


def test_the_python_that_was_measured_is_told_with_its_speed():
    results = _results([(0, 5.0)], [(0, 20.0)])
    assert "Python" not in markdown(results)
    results["machine"] = MACHINE | {"python": "3.11.2", "python_loop_seconds": 0.342}
    assert "Python 3.11.2, ten million turns of a loop 0.34 s. " in markdown(results)


def test_what_is_least_at_a_loads_pace_stands_beside_both_servers():
    results = _results([(0, 5.0)], [(0, 20.0)])
    assert "at a load's pace" not in markdown(results)
    results["bare"] = [turn | {"video-150": 2500.0, "voice-100": 1.0} for turn in results["bare"]]
    page = markdown(results)
    assert "| 1 video → 150 | 2.5 µs | 2.00 | 0.12 |" in page
    assert "1 voice" not in page
