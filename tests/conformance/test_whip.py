"""WHIP: publishing by one HTTP request."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from livekit.protocol import models
from offers import AUDIO, VIDEO, format_of, offer_of, sections_of
from participant import Participant, token

from servers import MediaServer

SDP = "application/sdp"


@pytest.fixture
async def http(server: MediaServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.http_url, timeout=20) as client:
        yield client


@pytest.fixture
def bearer(server: MediaServer, room: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(server, 'camera', room)}"}


async def post(http: httpx.AsyncClient, headers: dict[str, str], offer: str, content_type: str = SDP) -> httpx.Response:
    return await http.post("/whip/v1", content=offer, headers={**headers, "Content-Type": content_type})


async def test_an_offer_is_answered(http: httpx.AsyncClient, bearer: dict[str, str], alice: Participant) -> None:
    answer = await post(http, bearer, offer_of(AUDIO, VIDEO))

    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"].startswith(SDP)
    assert "a=ice-ufrag:" in answer.text
    assert "a=candidate:" in answer.text
    assert answer.text.count("a=recvonly") == 2
    assert "ice-server" in answer.headers["link"]
    info = await alice.update_about("camera")
    assert answer.headers["location"] == f"/whip/v1/{info.sid}"


async def test_silence_is_to_be_sent(http: httpx.AsyncClient, bearer: dict[str, str]) -> None:
    answer = await post(http, bearer, offer_of(AUDIO))

    assert format_of(sections_of(answer.text)[0]) == {"minptime=10", "useinbandfec=1"}


async def test_deleting_ends_the_session(
    http: httpx.AsyncClient, bearer: dict[str, str], server: MediaServer, room: str, alice: Participant
) -> None:
    location = (await post(http, bearer, offer_of(AUDIO))).headers["location"]
    another = {"Authorization": f"Bearer {token(server, 'another', room)}"}

    assert (await http.delete(location)).status_code == 401
    assert (await http.delete(location, headers=another)).status_code == 404
    assert (await http.delete(location, headers=bearer)).status_code == 200
    gone = models.ParticipantInfo.DISCONNECTED
    await alice.update_about("camera", lambda info: info.state == gone)
    assert (await http.delete(location, headers=bearer)).status_code == 404


async def test_the_same_identity_replaces_its_session(
    http: httpx.AsyncClient, bearer: dict[str, str], alice: Participant
) -> None:
    for _ in range(2):
        sid = (await post(http, bearer, offer_of(AUDIO))).headers["location"].removeprefix("/whip/v1/")
        await alice.update_about("camera", lambda info, sid=sid: info.sid == sid)


@pytest.mark.parametrize(
    ("grants", "offer", "content_type", "status"),
    [
        pytest.param({}, offer_of(AUDIO), "text/plain", 400, id="content-type"),
        pytest.param({}, "", SDP, 400, id="no-offer"),
        pytest.param({}, "nonsense", SDP, 400, id="nonsense"),
        pytest.param({"room_join": False}, offer_of(AUDIO), SDP, 401, id="may-not-join"),
    ],
)
async def test_what_is_refused(
    http: httpx.AsyncClient,
    server: MediaServer,
    room: str,
    grants: dict[str, Any],
    offer: str,
    content_type: str,
    status: int,
) -> None:
    headers = {"Authorization": f"Bearer {token(server, 'camera', room, **grants)}"}

    answer = await post(http, headers, offer, content_type)

    assert answer.status_code == status
    assert answer.json()["error"]


async def test_nobody_in_particular_publishes_nothing(http: httpx.AsyncClient) -> None:
    assert (await post(http, {}, offer_of(AUDIO))).status_code == 401


@pytest.mark.parametrize("path", ["/whip/v1", "/whip/v1/PA_unknown"])
async def test_there_is_nothing_to_get(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 204
