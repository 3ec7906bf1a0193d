"""Runs whatever tells how clients fare, slow cases too, at our server and at livekit-server; writes the page.

The records (JUnit) stay in .records until the next run. ``conformance.py [SUITE …]`` runs only those anew.
"""

import os
import sys
from dataclasses import replace

import compatibility
from run_tests import CHECKOUT, PYTEST, SUITES, Suite, run

RECORDS = CHECKOUT / ".records"


def _pytest(name: str, *paths: str) -> Suite:
    # The last -m wins over the one in pyproject.toml, which leaves slow cases out.
    line = [*PYTEST, "-m", "", f"--junitxml={RECORDS}/{name}.xml", *paths]
    return replace(SUITES["python"], command=line)


def _node(name: str) -> Suite:
    reports = ["--test-reporter=spec", "--test-reporter-destination=stdout"]
    reports += ["--test-reporter=junit", f"--test-reporter-destination={RECORDS}/{name}.xml"]
    tests = sorted(str(path) for path in (CHECKOUT / "tests/browser/test").glob("*.test.ts"))
    line = ["node", "--import", "tsx", "--test", "--test-concurrency=1", *reports, *tests]
    return replace(SUITES["browser"], command=line)


THEIRS = f"python_sdk.{compatibility.THEIRS}"
CONFORMANCE = {
    "conformance": _pytest("conformance", "tests/conformance"),
    "python_sdk": _pytest(f"python_sdk.{compatibility.OURS}", "tests/python_sdk"),
    THEIRS: _pytest(THEIRS, "tests/python_sdk"),
    "browser": _node("browser"),
    # What people do in any order, in virtual time: no client of others, but what all of them rely on.
    "interleavings": replace(
        SUITES["rust"], command=["cargo", "test", "-p", "visavis-sfu", "--test", "calls", "interleavings"]
    ),
}

STORIES = {"interleavings": "1000", "conformance": "50"}
"""How many times people do things in any order: in virtual time, and with real clients."""


def main(names: list[str]) -> int:
    """Runs the suites that are named, or all; the status tells whether ours passed."""
    if not names:
        for record in RECORDS.glob("*.xml"):
            record.unlink()
    RECORDS.mkdir(exist_ok=True)
    failed = 0
    for name in names or CONFORMANCE:
        print(f"▸ Conformance: {name}", flush=True)
        peer = os.environ["TEST_LIVEKIT_SERVER"] if name == THEIRS else ""
        counts = run(CONFORMANCE[name], TEST_PEER=peer, TEST_ALL="yes", SEEDS=STORIES.get(name, "0"))
        # The page tells of all others.
        failed += counts[1] if name == "interleavings" else 0
    return compatibility.main(RECORDS) or min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
