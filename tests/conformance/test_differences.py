"""The list of differences names only cases that exist, and is short."""

import ast
import tomllib
from pathlib import Path

_HERE = Path(__file__).parent
_DIFFERENCES: list[dict[str, str]] = tomllib.loads((_HERE / "differences.toml").read_text()).get("difference", [])


def _cases() -> set[str]:
    trees = (ast.parse(file.read_text()) for file in _HERE.glob("test_*.py"))
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}


def test_differences_name_cases() -> None:
    assert {difference["case"] for difference in _DIFFERENCES} <= _cases()


def test_differences_have_reasons() -> None:
    assert all(difference.keys() == {"case", "what", "reason"} for difference in _DIFFERENCES)


def test_differences_are_few() -> None:
    assert len(_DIFFERENCES) <= 10
