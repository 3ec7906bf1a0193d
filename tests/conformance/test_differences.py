"""The list of differences names only cases that exist, and is short."""

import ast
import tomllib
from pathlib import Path

_HERE = Path(__file__).parent
_DIFFERENCES: list[dict[str, str]] = tomllib.loads((_HERE / "differences.toml").read_text()).get("difference", [])


def _cases() -> set[str]:
    trees = (ast.parse(file.read_text()) for file in _HERE.glob("test_*.py"))
    ours = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
    # In browsers: "scenarios: force-tcp" is that word in scenarios.test.ts.
    browser = (difference["case"].partition(": ") for difference in _DIFFERENCES if ": " in difference["case"])
    texts = {(file, what): _HERE.parent / "browser/test" / f"{file}.test.ts" for file, _, what in browser}
    return ours | {f"{file}: {what}" for (file, what), path in texts.items() if what in path.read_text()}


def test_differences_name_cases() -> None:
    assert {difference["case"] for difference in _DIFFERENCES} <= _cases()


def test_differences_have_reasons() -> None:
    assert all(difference.keys() == {"case", "what", "reason"} for difference in _DIFFERENCES)


def test_differences_are_few() -> None:
    assert len(_DIFFERENCES) <= 12
