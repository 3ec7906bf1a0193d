"""Runs the test suites one after another and adds up what they say: ``run_tests.py [SUITE …]``.

The last line is ``N passed, N failed``; the status is 1 if anything failed. Output of the suites passes through.
"""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

CHECKOUT = Path(__file__).parents[1]
PYTEST = [sys.executable, "-m", "pytest", "-q", "--durations=5"]


@dataclass(frozen=True, slots=True)
class Suite:
    """One command, and how its output tells the counts.

    Attributes:
        beside: a second one that runs at the same time; what it says is shown when both are done.
    """

    command: list[str]
    passed: str
    failed: str
    folder: str = "."
    beside: list[str] | None = None


_PYTEST_COUNTS = (
    r"(?m)^(?:=+ )?.*?(\d+) passed.* in [\d.]+s",
    r"(?m)^(?:=+ )?.*?(\d+) (?:failed|errors?)\b.* in [\d.]+s",
)

# They wait a lot, and none looks for gaps in media: two share a machine of two cores. Who adds a folder of tests has it
# run alone, and need not know of this.
_STORE = "tests/store"
_UNITS = [
    "tests/admin",
    "tests/agents",
    "tests/api",
    "tests/auth",
    "tests/backend",
    "tests/config",
    "tests/figures",
    "tests/hub",
    "tests/media",
    "tests/page",
    "tests/rooms",
    "tests/signalling",
    "tests/tools",
    "tests/twirp",
    "tests/webhooks",
    "tests/websocket",
]
_ALONE = [f"--ignore={folder}" for folder in ("tests/conformance", _STORE, *_UNITS)]

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
    "units": Suite([*PYTEST, *_UNITS], *_PYTEST_COUNTS, beside=[*PYTEST, _STORE]),
    "python": Suite([*PYTEST, *_ALONE], *_PYTEST_COUNTS),
    "conformance": Suite([*PYTEST, "tests/conformance"], *_PYTEST_COUNTS),
    "browser": Suite(["npm", "test", "--silent"], r"(?m)^ℹ pass (\d+)", r"(?m)^ℹ fail (\d+)", "tests/browser"),
}
# Whatever colours a suite uses, its counts are read without them.
_COLOURS = re.compile(r"\x1b\[[\d;]*m")


def run(suite: Suite, **environment: str) -> tuple[int, int]:
    """Runs one suite, with `environment` added to ours; returns how many cases passed and failed."""
    commands = [suite.command, *([suite.beside] if suite.beside else [])]
    with ThreadPoolExecutor() as threads:
        outputs = list(threads.map(lambda each: _output(suite, each, environment, each is suite.command), commands))
    for text, _ in outputs[1:]:
        sys.stdout.write(text)
    passed, failed = 0, 0
    for text, status in outputs:
        text = _COLOURS.sub("", text)
        passed_here = sum(map(int, re.findall(suite.passed, text)))
        failed_here = sum(map(int, re.findall(suite.failed, text)))
        passed += passed_here
        # What fell over, or found nothing to run, has failed too.
        failed += failed_here or int(status != 0 or passed_here == 0)
    return passed, failed


def _output(suite: Suite, command: list[str], environment: dict[str, str], is_shown: bool) -> tuple[str, int]:
    """What a command says, and its status."""
    lines: list[str] = []
    process = subprocess.Popen(
        command,
        cwd=CHECKOUT / suite.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | environment | {"NO_COLOR": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if is_shown:
            sys.stdout.write(line)
            sys.stdout.flush()
        lines.append(line)
    return "".join(lines), process.wait()


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
