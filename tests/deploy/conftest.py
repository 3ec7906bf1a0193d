"""The files of deploy/, and what stands in for the certificates that they name."""

import os
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with video.pem and livekit.pem, each a certificate and its key."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("video", "livekit"):
        make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
        files = ["-keyout", str(folder / "key"), "-out", str(folder / "certificate")]
        subject = ["-subj", f"/CN={name}.example.com", "-addext", f"subjectAltName=DNS:{name}.example.com"]
        subprocess.run([*make.split(), *files, *subject], check=True, capture_output=True)
        (folder / f"{name}.pem").write_text((folder / "certificate").read_text() + (folder / "key").read_text())
        (folder / "key").unlink()
        (folder / "certificate").unlink()
    return folder


@pytest.fixture(scope="session", autouse=True)
def _finds_system_programs() -> None:
    """Balancers are where only root's path leads."""
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
