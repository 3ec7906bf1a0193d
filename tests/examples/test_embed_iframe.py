"""The example of a room in a frame, run as its first lines say."""

import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from running import embedding

from ports import port

PORT = port(910)


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """The address of the running example."""
    with embedding("embed_iframe", PORT) as address:
        yield address


@pytest.fixture
async def ann(host: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has signed in."""
    async with httpx.AsyncClient(base_url=host, follow_redirects=True) as http:
        assert (await http.get("/sign-in/ann")).url.path == "/meetings/atrium"
        yield http


async def test_the_meeting_has_a_frame_with_a_room_that_may_be_embedded_there(ann: httpx.AsyncClient) -> None:
    meeting = await ann.get("/meetings/a <b>")
    frame = re.search(r'src="([^"]+)"', meeting.text)
    assert frame is not None
    assert frame[1] == "/video/r/a%20%3Cb%3E?embed=1&amp;accent=7a1fa2"
    assert "<b>" not in meeting.text
    room = await ann.get(frame[1].replace("&amp;", "&"))
    assert '<base href="/video/" />' in room.text
    assert room.headers["content-security-policy"] == "frame-ancestors 'self'"


async def test_the_login_decides_who_enters(ann: httpx.AsyncClient, host: str) -> None:
    answer = await ann.get("/video/api/video/token", params={"room": "atrium", "identity": "mallory"})
    assert answer.json()["identity"] == "ann"
    for path in ("/meetings/atrium", "/video/api/video/token?room=atrium"):
        assert httpx.get(host + path).status_code == 401
