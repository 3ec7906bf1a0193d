"""Measures our server beside livekit-server under the same loads, in turn, and writes what came of it.

The method is in README.md, the loads are in loads.py, the arithmetic is in figures.py, tables and charts in report.py.
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
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console

import figures
import processes
import report
from figures import MEASURES, Run
from loads import Load, chosen
from processes import BenchError, Server

SERVERS: dict[str, Callable[[int], AbstractContextManager[Server]]] = {
    "visavis": processes.visavis,
    "livekit-server": processes.livekit,
}
FIRST_PORT = 13_880
"""Below those that the tests take."""
RESULTS = processes.ROOT / "docs/benchmarks"
CONSOLE = Console(highlight=False)


def plan(load: Load, server: Server, seconds: float) -> dict[str, Any]:
    """What the generator is told."""
    people = [
        {key: value for key, value in person.items() if key != "room"}
        | {"token": processes.token(server, person.get("room", "bench"), f"participant-{index}")}
        for index, person in enumerate(load.participants)
    ]
    return {
        "url": f"ws://127.0.0.1:{server.port}",
        "participants": people,
        "rate": load.rate,
        "loss": load.loss,
        "seed": 1,
        "warmup": load.warmup,
        "duration": seconds,
        "meeting": load.meeting,
    }


def warm(server: Server) -> None:
    """A short call: what the first join brings into memory is nobody's in particular."""
    people = [{"voices": [{"interval_ms": 20, "bytes": 80}], "subscribe": True, "expects": 1, "room": "warm"}] * 2
    with processes.load(plan(Load("", people, warmup=0), server, 0.2)) as generator:
        for event in ("joined", "steady", "over", "measured"):
            generator.event(event)


def run(load: Load, server: Server, seconds: float, clients: str = "str0m") -> Run:
    """One load on one server, once."""
    warm(server)
    idle_kb, begun = server.memory_kb(), server.cpu_seconds()
    participants = len(load.participants)
    with processes.load(plan(load, server, seconds), clients) as generator:
        joined = generator.event("joined")
        join_cpu = server.cpu_seconds() - begun
        steady = generator.event("steady")
        before = server.cpu_seconds()
        generator.event("over")
        cpu = server.cpu_seconds() - before
        memory_kb = server.memory_kb() - idle_kb
        measured = generator.event("measured")
    if why := figures.generator_limit(measured):
        raise BenchError(f"not a measure of the server: {why}")
    result: Run = {}
    if load.kind in ("media", "data"):
        result |= figures.media(measured, cpu, load.loss)
        result["kb_per_participant"] = memory_kb / participants
    else:
        result |= figures.joins(joined["join_ms"], steady["first_media_ms"], join_cpu, participants)
    if load.kind == "idle":
        result["kb_per_participant"] = memory_kb / participants
        result["idle_cpu_ms_per_second"] = cpu * 1e3 / participants / measured["seconds"]
    result["generator_cpu"] = measured["generator"]["cpu"]
    result["generator_late_ms"] = (measured["generator"]["late_us_p99"] or 0) / 1e3
    return result


def bare() -> dict[str, float]:
    """Nanoseconds per packet of the bare forwarder, on the core that servers have."""
    command = [str(processes.bare_path()), str(processes.SERVER_CORES[0]), str(processes.LOAD_CORES[0])]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=False, timeout=120)
    if told.returncode != 0:
        raise BenchError("the bare forwarder failed: see above")
    return json.loads(told.stdout)


