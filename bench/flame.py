"""Draws where our server's time goes under a load, as a flame graph.

    .venv/bin/python bench/flame.py video-150 docs/benchmarks/flame-video-150.svg

It needs Linux' `perf` (package linux-perf), inferno (`cargo install inferno`), and a media core with frame pointers and
symbols: `strip = false` in pyproject.toml for as long as it takes, and
`RUSTFLAGS="-C force-frame-pointers=yes" maturin develop --release`.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import processes
from loads import chosen
from processes import BenchError
from run import FIRST_PORT, plan, warm

_SAMPLES_A_SECOND = 2999
"""Not a divisor of what timers do."""
_SMALLEST_PERCENT = 0.4
"""Narrower frames cannot be read, and are most of the file."""


def record(name: str, samples: Path) -> None:
    """Puts a load on our server and looks at it while it is steady.

    Raises:
        BenchError: there is no such load, or the server, the generator or perf fails.
    """
    (load,) = chosen([name]).values()
    port = next(processes.free_ports(FIRST_PORT))
    with processes.visavis(port) as server:
        warm(server)
        with processes.load(plan(load, server, load.seconds[True])) as generator:
            generator.event("joined")
            generator.event("steady")
            command = ["perf", "record", "--freq", str(_SAMPLES_A_SECOND), "--call-graph", "fp"]
            seen = ["--pid", str(server.pid), "--output", str(samples)]
            looking = subprocess.Popen([*command, *seen], stderr=subprocess.DEVNULL)
            generator.event("over")
            looking.terminate()
            looking.wait()
            generator.event("measured")
    if not samples.exists() or not samples.stat().st_size:
        raise BenchError("perf saw nothing: run it as root, or lower kernel.perf_event_paranoid")


def draw(name: str, samples: Path, to: Path) -> None:
    """Makes a picture of what was seen."""
    stacks = subprocess.run(["perf", "script", "--input", str(samples)], capture_output=True, check=True).stdout
    folded = subprocess.run(["inferno-collapse-perf"], input=stacks, capture_output=True, check=True).stdout
    drawing = ["inferno-flamegraph", "--title", f"Visavis: {name}", "--minwidth", str(_SMALLEST_PERCENT)]
    to.write_bytes(subprocess.run(drawing, input=folded, capture_output=True, check=True).stdout)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Draws where our server's time goes under a load.")
    parser.add_argument("load", help="as bench/run.py --list names them")
    parser.add_argument("to", type=Path, help="the SVG file")
    arguments = parser.parse_args()
    try:
        for program, where in [("perf", "the package linux-perf"), ("inferno-flamegraph", "cargo install inferno")]:
            if shutil.which(program) is None:
                raise BenchError(f"{program} is not here: {where}")
        with tempfile.TemporaryDirectory() as folder:
            samples = Path(folder) / "samples"
            record(arguments.load, samples)
            draw(arguments.load, samples, arguments.to)
    except (BenchError, KeyError) as error:
        sys.exit(str(error.args[0]))


if __name__ == "__main__":
    main()
