"""The compatibility page says what the records say, and nothing else."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import compatibility
from compatibility import OTHER, Case, Feature, Outcome, cell, claimed, page, read_claims, read_record, read_records
from versions import Versions

PYTEST = """<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" tests="4">
<testcase classname="tests.conformance.test_agents" name="test_only_agents_register[visavis-g0]" time="0.1" />
<testcase classname="tests.conformance.test_agents" name="test_only_agents_register[g0-livekit-server]" time="0.1" />
<testcase classname="tests.conformance.test_agents" name="test_x[visavis]" time="0.1">
<skipped type="pytest.xfail" message="it differs: for a reason" /></testcase>
<testcase classname="tests.conformance.test_agents" name="test_x[livekit-server]" time="0.1">
<failure message="AssertionError: no">where</failure></testcase>
</testsuite></testsuites>"""
NODE = """<?xml version="1.0" encoding="utf-8"?><testsuites>
<testsuite name="media through livekit-server" tests="1" failures="0" skipped="0">
<testcase name="vp8 flows" time="1" classname="test"/>
<testcase name="av1 flows" time="1" classname="test"><skipped type="skipped" message="cannot send av1"/></testcase>
</testsuite>
<testcase name="media through visavis" classname="test"><skipped type="skipped" message="left out"/></testcase>
</testsuites>"""
VERSIONS = Versions({"a client": "1.2.3"}, "0.1.0", "1.13.5")


def record(folder: Path, name: str, text: str) -> list[Case]:
    path = folder / f"{name}.xml"
    path.write_text(text)
    return list(read_record(path))


def cases(server: str, *outcomes: Outcome) -> list[Case]:
    return [Case(f"case {number}", server, outcome, "said | why") for number, outcome in enumerate(outcomes)]


def test_pytests_cases_are_told_apart_by_the_server_in_their_name(tmp_path: Path) -> None:
    assert record(tmp_path, "conformance", PYTEST) == [
        Case("conformance.test_agents :: test_only_agents_register[g0]", "visavis", Outcome.PASSED),
        Case("conformance.test_agents :: test_only_agents_register[g0]", "livekit-server", Outcome.PASSED),
        Case("conformance.test_agents :: test_x", "visavis", Outcome.DIFFERS, "it differs: for a reason"),
        Case("conformance.test_agents :: test_x", "livekit-server", Outcome.FAILED, "AssertionError: no"),
    ]


def test_the_records_name_tells_the_server_if_the_cases_do_not(tmp_path: Path) -> None:
    text = PYTEST.replace("[visavis-g0]", "").replace("[visavis]", "")
    assert {case.server for case in record(tmp_path, "python_sdk.livekit-server", text)} == {"livekit-server"}


def test_what_was_run_again_counts_as_it_ended_last(tmp_path: Path) -> None:
    first = record(tmp_path, "first", PYTEST)
    again = '<testsuites><testsuite name="pytest"><testcase {}/></testsuite></testsuites>'.format(
        'classname="tests.conformance.test_agents" name="test_x[livekit-server]"'
    )
    (tmp_path / "second.xml").write_text(again)
    found = read_records([tmp_path / "first.xml", tmp_path / "second.xml"])
    assert found == [*first[:3], Case("conformance.test_agents :: test_x", "livekit-server", Outcome.PASSED)]


def test_nodes_cases_stand_under_their_describe(tmp_path: Path) -> None:
    assert record(tmp_path, "browser", NODE) == [
        Case("media :: vp8 flows", "livekit-server", Outcome.PASSED),
        Case("media :: av1 flows", "livekit-server", Outcome.SKIPPED, "cannot send av1"),
        Case("media", "visavis", Outcome.SKIPPED, "left out"),
    ]


def test_a_case_belongs_to_the_first_feature_that_claims_it() -> None:
    narrow, wide = read_claims('[clients.c]\nnarrow = ["case 1"]\nwide = ["case *"]\n')
    table = claimed(
        [narrow, wide], [*cases("visavis", Outcome.PASSED, Outcome.PASSED), Case("x", "visavis", Outcome.PASSED)]
    )
    assert {feature: [case.name for case in proofs] for feature, proofs in table.items()} == {
        narrow: ["case 1"],
        wide: ["case 0"],
        OTHER: ["x"],
    }


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ([], "not run"),
        ([Outcome.SKIPPED], "not run"),
        ([Outcome.PASSED, Outcome.SKIPPED], "✓ 1"),
        ([Outcome.PASSED, Outcome.DIFFERS], "✓ 1, 1 differ"),
        ([Outcome.PASSED, Outcome.FAILED, Outcome.DIFFERS], "✗ 1 of 3, 1 differ"),
    ],
)
def test_a_cell_counts(outcomes: list[Outcome], told: str) -> None:
    assert cell(cases("visavis", *outcomes)) == told


def test_the_page_names_versions_counts_and_whatever_did_not_pass() -> None:
    feature = Feature("a client", "talking", ("*",))
    recorded = cases("visavis", Outcome.PASSED, Outcome.SKIPPED) + cases("livekit-server", Outcome.FAILED)
    text = "\n".join(page({feature: recorded}, [{"what": "ours is red", "reason": "it shows"}], VERSIONS))
    assert "Servers: Visavis 0.1.0, livekit-server 1.13.5." in text
    assert "## a client\n\nVersion 1.2.3.\n" in text
    assert "| talking | ✓ 1 | ✗ 0 of 1 |" in text
    assert "| ours is red | it shows |" in text
    assert "## Failed\n\n- livekit-server, `case 0`: said \\| why" in text
    assert "## Not run\n\n- visavis, `case 1`: said \\| why" in text


def test_every_client_of_the_claims_has_a_version() -> None:
    claims = read_claims((compatibility.CHECKOUT / "tools/compatibility.toml").read_text())
    found = compatibility.installed().clients
    assert {feature.client for feature in claims} <= set(found)
    assert all(found[feature.client] for feature in claims)
