"""Runs the simulation for each number of app processes, and writes what came of it: ``python -m control``."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console

import run as bench
from control import table
from control.plan import Plan
from control.simulation import SimulationError, simulate

CONSOLE = Console(highlight=False)
RESULTS = bench.RESULTS / "control.json"


def main() -> int:
    """Simulates what the command line names; the status is 1 if something was not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--people", type=int, default=100_000, help="who come in all, ten to a room (%(default)s)")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4], metavar="N", help="of the app, in turn")
    parser.add_argument("--quick", action="store_true", help="5000 people, two processes, a few seconds of each phase")
    parser.add_argument("--churn", type=int, default=30, help="people who leave in each second, and come (%(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of coming and going (%(default)s)")
    parser.add_argument("--pages", type=int, default=2, help="open at home, at each process (%(default)s)")
    parser.add_argument("--empties", action="store_true", help="everybody leaves at the end")
    parser.add_argument(
        "--found", action="store_true", help="only begin, in front of all of them, with an empty history"
    )
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where it goes, with a .md beside")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.people, arguments.processes = min(arguments.people, 5000), arguments.processes[1:2] or [2]
        arguments.seconds = min(arguments.seconds, 5.0)
    results: dict[str, Any] = {"machine": bench.machine(), "runs": [], "failed": []}
    for processes in arguments.processes:
        plan = Plan(
            people=arguments.people,
            processes=processes,
            pages=arguments.pages,
            churn=arguments.churn,
            steady=arguments.seconds,
            empties=arguments.empties,
            found=arguments.found,
        )
        CONSOLE.print(f"{processes} app process(es), {plan.people} people in {plan.rooms} rooms", markup=False)
        try:
            results["runs"].append(uvloop.run(simulate(plan, lambda told: CONSOLE.print(f"  {told}", markup=False))))
        except* (SimulationError, RuntimeError) as errors:
            why = "; ".join(str(error) for error in errors.exceptions)
            CONSOLE.print(f"  failed: {why}", markup=False)
            results["failed"].append({"processes": processes, "why": why})
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    told = table.markdown(results)
    arguments.json.with_suffix(".md").write_text(told)
    CONSOLE.print(told, markup=False)
    return 1 if results["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
