"""The table of errors is complete."""

from pathlib import Path

import visavis.errors
from visavis.errors import STATUS, ErrorKind


def test_each_kind_has_a_status():
    assert STATUS.keys() == set(ErrorKind)


def test_each_kind_is_raised_somewhere():
    package = Path(visavis.errors.__file__).parent
    source = "".join(path.read_text() for path in package.rglob("*.py") if path.name != "errors.py")
    assert [kind for kind in ErrorKind if f"ErrorKind.{kind.name}" not in source] == []
