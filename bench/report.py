"""Tables and charts of what was measured. `python bench/report.py RESULTS.json` writes them anew beside the file."""

import json
import sys
from pathlib import Path
from typing import Any

from figures import MEASURES, Run, Spread, ratio, spread

OURS, THEIRS = "visavis", "livekit-server"
TARGETS: list[tuple[str, str, str, float]] = [
    ("CPU per forwarded packet, one video to 150", "video-150", "cpu_us_per_packet", 1 / 4),
    ("the same, one voice to 100", "voice-100", "cpu_us_per_packet", 1 / 4),
    ("the same, 10 voices × 20", "voices-10x20", "cpu_us_per_packet", 1 / 4),
    ("the same, the meeting of 50", "meeting-50", "cpu_us_per_packet", 1 / 4),
    ("memory per idle participant", "idle-1000", "kb_per_participant", 1 / 8),
    ("memory per subscriber with one video", "video-150", "kb_per_participant", 1 / 4),
    ("CPU per join", "join-sequence", "cpu_ms_per_join", 1 / 3),
    ("dial → both connections up", "join-sequence", "join_ms_p50", 2 / 3),
    ("dial → first media at a subscriber", "join-media", "media_ms_p50", 1 / 2),
    ("idle CPU per participant", "idle-1000", "idle_cpu_ms_per_second", 1 / 10),
    ("added delay p99, one video to 500", "video-500", "delay_ms_p99", 1.0),
]
"""What is measured, of which load, and the ratio to livekit-server that it may have."""
BARE = {"sendmmsg": "without GSO", "gso_3": "with runs of 3 by GSO", "gso_9": "with runs of 9 by GSO"}
"""Ways of the bare forwarder (bench/generator/src/bin/bare), as fast as it goes."""
PACED = ("video-150", "voice-100")
"""Loads whose pace it keeps, too."""
GROWTH: list[tuple[str, str, str, float]] = [
    ("cost per packet with 100 tracks subscribed, against 1", "tracks-100", "tracks-1", 1.3),
    ("cost per packet with 1000 participants in 20 calls, against 50 in one", "calls-20", "calls-1", 1.3),
    ("the same in one call of 50, beside 949 who are only there", "crowd-1000", "video-50", 1.3),
]
"""How the cost of a packet grows, at our server: load, the load it is compared with, and the ratio it may have."""


def _runs(results: dict[str, Any], load: str, server: str) -> list[Run]:
    return results["loads"].get(load, {}).get("runs", {}).get(server, [])


def _paired(results: dict[str, Any], load: str, measure: str) -> Spread | None:
    """Of those rounds that both servers finished."""
    ours = {run["round"]: run for run in _runs(results, load, OURS)}
    theirs = {run["round"]: run for run in _runs(results, load, THEIRS)}
    both = sorted(ours.keys() & theirs.keys())
    return ratio([ours[turn] for turn in both], [theirs[turn] for turn in both], measure)


def _bare(results: dict[str, Any], way: str) -> float | None:
    """Microseconds that the bare forwarder takes for a packet in one of its ways, or at a load's pace."""
    turns = [turn[way] / 1e3 for turn in results.get("bare", []) if way in turn]
    return spread(turns).middle if turns else None


def _verdict(value: Spread | None, target: float) -> str:
    if value is None:
        return "not measured | "
    return f"{value.middle:.2f} ({value.low:.2f}–{value.high:.2f}) | {'yes' if value.middle <= target else 'no'}"


def targets(results: dict[str, Any]) -> list[str]:
    """The table of targets."""
    lines = ["| measure | target | measured | reached |", "|---|---|---|---|"]
    for title, load, measure, target in TARGETS:
        lines.append(f"| {title} | ≤ {target:.2f} | {_verdict(_paired(results, load, measure), target)} |")
    for way, told in BARE.items():
        ours = [run["cpu_us_per_packet"] for run in _runs(results, "video-150", OURS)]
        limit = _bare(results, way)
        value = spread([cpu / limit for cpu in ours]) if ours and limit else None
        title = f"CPU per forwarded packet, against the bare forwarder {told}" + (f", {limit:.1f} µs" if limit else "")
        lines.append(f"| {title} | ≤ 1.50 | {_verdict(value, 1.5)} |")
    for title, load, base, target in GROWTH:
        value = ratio(_runs(results, load, OURS), _runs(results, base, OURS), "cpu_us_per_packet")
        lines.append(f"| {title} | ≤ {target:.2f} | {_verdict(value, target)} |")
    return lines


