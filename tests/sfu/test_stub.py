"""`_sfu.pyi` is kept by hand: it must say of the module what is so."""

import subprocess
import sys
from pathlib import Path


def test_the_stub_fits_the_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "visavis._sfu", "--mypy-config-file", str(tmp_path / "mypy.ini")]
    (tmp_path / "mypy.ini").write_text(f"[mypy]\ncache_dir = {tmp_path}\n")
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
