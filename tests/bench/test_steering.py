"""Which cores do the kernel's receiving, while a benchmark says so. The machine's own setting is left alone."""

from contextlib import suppress
from pathlib import Path

import pytest

import processes
from processes import BenchError


def test_the_generators_cores_are_named_and_what_was_set_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = tmp_path / "rps_cpus"
    setting.write_text("0\n")
    monkeypatch.setattr(processes, "_STEERING", setting)
    monkeypatch.setattr(processes, "LOAD_CORES", [1, 2, 33])
    with suppress(KeyboardInterrupt), processes.receiving_steered():
        # Words of 32 cores, the last ones first.
        assert setting.read_text() == "2,00000006"
        raise KeyboardInterrupt
    assert setting.read_text() == "0\n"


def test_one_core_cannot_leave_it_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOAD_CORES", processes.SERVER_CORES)
    with pytest.raises(BenchError, match="one core"), processes.receiving_steered():
        pytest.fail("it was set")


def test_who_may_not_set_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_STEERING", tmp_path / "nothing" / "rps_cpus")
    with pytest.raises(BenchError, match="takes root"), processes.receiving_steered():
        pytest.fail("it was not set")
