"""Runs an example as its first lines say, for as long as a test needs it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from servers import wait_for_port

CHECKOUT = Path(__file__).parents[2]


@contextmanager
def running(example: str, port: int, environment: Mapping[str, str]) -> Iterator[str]:
    """The address of `examples/{example}.py`, served on `port`.

    Args:
        example: the module's name.
        port: for HTTP.
        environment: what it reads from there.
    """
    command = [sys.executable, "-m", "uvicorn", f"examples.{example}:app", "--port", str(port)]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=os.environ | environment, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


@contextmanager
def embedding(example: str, port: int) -> Iterator[str]:
    """The same, for one that has the video server in it."""
    environment = {"VIDEO_TCP_PORT": str(port + 1), "VIDEO_UDP_PORT": str(port + 2)}
    with running(example, port, environment) as address:
        yield address