def machine() -> dict[str, Any]:
    """Where and of what this was measured."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    git = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(git, cwd=processes.ROOT, capture_output=True, text=True, check=False)
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit.stdout.strip(),
        "livekit_server": processes.LIVEKIT_VERSION,
        "cpu": cpu.partition(":")[2].strip(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "server_cores": processes.SERVER_CORES,
        "load_cores": processes.LOAD_CORES,
        "load_average": os.getloadavg(),
        "is_realtime": os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR),
    }


def _python_loop() -> float:
    """Seconds of CPU that ten million turns of a loop take: shows a slow host, and a Python without optimization."""
    began, total = time.process_time(), 0
    for number in range(10_000_000):
        total += number * number
    return time.process_time() - began


def measure(
    results: dict[str, Any],
    loads: dict[str, Load],
    names: list[str],
    rounds: int,
    keep: Callable[[], None],
    *,
    first_port: int,
    is_quick: bool,
    clients: str,
) -> None:
    """Every load on every server, one server at a time, taking turns so that a busy machine treats them alike."""
    ports = processes.free_ports(first_port)
    steps, step = len(loads) * rounds * len(names), 0
    for name, load in loads.items():
        kept = results["loads"][name] = {"title": load.title, "runs": {server: [] for server in names}, "failed": []}
        for turn in range(rounds):
            for server in names:
                step += 1
                began = time.monotonic()
                try:
                    with SERVERS[server](next(ports)) as running:
                        figures_of_run = run(load, running, load.seconds[is_quick], clients)
                except (BenchError, OSError, subprocess.SubprocessError) as error:
                    kept["failed"].append({"server": server, "round": turn, "why": str(error).partition("\n")[0]})
                    told = f"failed: {error}"
                else:
                    kept["runs"][server].append({"round": turn} | figures_of_run)
                    first = next(iter(figures_of_run))
                    told = f"{MEASURES[first][0]} {MEASURES[first][1].format(figures_of_run[first])}"
                took = time.monotonic() - began
                CONSOLE.print(f"{step}/{steps} {name}, {server}: {told} ({took:.0f} s)", markup=False)
                keep()


def main() -> int:
    """Measures what the command line names; the status is 1 if a load failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("loads", nargs="*", default=["all"], help="loads or groups (default: all)")
    parser.add_argument("--list", action="store_true", help="tell which loads there are")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, help="how often each load is run on each server")
    parser.add_argument("--only", choices=list(SERVERS), help="leave the other server out")
    parser.add_argument(
        "--clients",
        choices=list(processes.GENERATORS),
        default="str0m",
        help="of what the load is (default: ours)",
    )
    parser.add_argument(
        "--steer", action="store_true", help="leave the kernel's receiving to the generator's cores (takes root)"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where table, charts and JSON go (docs/benchmarks)")
    parser.add_argument(
        "--port", type=int, default=FIRST_PORT, help="servers take free ports from here on (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write every run, instead of --out")
    arguments = parser.parse_args()
    try:
        loads = chosen(arguments.loads)
    except KeyError as error:
        parser.error(error.args[0])
    if arguments.list:
        for name, load in loads.items():
            CONSOLE.print(f"{name:20} {load.title}")
        return 0
    folder = arguments.out or (RESULTS / "steered" if arguments.steer else RESULTS)
    rounds = arguments.rounds or (1 if arguments.quick else 2)
    names = [arguments.only] if arguments.only else list(SERVERS)
    results: dict[str, Any] = {
        "machine": machine() | {"python_loop_seconds": _python_loop()},
        "clients": arguments.clients,
        "is_steered": arguments.steer,
        "rounds": rounds,
        "quick": arguments.quick,
        "loads": {},
    }
    file = arguments.json or folder / "results.json"
    file.parent.mkdir(parents=True, exist_ok=True)

    def keep() -> None:
        file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")

    for ends in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C does: no server stays behind
        signal.signal(ends, lambda number, _: sys.exit(128 + number))
    try:
        processes.GENERATORS[arguments.clients]()
        with processes.receiving_steered() if arguments.steer else nullcontext():
            results["bare"] = [bare()]
            measure(
                results,
                loads,
                names,
                rounds,
                keep,
                first_port=arguments.port,
                is_quick=arguments.quick,
                clients=arguments.clients,
            )
            results["bare"].append(bare())
        keep()
    except BenchError as error:
        CONSOLE.print(f"bench: {error}", markup=False)
        return 1
    except KeyboardInterrupt:
        CONSOLE.print(f"interrupted; what was measured is in {file}")
    CONSOLE.print(report.markdown(results), markup=False)
    if not arguments.json:
        report.write(results, folder)
    return 1 if any(load["failed"] for load in results["loads"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
