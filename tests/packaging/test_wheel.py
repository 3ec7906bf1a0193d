"""What `pip install` gives somebody who has neither Node nor Rust."""

import os
import re
import signal
import subprocess
import sys
import venv
from pathlib import Path

import httpx
import pytest
from livekit import rtc

from ports import port
from servers import wait_for_port

CHECKOUT = Path(__file__).parents[2]
PORT = port(950)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`visavis` of a wheel that was built now, in an environment that was empty before."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "maturin", "build", "--release", "--quiet", "--out", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    options = ["--quiet", "--disable-pip-version-check", "--no-compile"]
    pip = [str(folder / "venv/bin/pip"), "install", *options, str(wheel)]
    subprocess.run(pip, check=True, env=_bare_environment(folder))
    return folder / "venv/bin/visavis"


def _bare_environment(folder: Path) -> dict[str, str]:
    """One where only what pip installed can be found."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    kept = {
        name: value for name, value in os.environ.items() if name.startswith(("PIP_", "HTTP", "http", "SSL", "HOME"))
    }
    return kept | {"PATH": str(tools)}


@pytest.mark.timeout(600)
async def test_the_wheel_serves_the_page_and_carries_a_call(command: Path, tmp_path: Path) -> None:
    ports = ["--port", str(PORT), "--tcp-port", str(PORT + 1), "--udp-port", str(PORT + 2)]
    environment = _bare_environment(tmp_path)

    def token(identity: str) -> str:
        line = [str(command), "token", "--identity", identity, "--room", "atrium"]
        return subprocess.run(line, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    process = subprocess.Popen(
        [str(command), "dev", *ports], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        wait_for_port(PORT)
        assert any(f"http://127.0.0.1:{PORT}" in line for line in process.stdout)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{PORT}") as http:
            page = (await http.get("/")).text
            scripts = re.findall(r'"\./assets/([^"]+\.js)"', page)
            fetched = [await http.get(f"/assets/{script}") for script in scripts]
            assert sum(len(script.raise_for_status().content) for script in fetched) > 100_000
        alice, bob = rtc.Room(), rtc.Room()
        await alice.connect(f"ws://127.0.0.1:{PORT}", token("alice"))
        await bob.connect(f"ws://127.0.0.1:{PORT}", token("bob"))
        assert "alice" in bob.remote_participants
        await alice.disconnect()
        await bob.disconnect()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        process.stdout.close()
