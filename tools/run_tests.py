"""Runs the test suites one after another and adds up what they say: ``run_tests.py [SUITE …]``.

The last line is ``N passed, N failed``; the status is 1 if anything failed. Output of the suites passes through.
"""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

CHECKOUT = Path(__file__).parents[1]
PYTEST = [sys.executable, "-m", "pytest", "-q", "--durations=5"]


@dataclass(frozen=True, slots=True)
class Suite:
    """One command, and how its output tells the counts."""

    command: list[str]
    passed: str
    failed: str
    folder: str = "."


_PYTEST_COUNTS = (
    r"(?m)^(?:=+ )?.*?(\d+) passed.* in [\d.]+s",
    r"(?m)^(?:=+ )?.*?(\d+) (?:failed|errors?)\b.* in [\d.]+s",
)

SUITES = {
    "rust": Suite(
        [
            "cargo",
            "test",
            *(f"--package=visavis-{crate}" for crate in ("bench", "bwe", "egress", "ingress", "rtp", "sfu", "sfu-io")),
        ],
        r"test result: \w+\. (\d+) passed",
        r"test result: \w+\. \d+ passed; (\d+) failed",
    ),
    "web": Suite(["npm", "test", "--silent"], r"Tests .*?(\d+) passed", r"Tests .*?(\d+) failed", "web"),
    "python": Suite([*PYTEST, "--ignore=tests/conformance"], *_PYTEST_COUNTS),
    "conformance": Suite([*PYTEST, "tests/conformance"], *_PYTEST_COUNTS),
    "browser": Suite(["npm", "test", "--silent"], r"(?m)^ℹ pass (\d+)", r"(?m)^ℹ fail (\d+)", "tests/browser"),
}
# Whatever colours a suite uses, its counts are read without them.
_COLOURS = re.compile(r"\x1b\[[\d;]*m")


def run(suite: Suite, **environment: str) -> tuple[int, int]:
    """Runs one suite, with `environment` added to ours; returns how many cases passed and failed."""
    output: list[str] = []
    process = subprocess.Popen(
        suite.command,
        cwd=CHECKOUT / suite.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | environment | {"NO_COLOR": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        output.append(line)
    status = process.wait()
    text = _COLOURS.sub("", "".join(output))
    passed = sum(map(int, re.findall(suite.passed, text)))
    failed = sum(map(int, re.findall(suite.failed, text)))
    # A suite that fell over, or found nothing to run, has failed too.
    return passed, failed or int(status != 0 or passed == 0)


def main() -> int:
    """Runs the suites that are named, or all."""
    names = sys.argv[1:] or list(SUITES)
    console = Console()
    table = Table("Suite", "Passed", "Failed", "Seconds")
    totals = [0, 0]
    for name in names:
        console.print(f"[bold]▸ Tests: {name}[/]")
        started = time.monotonic()
        passed, failed = run(SUITES[name])
        table.add_row(name, str(passed), str(failed), f"{time.monotonic() - started:.0f}")
        totals[0] += passed
        totals[1] += failed
    console.print(table)
    print(f"{totals[0]} passed, {totals[1]} failed")
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
