"""What a room shall be: said by the token of whoever comes first, or by who makes it before."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from livekit import api
from participant import Participant, claims_of, connected
from wire import hand_made_token, refusal, rtc_url

from servers import MediaServer

Enter = Callable[..., Awaitable[Participant]]


def access(server: MediaServer, room: str, identity: str = "alice", **claims: Any) -> str:
    return hand_made_token(server, sub=identity, video={"roomJoin": True, "room": room}, **claims)


@pytest.fixture
async def enter(server: MediaServer, room: str) -> AsyncIterator[Enter]:
    """Lets somebody join with a token that says this besides."""
    async with AsyncExitStack() as stack:

        async def enter(identity: str, query: dict[str, Any] | None = None, **claims: Any) -> Participant:
            opened = connected(server, access(server, room, identity, **claims), identity, **(query or {}))
            participant = await stack.enter_async_context(opened)
            participant.joined = (await participant.next()).join
            return participant

        yield enter


@pytest.fixture
async def moderator(server: MediaServer) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as client:
        yield client


async def foretold(server: MediaServer, token: str) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.get(rtc_url(server, token, "/rtc/validate", "http"))).status_code


@pytest.mark.parametrize(
    "configuration",
    [
        {"emptyTimeout": 66, "departureTimeout": 55, "maxParticipants": 3, "metadata": "m", "weather": "fine"},
        {"empty_timeout": 66, "departure_timeout": 55, "max_participants": 3, "metadata": "m", "name": "another"},
    ],
    ids=["lowerCamelCase", "snake_case"],
)
async def test_first_token_says_what_the_room_is(enter: Enter, room: str, configuration: dict[str, Any]) -> None:
    alice = await enter("alice", roomConfig=configuration)

    told = alice.joined.room
    assert (told.name, told.empty_timeout, told.departure_timeout) == (room, 66, 55)
    assert (told.max_participants, told.metadata) == (3, "m")


async def test_later_tokens_change_nothing(enter: Enter) -> None:
    await enter("alice", roomConfig={"metadata": "first"})

    bob = await enter("bob", roomConfig={"metadata": "second", "emptyTimeout": 66}, roomPreset="unknown")

    assert (bob.joined.room.metadata, bob.joined.room.empty_timeout) == ("first", 300)


async def test_token_for_later_says_it_too(enter: Enter) -> None:
    configuration = {"emptyTimeout": 66, "metadata": "m"}
    alice = await enter("alice", roomConfig=configuration)
    bob = await enter("bob", roomPreset="unknown")

    assert claims_of(await alice.until("refresh_token"))["roomConfig"] == configuration
    assert claims_of(await bob.until("refresh_token"))["roomPreset"] == "unknown"


@pytest.mark.parametrize("configuration", [{"emptyTimeout": "long"}, ["metadata"], "metadata"])
async def test_what_is_no_configuration(server: MediaServer, room: str, configuration: object) -> None:
    token = access(server, room, roomConfig=configuration)

    assert (await refusal(server, token))[0] == 401
    assert await foretold(server, token) == 401


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"roomPreset": "unknown"}, id="preset"),
        pytest.param({"metadata": "m" * (512 * 1024 + 1)}, id="long-metadata"),
        pytest.param({"attributes": {"a": "b" * (64 * 1024)}}, id="long-attributes"),
    ],
)
async def test_what_cannot_be_is_refused(server: MediaServer, room: str, claims: dict[str, Any]) -> None:
    status, text = await refusal(server, access(server, room, **claims))

    # livekit-server's is 500 and "connection closed by media".
    assert status >= 400
    assert text


async def test_name_in_a_token_may_be_long(enter: Enter) -> None:
    assert (await enter("alice", name="n" * 300)).joined.participant.name == "n" * 300


async def test_second_connection_of_old_clients(enter: Enter, server: MediaServer, room: str) -> None:
    screen = await enter("alice", {"publish": "screen"})

    assert screen.joined.participant.identity == "alice#screen"
    assert not screen.joined.subscriber_primary
    assert not screen.joined.participant.permission.can_subscribe
    forbidden = {"roomJoin": True, "room": room, "canPublish": False}
    assert (await refusal(server, hand_made_token(server, video=forbidden), publish="screen"))[0] == 401


async def test_making_a_room_again_changes_nothing(moderator: api.LiveKitAPI, room: str) -> None:
    made = await moderator.room.create_room(api.CreateRoomRequest(name=room, empty_timeout=55, metadata="first"))

    wanted = api.CreateRoomRequest(
        name=room, empty_timeout=66, departure_timeout=77, max_participants=3, metadata="second", room_preset="unknown"
    )
    again = await moderator.room.create_room(wanted)

    assert (again.sid, again.empty_timeout, again.metadata) == (made.sid, 55, "first")
    assert (again.departure_timeout, again.max_participants) == (made.departure_timeout, made.max_participants)


@pytest.mark.parametrize("part", [{"metadata": "m" * (512 * 1024 + 1)}, {"attributes": {"a": "b" * (64 * 1024)}}])
async def test_a_made_rooms_agents_have_limits(moderator: api.LiveKitAPI, room: str, part: dict[str, Any]) -> None:
    wanted = api.CreateRoomRequest(name=room, agents=[api.RoomAgentDispatch(agent_name="a", **part)])

    with pytest.raises(api.TwirpError, match="exceeds limits") as refused:
        await moderator.room.create_room(wanted)

    assert refused.value.code == "invalid_argument"


async def test_a_made_room_is_what_was_made(enter: Enter, moderator: api.LiveKitAPI, room: str) -> None:
    wanted = api.CreateRoomRequest(name=room, empty_timeout=55, departure_timeout=44, max_participants=1, metadata="m")
    made = await moderator.room.create_room(wanted)

    alice = await enter("alice", roomConfig={"metadata": "of the token"})

    told = alice.joined.room
    assert (told.sid, told.creation_time_ms) == (made.sid, made.creation_time_ms)
    assert (told.empty_timeout, told.departure_timeout, told.max_participants, told.metadata) == (55, 44, 1, "m")
    with pytest.raises(Exception, match="rejected WebSocket"):
        await enter("bob")
