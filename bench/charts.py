"""Bars of what was measured, as SVG."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from figures import MEASURES, spread

CHARTS = ("cpu_us_per_packet", "kb_per_participant", "delay_ms_p99", "join_ms_p50", "media_ms_p50", "cpu_ms_per_join")
COLOURS = {"visavis": "#3b6fd4", "livekit-server": "#d98a29"}


def write(results: dict[str, Any], folder: Path) -> None:
    """One chart for each measure that somebody would look up."""
    # Text stays text, and a second run of the same figures is the same file.
    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "visavis", "font.family": "sans-serif"})
    for measure in CHARTS:
        rows = [
            (
                load["title"],
                {server: [run[measure] for run in runs if measure in run] for server, runs in load["runs"].items()},
            )
            for load in results["loads"].values()
        ]
        rows = [(title, servers) for title, servers in rows if any(servers.values())]
        if rows:
            _bars(measure, rows, folder / f"{measure.replace('_', '-')}.svg")


def _bars(measure: str, rows: list[tuple[str, dict[str, list[float]]]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(9, 1 + 0.55 * len(rows)), layout="constrained")
    label = MEASURES[measure][0]
    for place, server in enumerate(COLOURS):
        for row, (_, servers) in enumerate(rows):
            if values := servers.get(server):
                told = spread(values)
                where = row + (place - 0.5) * 0.38
                errors = [[told.middle - told.low], [told.high - told.middle]]
                axes.barh(
                    where, told.middle, 0.36, xerr=errors, color=COLOURS[server], label=server if row == 0 else None
                )
                axes.annotate(
                    MEASURES[measure][1].format(told.middle),
                    (told.high, where),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8,
                )
    axes.set_yticks(range(len(rows)), [title for title, _ in rows])
    axes.invert_yaxis()
    axes.set_title(f"{label} (less is better)", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        handles=[plt.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS.values()],
        labels=list(COLOURS),
        frameon=False,
        loc="lower right",
    )
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
