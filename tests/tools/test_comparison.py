"""The page that compares us with others names tests for what we say of ourselves: they must be there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/comparison.md"
FOLDERS = {
    "browser": ("tests/browser/test", ".test.ts"),
    "web": ("web/src", ".test.ts"),
    "core": ("crates/sfu/tests/calls", ".rs"),
}


def rows() -> list[tuple[str, str, str]]:
    """What it is, what we say of ours, and what shows it."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("| ")
    ]
    return [(row[0], row[1].strip("*"), row[-1]) for row in cells if row[0]]


def paths(tests: str) -> list[Path]:
    """`browser: a, b; tests/api` names three."""
    found: list[Path] = []
    for part in filter(None, re.split(r"; ?", tests)):
        folder, colon, names = part.partition(": ")
        if not colon:
            found += [ROOT / name for name in part.split(", ")]
            continue
        place, ending = FOLDERS[folder]
        found += [ROOT / place / f"{re.sub(r' .*', '', name)}{ending}" for name in names.split(", ")]
    return found


@pytest.mark.parametrize(("feature", "ours", "tests"), rows())
def test_what_we_say_of_ourselves_is_tested_somewhere(feature: str, ours: str, tests: str) -> None:
    assert ours, feature
    if not ours.startswith("N"):
        assert tests, f"{feature}: {ours!r} names no test"
    for path in paths(tests):
        assert path.exists(), f"{feature}: there is no {path.relative_to(ROOT)}"
