"""Which versions of the clients are installed. Read from where they are installed, so that no page can name others."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
_PACKAGES = CHECKOUT / "tests/browser/node_modules"


@dataclass(frozen=True, slots=True)
class Versions:
    """What to say of a client and of both servers."""

    clients: dict[str, str]
    visavis: str
    livekit_server: str


def installed() -> Versions:
    """The versions that tests of this checkout run with."""
    pypi = partial(_pypi, sys.executable)
    environment = os.environ.get("TEST_AGENTS_PYTHON", "") or "~/.cache/visavis/livekit-agents/bin/python"
    agents = partial(_pypi, str(Path(environment).expanduser()))
    find: dict[str, Callable[[], str]] = {
        "livekit-client in Chromium": lambda: f"{_npm('livekit-client')}, {_browser('chromium')}",
        "livekit-client in Firefox": lambda: f"{_npm('livekit-client')}, {_browser('firefox-esr')}",
        "@livekit/components-react": lambda: _npm("@livekit/components-react"),
        "PyPI livekit": lambda: pypi("livekit"),
        "PyPI livekit-api": lambda: pypi("livekit-api"),
        "PyPI livekit-agents": lambda: f"{agents('livekit-agents')} with livekit {agents('livekit')}",
        "npm livekit-server-sdk": lambda: _npm("livekit-server-sdk"),
        "Go server-sdk-go": lambda: _go("github.com/livekit/server-sdk-go/v2"),
        "Signalling, without an SDK": lambda: f"livekit-protocol {pypi('livekit-protocol')}",
    }
    server = re.search(r"livekit-server v(\S+)", (CHECKOUT / "tools/livekit-server/go.mod").read_text())
    assert server is not None
    return Versions({client: version() for client, version in find.items()}, pypi("visavis"), server[1])


def _pypi(python: str, package: str) -> str:
    ask = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()


def _npm(package: str) -> str:
    path = _PACKAGES / package / "package.json"
    return json.loads(path.read_text())["version"] if path.is_file() else ""


def _browser(command: str) -> str:
    """As `chromium --version` says it: its name and number."""
    told = subprocess.run([command, "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"(Chromium|Firefox) ([\d.]+\w*)", told)
    return found[0] if found else told.strip()


def _go(module: str) -> str:
    found = re.search(rf"{re.escape(module)} v(\S+)", (CHECKOUT / "tests/conformance/go/go.mod").read_text())
    return found[1] if found else ""
