"""The arithmetic: what a run's counts come to, medians with spread, ratios, and whether the generator kept up."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

Run = dict[str, float]
"""What one run of one load on one server gave, by the names of MEASURES."""

MEASURES: dict[str, tuple[str, str]] = {
    "cpu_us_per_packet": ("CPU per forwarded packet", "{:.1f} µs"),
    "packets_per_second": ("packets forwarded per second", "{:,.0f}"),
    "loss": ("never came", "{:.3%}"),
    "overhead": ("packets beyond the media", "{:.2%}"),
    "delay_ms_p50": ("added delay, median", "{:.2f} ms"),
    "delay_ms_p99": ("added delay, 99th percentile", "{:.2f} ms"),
    "cpu_load": ("load of the server's core", "{:.0%}"),
    "kb_per_participant": ("memory per participant", "{:,.0f} kB"),
    "join_ms_p50": ("dial → both connections up, median", "{:.0f} ms"),
    "join_ms_p95": ("dial → both connections up, 95th percentile", "{:.0f} ms"),
    "media_ms_p50": ("dial → first media, median", "{:.0f} ms"),
    "media_ms_p95": ("dial → first media, 95th percentile", "{:.0f} ms"),
    "cpu_ms_per_join": ("CPU per join", "{:.1f} ms"),
    "idle_cpu_ms_per_second": ("CPU per idle participant", "{:.3f} ms/s"),
    "generator_cpu": ("load of the generator's core", "{:.0%}"),
    "generator_late_ms": ("generator late, 99th percentile", "{:.1f} ms"),
}

GENERATOR_CPU = 0.92
"""Of a core; above it the generator is what is measured."""
GENERATOR_LATE_MS = 33.0
"""A frame: what is sent later than that is no longer the load that was asked for. 13 ms were seen on a busy machine."""
GENERATOR_OVERFLOW = 0.0005
"""Share of packets that the generator's own sockets had no room for."""


@dataclass(frozen=True, slots=True)
class Spread:
    """What several runs gave."""

    middle: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Median, least and most."""
    return Spread(median(values), min(values), max(values))


def percentile(values: Sequence[float], percent: int) -> float:
    """Of at least one value."""
    return values[0] if len(values) == 1 else quantiles(values, n=100, method="inclusive")[percent - 1]


def ratio(ours: Sequence[Run], theirs: Sequence[Run], measure: str) -> Spread | None:
    """Ratios of neighbouring runs; None where theirs was nothing or a run is missing."""
    pairs = [(a[measure], b[measure]) for a, b in zip(ours, theirs, strict=False) if measure in a and measure in b]
    return spread([a / b for a, b in pairs]) if pairs and all(b > 0 for _, b in pairs) else None


def generator_limit(measured: dict[str, Any]) -> str | None:
    """Why the generator, and not the server, was measured; None when it kept up."""
    own = measured["generator"]
    if own["cpu"] > GENERATOR_CPU:
        return f"the generator's core was busy {own['cpu']:.0%} of the time"
    if (late := (own["late_us_p99"] or 0) / 1e3) > GENERATOR_LATE_MS:
        return f"the generator sent {late:.0f} ms late (99th percentile), its core {own['cpu']:.0%} busy"
    if own["overflow"] > GENERATOR_OVERFLOW * max(measured["received"], 1):
        return f"the generator's sockets lost {own['overflow']} packets"
    return None


def media(measured: dict[str, Any], cpu: float, loss: float) -> Run:
    """Of counts of media or data; `loss` is the share that the generator threw away, which the server had sent."""
    forwarded = (measured["received"] + measured["repeated"]) / (1 - loss)
    seconds = measured["seconds"]
    if not forwarded:
        return {}
    run = {
        "cpu_us_per_packet": cpu * 1e6 / forwarded,
        "packets_per_second": forwarded / seconds,
        "loss": max(0.0, 1 - measured["received"] / measured["expected"]),
        "delay_ms_p50": measured["delay_us_p50"] / 1e3,
        "delay_ms_p99": measured["delay_us_p99"] / 1e3,
        "cpu_load": cpu / seconds,
    }
    if measured["arrived"]:
        run["overhead"] = max(0.0, measured["arrived"] * (1 - loss) / measured["received"] - 1)
    return run


def joins(milliseconds: Sequence[float], media_milliseconds: Sequence[float], cpu: float, participants: int) -> Run:
    """Of all joins of a load."""
    run = {
        "cpu_ms_per_join": cpu * 1e3 / participants,
        "join_ms_p50": percentile(milliseconds, 50),
        "join_ms_p95": percentile(milliseconds, 95),
    }
    if media_milliseconds:
        run["media_ms_p50"] = percentile(media_milliseconds, 50)
        run["media_ms_p95"] = percentile(media_milliseconds, 95)
    return run
