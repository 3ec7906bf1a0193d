"""RPC of the server: a host application calls a method that a participant's client has registered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from livekit import api, rtc
from participant import Participant
from wiretap import Call

from servers import MediaServer


class Host:
    """A host application, with the raw answers that it gets."""

    def __init__(self, http: httpx.AsyncClient, room: str) -> None:
        self._http = http
        self._room = room

    async def ask(self, identity: str, method: str, payload: str = "", **request: Any) -> httpx.Response:
        """Calls a method of a participant's client."""
        body = {"room": self._room, "destination_identity": identity, "method": method, "payload": payload}
        return await self._http.post("/twirp/livekit.RoomService/PerformRpc", json=body | request)


@pytest.fixture
async def host(server: MediaServer, room: str) -> AsyncIterator[Host]:
    token = api.AccessToken(server.api_key, server.api_secret).with_identity("host")
    access = token.with_grants(api.VideoGrants(room_admin=True, room=room)).to_jwt()
    headers = {"Authorization": f"Bearer {access}"}
    async with httpx.AsyncClient(base_url=server.http_url, headers=headers, timeout=20) as http:
        yield Host(http, room)


def failed(answer: httpx.Response, status: int, code: str, message: str) -> None:
    """livekit-server puts "twirp error unknown: " before each message."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["msg"].endswith(message), answer.text


@pytest.fixture
async def bob(call: Call) -> rtc.LocalParticipant:
    """A participant with methods of several kinds."""
    caller, _ = await call("bob")
    me = caller.room.local_participant

    @me.register_rpc_method("echo")
    async def echo(asked: rtc.RpcInvocationData) -> str:
        return f"{asked.payload} {asked.caller_identity == asked.request_id} {asked.response_timeout}"

    @me.register_rpc_method("refuse")
    async def refuse(asked: rtc.RpcInvocationData) -> str:
        raise rtc.RpcError(1234, "not today", data=asked.payload or None)

    @me.register_rpc_method("big")
    async def big(_: rtc.RpcInvocationData) -> str:
        return "x" * 16_000

    @me.register_rpc_method("wait")
    async def wait(asked: rtc.RpcInvocationData) -> str:
        await asyncio.sleep(float(asked.payload))
        return "late"

    return me


async def test_a_client_answers(host: Host, bob: rtc.LocalParticipant) -> None:
    """The server calls under the request's id: it has no identity."""
    assert (await host.ask("bob", "echo", "hi")).json() == {"payload": "hi True 10.0"}
    assert (await host.ask("bob", "echo", "hi", response_timeout_ms=5000)).json() == {"payload": "hi True 5.0"}
    answers = await asyncio.gather(*(host.ask("bob", "echo", str(n)) for n in range(20)))
    assert [answer.json()["payload"].split()[0] for answer in answers] == [str(n) for n in range(20)]


async def test_what_a_client_answers_goes_to_nobody_else(host: Host, bob: rtc.LocalParticipant, call: Call) -> None:
    carol, _ = await call("carol")
    await host.ask("bob", "echo", "hi")
    await bob.publish_data("fence")
    await carol.event("data_received", lambda packet: packet.data == b"fence")
    assert len(carol.all("data_received")) == 1


async def test_a_clients_own_errors_come_back(host: Host, bob: rtc.LocalParticipant) -> None:
    failed(await host.ask("bob", "refuse"), 500, "internal", "RpcError 1234: not today")
    failed(await host.ask("bob", "refuse", "why"), 500, "internal", "RpcError 1234: not today: why")
    failed(await host.ask("bob", "big"), 500, "internal", "RpcError 1504: Response payload too large")


async def test_a_method_that_nobody_registered(host: Host, bob: rtc.LocalParticipant) -> None:
    for payload in ("", "x" * 15_360):
        answer = await host.ask("bob", "nothing", payload)
        failed(answer, 400, "invalid_argument", "RpcError 1400: Method not supported at destination")


async def test_a_payload_has_a_limit(host: Host, bob: rtc.LocalParticipant) -> None:
    answer = await host.ask("bob", "echo", "ü" * 7_681)
    failed(answer, 400, "invalid_argument", "RpcError 1402: Request payload too large")


async def test_an_answer_must_come_in_time(host: Host, bob: rtc.LocalParticipant) -> None:
    answer = await host.ask("bob", "wait", "2", response_timeout_ms=200)
    failed(answer, 408, "canceled", "RpcError 1502: Response timeout")


async def test_a_client_that_leaves_answers_nothing(host: Host, call: Call) -> None:
    dave, _ = await call("dave")
    asked = asyncio.Event()

    @dave.room.local_participant.register_rpc_method("hang")
    async def hang(_: rtc.RpcInvocationData) -> str:
        asked.set()
        return await asyncio.Future[str]()

    answer = asyncio.create_task(host.ask("dave", "hang"))
    await asked.wait()
    await dave.room.disconnect()
    # livekit-server answers the one or the other, as the participant goes before the request or after it.
    outcome = ((await answer).status_code, (await answer).json()["code"])
    assert outcome in {(404, "not_found"), (503, "unavailable")}


async def test_who_is_not_connected_cannot_be_asked(host: Host, alice: Participant) -> None:
    failed(await host.ask("alice", "echo"), 500, "internal", "data channel is not available")
    failed(await host.ask("", "echo"), 400, "invalid_argument", "destination identity is required")


@pytest.mark.slow
async def test_a_slow_answer_is_asked_for_once(host: Host, call: Call, differs: bool) -> None:
    erin, _ = await call("erin")
    asked: list[str] = []

    @erin.room.local_participant.register_rpc_method("slow")
    async def slow(data: rtc.RpcInvocationData) -> str:
        asked.append(data.request_id)
        await asyncio.sleep(3.5)
        return "late"

    assert (await host.ask("erin", "slow")).json() == {"payload": "late"}
    assert len(asked) == (1 if differs else 2)
