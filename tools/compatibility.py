"""Makes docs/compatibility.md of test runs' records: ``compatibility.py RECORDS``, a folder of JUnit files.

It types in no result: what a record says is counted under the client and the feature that `compatibility.toml`
claims its case for. Cases that are claimed for none stand in a row of their own.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree

from versions import Versions, installed

CHECKOUT = Path(__file__).parents[1]
OURS, THEIRS = "visavis", "livekit-server"
_SERVER = re.compile(rf"\b({OURS}|{THEIRS})\b")
# As a parameter of pytest's, among others, and as a describe of Node's ends.
_IN_NAME = re.compile(
    rf"(?<=\[)({OURS}|{THEIRS})(-|(?=\]))|-({OURS}|{THEIRS})(?=[-\]])| (through|at) ({OURS}|{THEIRS})\b"
)


class Outcome(Enum):
    """How a case ended. `DIFFERS`: not as at livekit-server, and `differences.toml` says why."""

    PASSED = "passed"
    FAILED = "failed"
    DIFFERS = "differs"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """What a record says of one case: `name` is where it stands and what it is called, without the server's name."""

    name: str
    server: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Feature:
    """What some cases prove of a client: `cases` are patterns of their names."""

    client: str
    name: str
    cases: tuple[str, ...]


OTHER = Feature("Other cases", "", ("*",))


def read_claims(text: str) -> list[Feature]:
    """The features in their order; a case belongs to the first that claims it."""
    clients: dict[str, dict[str, list[str]]] = tomllib.loads(text)["clients"]
    return [
        Feature(client, name, tuple(cases)) for client, features in clients.items() for name, cases in features.items()
    ]


def read_record(path: Path) -> Iterator[Case]:
    """The cases of a JUnit file, of pytest's or Node's making. Its name tells the server if the cases' do not."""
    told = _SERVER.search(path.stem)
    for where, element in _walk(ElementTree.parse(path).getroot(), ()):
        full = " :: ".join([*where, element.get("name", "")])
        server = (_SERVER.search(full) or told or [OURS])[0]
        yield Case(_IN_NAME.sub("", full).replace("[]", ""), server, *_outcome(element))


def read_records(paths: Iterable[Path]) -> list[Case]:
    """The cases of all records, oldest first: what was run again counts as it ended last."""
    newest: dict[tuple[str, str], list[Case]] = {}
    for path in paths:
        again: dict[tuple[str, str], list[Case]] = {}
        for case in read_record(path):
            again.setdefault((case.name, case.server), []).append(case)
        newest |= again
    return [case for cases in newest.values() for case in cases]


def _walk(
    element: ElementTree.Element, where: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], ElementTree.Element]]:
    for child in element:
        if child.tag == "testsuite":
            # pytest names its one suite "pytest", and each case's module as its class.
            name = child.get("name", "")
            yield from _walk(child, where if name == "pytest" else (*where, name))
        elif child.tag == "testcase":
            module = child.get("classname", "")
            yield (where if module in ("", "test") else (module.removeprefix("tests."),)), child


def _outcome(case: ElementTree.Element) -> tuple[Outcome, str]:
    for tag in ("failure", "error"):
        if (failure := case.find(tag)) is not None:
            return Outcome.FAILED, failure.get("message") or (failure.text or "").strip()
    if (skipped := case.find("skipped")) is not None:
        expected = skipped.get("type") == "pytest.xfail"
        return (Outcome.DIFFERS if expected else Outcome.SKIPPED), skipped.get("message", "")
    return Outcome.PASSED, ""


def claimed(features: Iterable[Feature], cases: Iterable[Case]) -> dict[Feature, list[Case]]:
    """Which cases prove which feature, in the features' order."""
    table: dict[Feature, list[Case]] = {feature: [] for feature in features}
    for case in cases:
        claimant = next((each for each in table if any(fnmatchcase(case.name, p) for p in each.cases)), OTHER)
        table.setdefault(claimant, []).append(case)
    return table


def cell(cases: Iterable[Case]) -> str:
    """What a table says of cases at one server."""
    outcomes = [case.outcome for case in cases if case.outcome is not Outcome.SKIPPED]
    if not outcomes:
        return "not run"
    passed, differs = outcomes.count(Outcome.PASSED), outcomes.count(Outcome.DIFFERS)
    told = f"✓ {passed}" if passed + differs == len(outcomes) else f"✗ {passed} of {len(outcomes)}"
    return f"{told}, {differs} differ" if differs else told


def page(
    table: Mapping[Feature, list[Case]], differences: Iterable[Mapping[str, str]], versions: Versions
) -> Iterator[str]:
    """The lines of the page."""
    yield from (
        "# Compatibility",
        "",
        "Which clients do what against Visavis, and against the real livekit-server. `make conformance` makes this",
        "page of what its tests recorded, so do not edit it. Each number counts cases; *differ* counts those in which",
        "Visavis, by intent, does something else ([below](#differences-by-intent)).",
        "",
        f"Servers: Visavis {versions.visavis}, livekit-server {versions.livekit_server}.",
    )
    client = ""
    for feature, cases in table.items():
        if feature.client != client:
            client = feature.client
            version = versions.clients.get(client, "")
            yield from ("", f"## {client}", *(["", f"Version {version}."] if version else []), "")
            yield from ("| Feature | Visavis | livekit-server |", "|---|---|---|")
        ours, theirs = (cell(case for case in cases if case.server == server) for server in (OURS, THEIRS))
        yield f"| {feature.name} | {ours} | {theirs} |"
    yield from ("", "## Differences, by intent", "", "| Visavis | Why |", "|---|---|")
    for difference in differences:
        yield f"| {_text(difference['what'])} | {_text(difference['reason'])} |"
    yield from _list("Failed", (case for cases in table.values() for case in cases if case.outcome is Outcome.FAILED))
    yield from _list("Not run", (case for cases in table.values() for case in cases if case.outcome is Outcome.SKIPPED))


def _list(title: str, cases: Iterable[Case]) -> Iterator[str]:
    lines = [f"- {case.server}, `{case.name}`: {_text(case.detail)[:200]}" for case in cases]
    if lines:
        yield from ("", f"## {title}", "", *lines)


def _text(said: str) -> str:
    """On one line, and in a table."""
    return " ".join(said.split()).replace("|", "\\|")


def main(folder: Path) -> int:
    """Writes the page; the status is 1 if a feature has no case, or a case failed at ours."""
    cases = read_records(sorted(folder.glob("*.xml"), key=lambda path: path.stat().st_mtime))
    table = claimed(read_claims((CHECKOUT / "tools/compatibility.toml").read_text()), cases)
    empty = [f"{feature.client}: {feature.name}" for feature, proofs in table.items() if not proofs]
    for feature in empty:
        print(
            f"no case was recorded for {feature}; its patterns in tools/compatibility.toml match none", file=sys.stderr
        )
    differences = tomllib.loads((CHECKOUT / "tests/conformance/differences.toml").read_text())["difference"]
    lines = page(table, differences, installed())
    (CHECKOUT / "docs/compatibility.md").write_text("\n".join(lines) + "\n")
    failed = [case for case in cases if case.outcome is Outcome.FAILED and case.server == OURS]
    return 1 if empty or failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
