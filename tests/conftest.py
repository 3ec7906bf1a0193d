"""What all tests share: the folder of `servers` is importable, and a server started by its command."""

from collections.abc import Iterator

import pytest

from ports import port
from servers import MediaServer, visavis_server


@pytest.fixture(scope="session")
def server() -> Iterator[MediaServer]:
    """Our server in a process of its own, for tests that change nothing for each other."""
    with visavis_server(port(400)) as server:
        yield server