def least(results: dict[str, Any]) -> list[str]:
    """The table of what cannot be left out of a load: what the bare forwarder takes at its pace."""
    lines = ["| load | bare | ours / bare | bare / livekit-server |", "|---|---|---|---|"]
    for load in PACED:
        bare = _bare(results, load)
        ours, theirs = ([run["cpu_us_per_packet"] for run in _runs(results, load, server)] for server in (OURS, THEIRS))
        if bare and ours and theirs:
            shares = f"{spread(ours).middle / bare:.2f} | {bare / spread(theirs).middle:.2f}"
            lines.append(f"| {results['loads'][load]['title']} | {bare:.1f} µs | {shares} |")
    return lines if len(lines) > 2 else []


def _cell(values: list[float], shape: str) -> str:
    if not values:
        return "–"
    told = spread(values)
    middle = shape.format(told.middle)
    return middle if len(values) == 1 else f"{middle} ({shape.format(told.low)} – {shape.format(told.high)})"


def _python(where: dict[str, Any]) -> str:
    if "python_loop_seconds" not in where:
        return ""
    return f"Python {where['python']}, ten million turns of a loop {where['python_loop_seconds']:.2f} s. "


CLIENTS = {"go-sdk": "Clients are LiveKit's Go SDK. "}


def markdown(results: dict[str, Any]) -> str:
    """Everything, as a page."""
    where = results["machine"]
    lines = [
        "# Measured",
        "",
        f"{where['date']}, commit {where['commit'][:10]}, livekit-server {where['livekit_server']}; {where['cpu']}, "
        f"{where['cores']} cores, Linux {where['kernel']}; servers on core {where['server_cores']}, generator on "
        f"{where['load_cores']}; load average at the start {where['load_average'][0]:.1f}"
        f"{', all of it at real-time priority' if where.get('is_realtime') else ''}. "
        f"{_python(where)}"
        f"{'The generator has the kernel receive for it (`--steer`). ' if results.get('is_steered') else ''}"
        f"{CLIENTS.get(results.get('clients', ''), '')}"
        f"{results['rounds']} {'short ' if results['quick'] else ''}round(s), servers in turn. Medians (least – most); "
        "ratios of neighbouring runs. The method is in bench/README.md.",
        "",
        *([results["note"], ""] if "note" in results else []),
        *targets(results),
    ]
    if floor := least(results):
        lines += ["", "What the bare forwarder takes for a packet at a load's pace, receiving included:", "", *floor]
    for name, load in results["loads"].items():
        lines += ["", f"## {load['title']} (`{name}`)", ""]
        servers = list(load["runs"])
        known = {measure for runs in load["runs"].values() for run in runs for measure in run}
        if known:
            lines += [f"| | {' | '.join(servers)} | ratio |", f"|---|{'---|' * len(servers)}---|"]
        for measure, (label, shape) in MEASURES.items():
            if measure not in known:
                continue
            cells = [
                _cell([run[measure] for run in load["runs"][server] if measure in run], shape) for server in servers
            ]
            quotient = _paired(results, name, measure)
            lines.append(f"| {label} | {' | '.join(cells)} | {f'{quotient.middle:.2f}' if quotient else ''} |")
        lines += [f"- {failed['server']}, round {failed['round'] + 1}: {failed['why']}" for failed in load["failed"]]
    return "\n".join(lines) + "\n"


def write(results: dict[str, Any], folder: Path) -> None:
    """The page and the charts."""
    import charts  # matplotlib takes a second to load, and a page alone does not need it

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(markdown(results))
    charts.write(results, folder)


if __name__ == "__main__":
    source = Path(sys.argv[1])
    write(json.loads(source.read_text()), source.parent)
