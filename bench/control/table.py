"""The table of what was measured. `python -m control.table RESULTS.json` writes it anew beside the file."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Run = Mapping[str, Any]


def _times(name: str) -> Callable[[Run], str]:
    """Median and 99th percentile."""
    return lambda phase: f"{phase[name]['p50']:.1f} / {phase[name]['p99']:.1f}" if phase[name]["count"] else "–"


def _cores(phase: Run) -> str:
    return " + ".join(f"{each:.2f}" for each in phase["app_cpu"])


def _called(phase: Run) -> str:
    asked, sent = sum(phase["cluster_calls_per_second"].values()), sum(phase["cluster_kb_per_second"].values())
    return f"{asked:.1f} / {sent:,.0f}"


_PHASE: list[tuple[str, Callable[[Run], str]]] = [
    ("joins per second", lambda phase: f"{phase['joins_per_second']:.0f}"),
    ("webhooks per second", lambda phase: f"{phase['webhooks_per_second']:.0f}"),
    ("CPU of the app processes for each join, ms", lambda phase: f"{phase['app_cpu_ms_per_join']:.2f}"),
    ("cores of each app process", _cores),
    ("token, median / p99, ms", _times("token_ms")),
    ("webhook answered, ms", _times("webhook_ms")),
    ("list of rooms answered, ms", _times("list_ms")),
    ("list of rooms on the wire, kB", _times("list_kb")),
    ("a webhook is posted → pages of every process list its room, ms", _times("lag_ms")),
    ("lists fetched per second", lambda phase: f"{phase['lists_per_second']:.1f}"),
    ("notices of the hub to a page per second", lambda phase: f"{phase['notices_per_second']:.1f}"),
    ("Redis commands per join", lambda phase: f"{phase['redis_commands_per_join']:.1f}"),
    ("Redis: commands per second, cores",
     lambda phase: f"{phase['redis_commands_per_second']:,.0f}, {phase['redis_cpu']:.2f}"),
    ("PostgreSQL: commits per second, cores",
     lambda phase: f"{phase['commits_per_second']:.1f}, {phase['postgres_cpu']:.2f}"),
    ("the cluster is asked: calls, kB per second", _called),
    ("cores of the generator", lambda phase: f"{phase['generator_cpu']:.2f}"),
]  # fmt: skip
_PHASES = {
    "ramp": "Everybody comes, as fast as it goes",
    "steady": "All are inside; for each one who comes another leaves",
    "emptying": "Everybody leaves",
}


def markdown(results: Run) -> str:
    """Everything, as a page."""
    where, runs = results["machine"], results["runs"]
    lines = [
        "# Measured: the control plane",
        "",
        f"{where['date']}, commit {where['commit'][:10]}; {where['cpu']}, {where['cores']} cores for everything, Linux "
        f"{where['kernel']}, Python {where['python']}. App processes, Redis and PostgreSQL are real; the cluster is a "
        "stand-in, in the generator's process; no media. The method is in bench/README.md.",
    ]
    lines += ["", *([results["note"], ""] if "note" in results else [])]
    if whole := [run for run in runs if "memory" in run]:
        lines += ["| | " + " | ".join(_title(run) for run in whole) + " |", "|---|" + "---|" * len(whole)]
        lines += [f"| {name} | " + " | ".join(show(run) for run in whole) + " |" for name, show in _AFTER]
    for phase, title in _PHASES.items():
        those = [run for run in runs if phase in run]
        if those:
            lines += ["", f"## {title}", "", "| | " + " | ".join(_title(run) for run in those) + " |"]
            lines += ["|---|" + "---|" * len(those)]
            for name, show in _PHASE:
                told = name.replace("join", "leave") if phase == "emptying" else name
                lines.append(f"| {told} | " + " | ".join(show(run[phase]) for run in those) + " |")
    those = [run for run in runs if "restart" in run]
    if those:
        lines += ["", "## One more process begins, as after a restart", ""]
        lines += ["| beside | " + " | ".join(_beside(run) for run in those) + " |", "|---|" + "---|" * len(those)]
        lines += [f"| {name} | " + " | ".join(show(run["restart"]) for run in those) + " |" for name, show in _RESTART]
    lines += [f"- {failed['processes']} process(es): {failed['why']}" for failed in results["failed"]]
    return "\n".join(lines) + "\n"


def _beside(run: Run) -> str:
    return "none, and an empty history" if run["plan"]["found"] else _title(run)


_RESTART: list[tuple[str, Callable[[Run], str]]] = [
    ("load average", lambda told: f"{told['load_average']:.1f}"),
    ("it answers, and its list is exact, s",
     lambda told: f"{told['answers_after_seconds']:.1f}, {told['exact_after_seconds']:.1f}"),
    ("CPU until then, s", lambda told: f"{told['cpu_seconds']:.1f}"),
    ("it has written what it found and rests, s; CPU until then, s",
     lambda told: f"{told['quiet_after_seconds']:.0f}; {told['cpu_seconds_until_quiet']:.1f}"),
    ("its memory then, MB", lambda told: f"{told['memory_mb']:.0f}"),
    ("the cluster is asked: calls, MB", lambda told: f"{told['cluster_calls']:,}, {told['cluster_mb']:.1f}"),
    ("Redis commands, of all processes", lambda told: f"{told['redis_commands']:,}"),
]  # fmt: skip


def _title(run: Run) -> str:
    return f"{run['plan']['processes']} process(es)"


def _rows(run: Run) -> str:
    return ", ".join(f"{count:,} {table}" for table, count in run["memory"]["rows"].items())


_AFTER: list[tuple[str, Callable[[Run], str]]] = [
    ("people, rooms", lambda run: f"{run['plan']['people']:,}, {run['plan']['rooms']:,}"),
    ("memory of each app process with all inside, MB",
     lambda run: " + ".join(f"{each:.0f}" for each in run["memory"]["app_mb"])),
    ("of that for each person, kB", lambda run: f"{run['memory']['app_kb_per_person']:.2f}"),
    ("Redis memory, MB", lambda run: f"{run['memory']['redis_mb']:.0f}"),
    ("database, MB", lambda run: f"{run['memory']['database_mb']:.0f}"),
    ("rows", _rows),
    ("all lists exact after the last join, s", lambda run: f"{run['exact_after_seconds']:.2f}"),
    ("the history whole after that, s", lambda run: f"{run['written_after_seconds']:.2f}"),
    ("load average at the end", lambda run: f"{run['load_average'][0]:.1f}"),
]  # fmt: skip


if __name__ == "__main__":
    source = Path(sys.argv[1])
    source.with_suffix(".md").write_text(markdown(json.loads(source.read_text())))
