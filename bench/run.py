"""Measures our server beside livekit-server: CPU per forwarded packet, memory per participant, time to join.

Prints one table; `--json FILE` keeps every run. The method is in README.md.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import processes
from processes import BenchError, Server
from rich.console import Console
from rich.table import Table

Run = dict[str, float]
"""What one run of one case on one server gave, by the names of METRICS."""

SERVERS: dict[str, Callable[[int], AbstractContextManager[Server]]] = {
    "visavis": processes.visavis,
    "livekit-server": processes.livekit,
}
FIRST_PORT = 17880
CONSOLE = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured."""

    rounds: int
    seconds: float
    warmup: float
    subscribers: int
    participants: int


NORMAL = Options(rounds=3, seconds=15, warmup=4, subscribers=50, participants=200)
QUICK = Options(rounds=1, seconds=5, warmup=2, subscribers=50, participants=100)

METRICS: dict[str, tuple[str, str]] = {
    "cpu_us_per_packet": ("CPU per forwarded packet", "{:.1f} µs"),
    "packets_per_second": ("packets forwarded per second", "{:,.0f}"),
    "loss": ("loss", "{:.3%}"),
    "repeated": ("packets sent twice", "{:.3%}"),
    "keyframes": ("keyframes asked for while steady", "{:.0f}"),
    "cpu_load": ("load of the server's core", "{:.0%}"),
    "kb_per_participant": ("memory per participant", "{:,.0f} kB"),
    "join_ms_median": ("join, median", "{:.1f} ms"),
    "join_ms_p95": ("join, 95th percentile", "{:.1f} ms"),
    "cpu_ms_per_join": ("CPU per join", "{:.1f} ms"),
    "idle_cpu_ms_per_second": ("CPU per idle participant", "{:.2f} ms/s"),
}


def forward(server: Server, options: Options) -> Run:
    """One publisher with video and voice to all subscribers."""
    arguments = [f"-subscribers={options.subscribers}", f"-duration={options.seconds}s", f"-warmup={options.warmup}s"]
    idle_kb = server.memory_kb()
    with processes.load(server, "forward", *arguments) as load:
        load.event("steady")
        before = server.cpu_seconds()
        load.event("over")
        cpu = server.cpu_seconds() - before
        memory_kb = server.memory_kb() - idle_kb
        counts = load.event("measured")
    sent = counts["received"] + counts["repeated"]
    return {
        "cpu_us_per_packet": cpu * 1e6 / sent,
        "packets_per_second": sent / counts["seconds"],
        "loss": 1 - counts["received"] / counts["expected"],
        "repeated": counts["repeated"] / counts["expected"],
        "keyframes": counts["keyframes"],
        "cpu_load": cpu / counts["seconds"],
        "kb_per_participant": memory_kb / (options.subscribers + 1),
    }


def idle(server: Server, options: Options, rooms: int) -> Run:
    """Participants who publish nothing, joining one after another."""
    with processes.load(server, "idle", "-room=warm", "-participants=3") as load:
        load.event("joined")  # what the first join brings into memory is nobody's in particular
    idle_kb, before = server.memory_kb(), server.cpu_seconds()
    with processes.load(server, "idle", f"-participants={options.participants}", f"-rooms={rooms}") as load:
        latencies: list[float] = load.event("joined")["join_ms"]
        joined = server.cpu_seconds()
        time.sleep(options.warmup)  # what joins leave behind is given back
        settled = server.cpu_seconds()
        time.sleep(options.seconds)
        idle_cpu = server.cpu_seconds() - settled
        memory_kb = server.memory_kb() - idle_kb
    return {
        "kb_per_participant": memory_kb / options.participants,
        "join_ms_median": median(latencies),
        "join_ms_p95": quantiles(latencies, n=20)[-1],
        "cpu_ms_per_join": (joined - before) * 1e3 / options.participants,
        "idle_cpu_ms_per_second": idle_cpu * 1e3 / options.participants / options.seconds,
    }


