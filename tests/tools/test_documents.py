"""What the documents name is there: files that they link to, and pictures that they show."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "tests/browser/README.md"]
IMAGES = ROOT / "docs/images"
LARGEST = 150_000
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)|(?:src|href)=\"([^\"#]+)\"")


def named_by(document: Path) -> list[Path]:
    """The files of this checkout that a document links to or shows."""
    found = [markdown or html for markdown, html in LINK.findall(document.read_text())]
    return [document.parent / name for name in found if not re.match(r"[a-z]+:", name)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_a_document_names_files_that_exist(document: Path) -> None:
    missing = [str(path) for path in named_by(document) if not path.exists()]
    assert missing == []


def test_every_picture_that_is_kept_is_shown_and_small() -> None:
    shown = {path.resolve() for document in DOCUMENTS for path in named_by(document)}
    kept = sorted(IMAGES.iterdir())
    assert kept
    assert [path.name for path in kept if path.resolve() not in shown] == []
    assert [path.name for path in kept if path.stat().st_size > LARGEST] == []
