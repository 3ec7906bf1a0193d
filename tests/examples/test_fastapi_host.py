"""The example of embedding, run as its first lines say."""

from collections.abc import AsyncIterator, Iterator

import httpx
import jwt
import pytest
import websockets
from livekit import rtc
from running import embedding

from ports import port
from visavis.hub.protocol import RECORD_SEPARATOR

PORT = port(900)


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """The address of the running example."""
    with embedding("fastapi_host", PORT) as address:
        yield address


@pytest.fixture
async def ann(host: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has signed in."""
    async with httpx.AsyncClient(base_url=host, follow_redirects=True) as http:
        assert (await http.get("/sign-in/ann")).url.path == "/video/"
        yield http


async def test_the_page_and_its_assets_are_under_the_prefix(ann: httpx.AsyncClient) -> None:
    for path in ("/video", "/video/", "/video/r/atrium"):
        page = await ann.get(path)
        assert '<base href="/video/" />' in page.text
    script = page.text.split('src="./assets/')[1].split('"')[0]
    assert (await ann.get(f"/video/assets/{script}")).status_code == 200
    assert (await ann.get("/r/atrium")).status_code == 404


async def test_the_host_says_who_the_caller_is(ann: httpx.AsyncClient, host: str) -> None:
    answer = (await ann.get("/video/api/video/token", params={"identity": "mallory"})).json()
    assert answer["identity"] == "ann"
    assert answer["url"] == f"ws://127.0.0.1:{PORT}/video"
    assert jwt.decode(answer["token"], options={"verify_signature": False})["name"] == "Ann Arbor"
    refused = httpx.get(f"{host}/video/api/video/token")
    assert (refused.status_code, refused.text) == (401, "Sign in first.")


async def test_a_call_and_the_hub_work_under_the_prefix(ann: httpx.AsyncClient) -> None:
    async with websockets.connect(f"ws://127.0.0.1:{PORT}/video/notificationHub") as hub:
        await hub.send('{"protocol":"json","version":1}' + RECORD_SEPARATOR)
        await hub.recv()
        first = (await ann.get("/video/api/video/token")).json()
        bearer = {"Authorization": f"Bearer {first['token']}"}
        answer = (await ann.post("/video/api/video/rooms/atrium/token", headers=bearer)).json()
        room = rtc.Room()
        await room.connect(answer["url"], answer["token"])
        assert (room.local_participant.identity, room.local_participant.name) == ("ann", "Ann Arbor")
        assert '"RoomsUpdated"' in str(await hub.recv())
        [listed] = (await ann.get("/video/api/video/rooms")).json()
        assert (listed["name"], listed["participantCount"]) == ("atrium", 1)
        await room.disconnect()