def cases(options: Options, chosen: str) -> dict[str, Callable[[Server, Options], Run]]:
    """What is measured, by its title."""
    everything: dict[str, dict[str, Callable[[Server, Options], Run]]] = {
        "forward": {f"1 publisher → {options.subscribers} subscribers": forward},
        "idle": {
            f"{options.participants} idle in one room": lambda server, options: idle(server, options, 1),
            f"{options.participants} idle in 10 rooms": lambda server, options: idle(server, options, 10),
        },
    }
    return {
        title: case for name, group in everything.items() if chosen in (name, "all") for title, case in group.items()
    }


def measure(options: Options, chosen: str, names: list[str]) -> dict[str, dict[str, list[Run]]]:
    """Every case on every server, one server at a time, taking turns so that a busy machine treats them alike."""
    ports = count(FIRST_PORT, 10)
    results: dict[str, dict[str, list[Run]]] = {}
    for title, case in cases(options, chosen).items():
        results[title] = {name: [] for name in names}
        for turn in range(options.rounds):
            for name in names:
                with (
                    CONSOLE.status(f"{title}: {name}, {turn + 1} of {options.rounds}"),
                    SERVERS[name](next(ports)) as server,
                ):
                    run = case(server, options)
                results[title][name].append(run)
                first, value = next(iter(run.items()))
                CONSOLE.print(f"{title}: {name}, {METRICS[first][0]} {METRICS[first][1].format(value)}", style="dim")
    return results


def ratio(ours: list[Run], theirs: list[Run], metric: str) -> float | None:
    """The median of the ratios of neighbouring runs; None where theirs was nothing."""
    pairs = [(a[metric], b[metric]) for a, b in zip(ours, theirs, strict=True)]
    return median(a / b for a, b in pairs) if all(b > 0 for _, b in pairs) else None


def table(results: dict[str, dict[str, list[Run]]], names: list[str]) -> Table:
    """Medians of all runs, and the ratio where both servers ran."""
    result = Table(title="Medians", title_justify="left")
    result.add_column("")
    for name in [*names, *(["ratio"] if len(names) > 1 else [])]:
        result.add_column(name, justify="right", no_wrap=True)
    for title, runs in results.items():
        result.add_section()
        result.add_row(title, style="bold")
        for metric in runs[names[0]][0]:
            label, shape = METRICS[metric]
            row = [shape.format(median(run[metric] for run in runs[name])) for name in names]
            if len(names) > 1:
                quotient = ratio(runs[names[0]], runs[names[1]], metric)
                row.append("" if quotient is None else f"{quotient:.2f}")
            result.add_row("  " + label, *row)
    return result


def machine() -> dict[str, Any]:
    """Where this was measured."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=processes.ROOT, capture_output=True, text=True, check=False
    )
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit.stdout.strip(),
        "livekit_server": processes.LIVEKIT_VERSION,
        "cpu": cpu.partition(":")[2].strip(),
        "kernel": platform.release(),
        "server_cores": processes.SERVER_CORES,
        "load_cores": processes.LOAD_CORES,
        "load_average": os.getloadavg(),
    }


def main() -> int:
    """Measures what the command line names; the status is 1 if that could not be done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("case", nargs="?", choices=["forward", "idle", "all"], default="all")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--only", choices=list(SERVERS), help="leave the other server out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write every run")
    arguments = parser.parse_args()
    options = QUICK if arguments.quick else NORMAL
    names = [arguments.only] if arguments.only else list(SERVERS)
    where = machine()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C does: no server stays behind
    try:
        with CONSOLE.status("building"):
            processes.load_path()
            if "livekit-server" in names:
                processes.livekit_path()
        results = measure(options, arguments.case, names)
    except BenchError as error:
        CONSOLE.print(f"bench: {error}", markup=False)
        return 1
    CONSOLE.print(table(results, names))
    if processes.LOAD_CORES == processes.SERVER_CORES:
        CONSOLE.print("One core: the load generator took time from the servers, so only the ratios tell something.")
    if arguments.json:
        kept = {"machine": where, "options": {k: getattr(options, k) for k in Options.__slots__}, "results": results}
        arguments.json.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
