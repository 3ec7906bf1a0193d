"""The real `@microsoft/signalr` (Node), 3.0.1 and newest, against the hub: runs the suite in `node/`."""

import asyncio
import shutil
from pathlib import Path

import pytest
from served_hub import QUICK, serving

from visavis.hub import HubLimits

NODE = Path(__file__).parent / "node"
PINGS_OFTEN = HubLimits(keep_alive=0.3, client_timeout=2.5)


@pytest.fixture(scope="module", autouse=True)
def node_modules() -> None:
    if not (NODE / "node_modules").is_dir():
        pytest.fail(f"run `npm ci` in {NODE} first (`make test` does)")


async def test_every_version_over_every_transport() -> None:
    node = shutil.which("node")
    assert node is not None, "Node is needed for this test"
    async with serving(QUICK) as served, serving(PINGS_OFTEN) as quick:
        process = await asyncio.create_subprocess_exec(
            node,
            "--test",
            "--test-reporter=spec",
            "hub.test.mjs",
            cwd=NODE,
            env={"HUB_ORIGIN": served.origin, "QUICK_HUB_ORIGIN": quick.origin, "NODE_NO_WARNINGS": "1"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
