"""Who is not let in, with which status, at `/rtc` and at its question beforehand, `/rtc/validate`."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from participant import LARGEST_ROOM, Join, connected, token
from wire import hand_made_token, refusal, rtc_url

from servers import MediaServer

AN_HOUR = 3600
Access = Callable[[MediaServer], str | None]


def made(**changes: Any) -> Access:
    """A token that is good but for these claims."""
    return lambda server: hand_made_token(server, **changes)


def allowing(**grants: Any) -> Access:
    """A token with these grants."""
    return made(video={"roomJoin": True, "room": "somewhere", **grants})


REFUSALS = [
    pytest.param(lambda _: None, 401, id="no-token"),
    pytest.param(lambda _: "no.jwt.atall", 401, id="not-a-token"),
    pytest.param(made(secret="another secret of 32 bytes or more!!"), 401, id="bad-signature"),
    pytest.param(made(iss="somebody"), 401, id="unknown-key"),
    pytest.param(made(algorithm="none"), 401, id="unsigned"),
    pytest.param(made(exp=int(time.time()) - AN_HOUR), 401, id="expired"),
    pytest.param(made(nbf=int(time.time()) + AN_HOUR), 401, id="not-yet-valid"),
    pytest.param(made(video=None), 401, id="no-grants"),
    pytest.param(allowing(roomJoin=False), 401, id="may-not-join"),
    pytest.param(allowing(room=""), 400, id="no-room"),
    pytest.param(allowing(room="r" * 257), 400, id="long-room-name"),
    pytest.param(made(sub=""), 400, id="no-identity"),
    pytest.param(made(sub="i" * 257), 400, id="long-identity"),
]


@pytest.mark.parametrize(("access", "status"), REFUSALS)
async def test_refusal(server: MediaServer, access: Access, status: int) -> None:
    answered, text = await refusal(server, access(server))

    assert answered == status
    assert text


@pytest.mark.parametrize(("access", "status"), REFUSALS)
async def test_refusal_is_foretold(server: MediaServer, access: Access, status: int) -> None:
    answer = await _ask(rtc_url(server, access(server), "/rtc/validate", "http"))

    assert answer.status_code == status
    assert answer.text
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_consent_is_foretold(server: MediaServer, room: str) -> None:
    answer = await _ask(rtc_url(server, token(server, "alice", room), "/rtc/validate", "http"))

    assert (answer.status_code, answer.text) == (200, "success")
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_header_may_bear_the_token(server: MediaServer, room: str) -> None:
    bearer = {"Authorization": f"Bearer {token(server, 'alice', room)}"}

    assert (await _ask(rtc_url(server, None, "/rtc/validate", "http"), bearer)).status_code == 200


async def test_header_wins_over_query(server: MediaServer, room: str) -> None:
    url = rtc_url(server, token(server, "alice", room), "/rtc/validate", "http")

    assert (await _ask(url, {"Authorization": "Bearer no.jwt.atall"})).status_code == 401


async def test_header_must_say_bearer(server: MediaServer, room: str) -> None:
    access = token(server, "alice", room)

    answer = await _ask(rtc_url(server, None, "/rtc/validate", "http"), {"Authorization": access})

    assert answer.status_code == 401


async def test_token_may_be_a_minute_off(server: MediaServer) -> None:
    access = hand_made_token(server, exp=int(time.time()) - 30, nbf=int(time.time()) + 30)

    assert (await _ask(rtc_url(server, access, "/rtc/validate", "http"))).status_code == 200


async def test_token_without_end(server: MediaServer, differs: bool) -> None:
    answer = await _ask(rtc_url(server, hand_made_token(server, exp=None), "/rtc/validate", "http"))

    assert answer.status_code == (401 if differs else 200)


async def test_room_of_the_query_does_not_count(server: MediaServer, join: Join, room: str) -> None:
    alice = await join("alice", query={"room": "another-room"})

    assert alice.joined.room.name == room


async def test_plain_get_is_no_signalling(server: MediaServer, room: str) -> None:
    answer = await _ask(rtc_url(server, token(server, "alice", room), "/rtc", "http"))

    assert answer.status_code == 404


async def test_slashes_at_the_front_collapse(server: MediaServer, room: str) -> None:
    answer = await _ask(rtc_url(server, token(server, "alice", room), "//rtc/validate", "http"))

    assert answer.status_code == 200


async def test_own_attributes_need_the_grant(server: MediaServer, room: str) -> None:
    answered, _ = await refusal(server, token(server, "alice", room), attributes="eyJhIjoiYiJ9")

    assert answered == 401


async def test_full_room(server: MediaServer, join: Join, room: str, differs: bool) -> None:
    for number in range(LARGEST_ROOM):
        await join(f"guest {number}")

    answered, text = await refusal(server, token(server, "one too many", room))

    assert answered == (403 if differs else 500)
    assert text


async def test_full_room_lets_the_same_identity_in_again(join: Join) -> None:
    for number in range(LARGEST_ROOM):
        await join(f"guest {number}")

    again = await join("guest 0")

    assert again.joined.participant.identity == "guest 0"


async def test_health(server: MediaServer) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.head(server.http_url, headers={"Origin": "http://elsewhere.example"})

    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] in {"*", "http://elsewhere.example"}


@pytest.mark.parametrize("path", ["/settings/regions", "/rtc/v2", "/twirp/livekit.Nothing/Nothing"])
async def test_unknown_address_can_be_read_by_pages_of_other_origins(server: MediaServer, path: str) -> None:
    answer = await _ask(server.http_url + path, {"Origin": "http://elsewhere.example"})

    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] in {"*", "http://elsewhere.example"}


@pytest.mark.parametrize("path", ["/rtc/validate", "/rtc/v1/validate", "/twirp/livekit.RoomService/ListRooms"])
async def test_pages_of_other_origins_may_ask(server: MediaServer, path: str) -> None:
    headers = {
        "Origin": "http://elsewhere.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    async with httpx.AsyncClient() as client:
        answer = await client.options(server.http_url + path, headers=headers)

    assert answer.is_success
    assert answer.headers["access-control-allow-origin"] in {"*", "http://elsewhere.example"}
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-max-age"] == "86400"


async def test_a_slash_more_is_no_matter_for_signalling(server: MediaServer, room: str) -> None:
    async with connected(server, token(server, "alice", room), "alice", path="//rtc") as alice:
        assert (await alice.next()).HasField("join")


async def _ask(url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url, headers=headers)
