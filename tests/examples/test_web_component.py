"""The example of `<visavis-room>` beside a server of another origin, both run as its first lines say."""

import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from livekit import rtc
from running import running

from ports import port
from servers import MediaServer, visavis_server

PORT = port(920)
HOST = f"http://127.0.0.1:{PORT}"


@pytest.fixture(scope="module")
def server() -> Iterator[MediaServer]:
    """The video server, which lets the host's pages embed rooms."""
    with visavis_server(port(922), flags=["--frame-ancestors", HOST]) as running:
        yield running


@pytest.fixture(scope="module")
def host(server: MediaServer) -> Iterator[str]:
    """The address of the running example."""
    environment = {
        "VISAVIS_SERVER": server.http_url,
        "VIDEO_KEY": server.api_key,
        "VIDEO_SECRET": server.api_secret,
    }
    with running("web_component", PORT, environment) as address:
        yield address


@pytest.fixture
async def ann(host: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has signed in."""
    async with httpx.AsyncClient(base_url=host, follow_redirects=True) as http:
        assert (await http.get("/sign-in/ann")).url.path == "/meetings/atrium"
        yield http


async def test_the_token_in_the_page_lets_its_person_into_its_room(ann: httpx.AsyncClient, server: MediaServer) -> None:
    page = (await ann.get("/meetings/board")).text
    assert f'src="{server.http_url}"' in page
    token = re.search(r'token="([^"]+)"', page)
    assert token is not None
    room = rtc.Room()
    await room.connect(server.url, token[1])
    assert (room.name, room.local_participant.identity, room.local_participant.name) == ("board", "ann", "Ann Arbor")
    await room.disconnect()


async def test_who_is_not_invited_gets_no_token(host: str) -> None:
    async with httpx.AsyncClient(base_url=host, follow_redirects=True) as ben:
        assert (await ben.get("/meetings/atrium")).status_code == 401
        await ben.get("/sign-in/ben")
        refused = await ben.get("/meetings/board")
    assert (refused.status_code, refused.text) == (403, "Ben Nevis is not invited to 'board'.")


async def test_the_server_gives_the_component_to_any_page_and_rooms_to_the_hosts(
    server: MediaServer, host: str
) -> None:
    component = httpx.get(f"{server.http_url}/embed.js", headers={"Origin": host})
    assert component.headers["content-type"].startswith("text/javascript")
    assert component.headers["access-control-allow-origin"] == "*"
    assert "import" not in re.sub(r"import\.meta", "", component.text), "it needs no other file"
    room = httpx.get(f"{server.http_url}/r/atrium")
    assert room.headers["content-security-policy"] == f"frame-ancestors 'self' {host}"
