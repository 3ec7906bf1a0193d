"""What the server API says where livekit-server says something else, or nothing. The rest is in tests/conformance."""

from collections.abc import AsyncIterator

import httpx
import pytest
from livekit import api
from starlette.applications import Starlette
from starlette.routing import Mount

from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions
from visavis.media.fake import FakeEngine

SECRET = "a secret of the tests, 32 bytes or more"


@pytest.fixture
async def backend() -> AsyncIterator[EmbeddedBackend]:
    backend = EmbeddedBackend(EmbeddedOptions(keys={"devkey": SECRET}), engine=lambda _: FakeEngine())
    yield backend
    await backend.stop()


@pytest.fixture
async def http(backend: EmbeddedBackend) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Mount("/video", routes=backend.routes())])
    grants = api.VideoGrants(room_create=True, room_list=True, room_admin=True, room="r", destination_room="s")
    token = api.AccessToken("devkey", SECRET).with_identity("moderator").with_grants(grants).to_jwt()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://video.example/video/twirp",
        headers={"Authorization": f"Bearer {token}"},
    ) as http:
        yield http


@pytest.mark.parametrize("path", ["Egress/ListEgress", "Ingress/CreateIngress", "SIP/ListSIPTrunk"])
async def test_services_that_are_not_served_say_so(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.post(f"/livekit.{path}", json={})
    assert (answer.status_code, answer.json()["code"]) == (501, "unimplemented")
    assert "not served here" in answer.json()["msg"]
    assert (await http.post(f"/livekit.{path}x", json={})).json()["code"] == "bad_route"


async def test_a_body_has_a_limit(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/livekit.RoomService/ListRooms", content=b"x" * (10 << 20) + b"x", headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (429, "resource_exhausted")


async def test_a_room_needs_a_name_that_can_be(http: httpx.AsyncClient) -> None:
    for name in ("", "a/b"):
        answer = await http.post("/livekit.RoomService/CreateRoom", json={"name": name})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument")
        assert "room" in answer.json()["msg"]


async def test_a_room_that_was_made_is_in_the_list(http: httpx.AsyncClient, backend: EmbeddedBackend) -> None:
    changes: list[int] = []
    backend.on_change(lambda: changes.append(1))
    await http.post("/livekit.RoomService/CreateRoom", json={"name": "r", "max_participants": 7})
    [listed] = backend.rooms()
    assert (listed.name, listed.participant_count, listed.max_participants) == ("r", 0, 7)
    assert changes


@pytest.mark.parametrize("method", ["MutePublishedTrack", "UpdateSubscriptions", "SendData"])
async def test_an_unknown_room_is_told_at_once(http: httpx.AsyncClient, method: str) -> None:
    """livekit-server waits for seconds, and then answers 503."""
    answer = await http.post(f"/livekit.RoomService/{method}", json={"room": "r", "identity": "a", "muted": True})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["ForwardParticipant", "MoveParticipant"])
async def test_moving_wants_the_destination_granted_and_somebody_to_move(http: httpx.AsyncClient, method: str) -> None:
    for destination, code in (("elsewhere", "unauthenticated"), ("s", "not_found")):
        body = {"room": "r", "identity": "a", "destination_room": destination}
        assert (await http.post(f"/livekit.RoomService/{method}", json=body)).json()["code"] == code


async def test_an_rpc_to_nobody_is_told_at_once(http: httpx.AsyncClient) -> None:
    for destination, code in (("", "invalid_argument"), ("a", "not_found")):
        body = {"room": "r", "destination_identity": destination, "method": "m"}
        assert (await http.post("/livekit.RoomService/PerformRpc", json=body)).json()["code"] == code


async def test_a_bug_is_no_other_answer(
    http: httpx.AsyncClient, backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = await backend.registry()
    monkeypatch.setattr(type(registry), "__iter__", lambda _: 1 / 0)
    answer = await http.post("/livekit.RoomService/ListRooms", json={})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
