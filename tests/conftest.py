"""What all tests share: the folder of `servers` is importable, and a server started by its command."""

import os
import sys
from collections.abc import Iterator

import pytest

from ports import port
from servers import MediaServer, visavis_server


@pytest.fixture(scope="session")
def server() -> Iterator[MediaServer]:
    """Our server in a process of its own, for tests that change nothing for each other."""
    with visavis_server(port(400)) as server:
        yield server


class _EndsAtOnce:
    """Ends the process when pytest has told its results, if PyPI `livekit` is in it.

    The client's native threads outlive its rooms. When the interpreter ends under one of them it aborts the process,
    and a run in which every case passed would end as one that failed.
    """

    status = 0

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self.status = int(exitstatus)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        if "livekit.rtc" in sys.modules:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.status)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_EndsAtOnce())
