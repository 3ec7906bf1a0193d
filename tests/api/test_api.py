"""The seed's REST API: over rooms in this process, whose media core is a fake, and over those of a real cluster."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import jwt
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Mount

from ports import port
from servers import LIVEKIT_SERVER, MediaServer, livekit_server
from visavis import EmbeddedBackend, EmbeddedOptions, User, Visavis
from visavis.backend.livekit import LiveKitBackend, LiveKitOptions
from visavis.media.fake import FakeEngine

KEYS = {"devkey": "a secret of the tests, 32 bytes or more"}
TOKEN = "/api/video/token"

Client = Callable[..., httpx.AsyncClient]


@pytest.fixture(scope="session")
def node() -> Iterator[MediaServer]:
    """The cluster: one livekit-server."""
    assert LIVEKIT_SERVER.is_file(), f"there is no livekit-server at {LIVEKIT_SERVER}: run `make livekit-server`"
    with livekit_server(port(860), binary=str(LIVEKIT_SERVER)) as server:
        yield server


@pytest.fixture(params=["embedded", "livekit"])
def cluster(request: pytest.FixtureRequest) -> MediaServer | None:
    """Where rooms live; None: in this process."""
    return None if request.param == "embedded" else request.getfixturevalue("node")


@pytest.fixture
async def client(cluster: MediaServer | None) -> AsyncIterator[Client]:
    """Makes clients of an app: ``client(identify=…, prefix="/video")``."""
    clients: list[httpx.AsyncClient] = []
    videos: list[Visavis] = []

    def make(identify: Any = None, prefix: str = "", base: str = "http://video.example") -> httpx.AsyncClient:
        if cluster is None:
            backend: Any = EmbeddedBackend(EmbeddedOptions(keys=KEYS), engine=lambda _: FakeEngine())
        else:
            backend = LiveKitBackend(LiveKitOptions(url=cluster.url, keys=KEYS))
        video = Visavis(backend, identify=identify)
        videos.append(video)
        app: Any = Starlette(routes=[Mount(prefix, video)]) if prefix else video
        clients.append(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base + prefix))
        return clients[-1]

    yield make
    for each in clients:
        await each.aclose()
    for video in videos:
        await video.stop()


def claims(answer: httpx.Response) -> dict[str, Any]:
    """What the answered token says."""
    assert answer.status_code == 200, answer.text
    return jwt.decode(answer.json()["token"], KEYS["devkey"], algorithms=["HS256"])


async def test_a_stranger_gets_a_new_guid_each_time(client: Client) -> None:
    http = client()
    first, second = [(await http.get(TOKEN)).json() for _ in range(2)]
    assert first.keys() == {"token", "url", "identity"}
    assert uuid.UUID(first["identity"]) != uuid.UUID(second["identity"])


async def test_the_query_names_identity_name_and_room(client: Client) -> None:
    answer = await client().get(TOKEN, params={"identity": "alice", "name": "Alice Ä.", "room": "atrium"})
    assert answer.json()["identity"] == claims(answer)["sub"] == "alice"
    assert claims(answer)["name"] == "Alice Ä."
    assert claims(answer)["video"]["room"] == "atrium"
    assert claims(answer)["video"]["roomJoin"] is True


async def test_without_a_room_the_token_names_none(client: Client) -> None:
    assert "room" not in claims(await client().get(TOKEN))["video"]


@pytest.mark.parametrize("known", ["ann", User("ann", "Ann of the host")])
async def test_the_hosts_word_wins_over_the_query(client: Client, known: User | str) -> None:
    answer = await client(lambda _: known).get(TOKEN, params={"identity": "mallory", "name": "Mallory"})
    assert claims(answer)["sub"] == "ann"
    assert claims(answer)["name"] == ("Mallory" if known == "ann" else "Ann of the host")


async def test_the_host_may_await_and_may_not_know(client: Client) -> None:
    async def identify(request: Request) -> str | None:
        return request.headers.get("x-user")

    http = client(identify)
    assert (await http.get(TOKEN, headers={"x-user": "ann"})).json()["identity"] == "ann"
    assert (await http.get(TOKEN, params={"identity": "guest"})).json()["identity"] == "guest"


async def test_whom_the_host_refuses_gets_neither_token_nor_rooms(client: Client) -> None:
    def identify(_: Request) -> str:
        raise HTTPException(403, "sign in first")

    http = client(identify)
    for path in (TOKEN, "/api/video/rooms"):
        answer = await http.get(path)
        assert (answer.status_code, answer.text) == (403, "sign in first")


async def test_a_roomless_token_is_exchanged_for_a_rooms_with_the_same_identity(client: Client) -> None:
    http = client()
    first = await http.get(TOKEN, params={"identity": "alice", "name": "Alice"})
    bearer = {"Authorization": f"Bearer {first.json()['token']}"}
    second = await http.post("/api/video/rooms/Morning coffee/token", headers=bearer)
    assert second.json()["identity"] == "alice"
    assert second.json()["url"] == first.json()["url"]
    assert claims(second)["video"] == claims(first)["video"] | {"room": "Morning coffee"}
    assert (claims(second)["name"], claims(second)["exp"]) == ("Alice", claims(first)["exp"])


async def test_an_exchange_without_a_bearer_says_what_to_send(client: Client) -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer "}):
        answer = await client().post("/api/video/rooms/atrium/token", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"] == "no_token"
        assert "/api/video/token" in answer.json()["message"]


async def test_what_was_said_in_a_room_is_for_those_inside(client: Client) -> None:
    http = client()
    token = (await http.get(TOKEN, params={"identity": "alice", "room": "atrium"})).json()["token"]
    answer = await http.get("/api/video/rooms/atrium/chat", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]) == (403, "not_in_room")
    answer = await http.get("/api/video/rooms/atrium/chat")
    assert (answer.status_code, answer.json()["error"]) == (401, "no_token")


async def test_a_wait_without_an_answer_is_asked_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.moderation_api.WAIT_SECONDS", 0.05)
    http = client()

    async def token_of(identity: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {(await http.get(TOKEN, params={'identity': identity})).json()['token']}"}

    room = {"name": "the den", "waitingRoom": True}
    assert (await http.post("/api/video/rooms", json=room, headers=await token_of("maker"))).status_code == 200
    knocker = await token_of("knocker")
    for path in ("token", "wait", "wait"):
        answer = await http.post(f"/api/video/rooms/the den/{path}", headers=knocker)
        assert (answer.status_code, answer.json()) == (202, {"waiting": True})


@pytest.mark.parametrize("identity", ["x" * 257, ""])
async def test_an_identity_has_1_to_256_characters(client: Client, identity: str) -> None:
    answer = await client(lambda _: User(identity)).get(TOKEN)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_identity"


@pytest.mark.parametrize(
    ("base", "prefix", "url"),
    [
        ("http://localhost:7880", "", "ws://localhost:7880"),
        ("https://video.example", "", "wss://video.example"),
        ("https://example.org:8443", "/video", "wss://example.org:8443/video"),
        ("http://[::1]:7880", "", "ws://[::1]:7880"),
    ],
)
async def test_the_url_is_where_the_caller_reached_us_or_the_clusters(
    client: Client, cluster: MediaServer | None, base: str, prefix: str, url: str
) -> None:
    told = (await client(base=base, prefix=prefix).get(TOKEN)).json()["url"]
    assert told == (url if cluster is None else cluster.url)


async def test_answers_are_not_stored_and_can_be_read_by_pages_of_other_origins(client: Client) -> None:
    http = client()
    for path in (TOKEN, "/api/video/rooms"):
        answer = await http.get(path, headers={"Origin": "https://elsewhere.example"})
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


async def test_no_rooms_is_an_empty_list(client: Client) -> None:
    assert (await client().get("/api/video/rooms")).json() == []


@pytest.mark.parametrize(
    ("method", "path"), [("POST", TOKEN), ("DELETE", "/api/video/rooms"), ("GET", "/api/video/no")]
)
async def test_other_methods_and_addresses_are_refused(client: Client, method: str, path: str) -> None:
    assert (await client().request(method, path)).status_code in (404, 405)
