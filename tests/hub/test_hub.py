"""The hub over real sockets: negotiation, the three transports, errors, limits."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import websockets
from served_hub import HANDSHAKE, QUICK, Served, serving, websocket

from visavis.hub import HubLimits
from visavis.hub.protocol import RECORD_SEPARATOR

RoomsUpdated = Callable[[bool], dict[str, Any]]
CALL = {"type": 1, "target": "RoomsUpdated", "arguments": [True], "streamIds": []}


async def negotiate(http: httpx.AsyncClient, served: Served, query: str = "?negotiateVersion=1") -> dict[str, Any]:
    response = await http.post(f"{served.url}/negotiate{query}")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/json")
    return response.json()


class TestNegotiate:
    @pytest.mark.parametrize("query", ["", "?negotiateVersion=0"])
    async def test_version_0_has_only_an_id(self, http: httpx.AsyncClient, served: Served, query: str) -> None:
        answer = await negotiate(http, served, query)
        assert answer["negotiateVersion"] == 0
        assert "connectionToken" not in answer
        async with websocket(served, f"?id={answer['connectionId']}"):
            assert served.hub.connection_count == 1

    @pytest.mark.parametrize("query", ["?negotiateVersion=1", "?NegotiateVersion=1", "?negotiateVersion=7"])
    async def test_version_1_and_newer_have_a_secret(self, http: httpx.AsyncClient, served: Served, query: str) -> None:
        answer = await negotiate(http, served, query)
        assert answer["negotiateVersion"] == 1
        assert answer["connectionToken"] != answer["connectionId"]
        assert (await http.get(f"{served.url}?id={answer['connectionId']}")).status_code == 404
        async with websocket(served, f"?id={answer['connectionToken']}"):
            assert served.hub.connection_count == 1

    async def test_the_three_transports_are_offered_in_order(self, http: httpx.AsyncClient, served: Served) -> None:
        offered = (await negotiate(http, served))["availableTransports"]
        assert [o["transport"] for o in offered] == ["WebSockets", "ServerSentEvents", "LongPolling"]
        assert all("Text" in o["transferFormats"] for o in offered)

    async def test_stateful_reconnect_is_not_promised(self, http: httpx.AsyncClient, served: Served) -> None:
        answer = await negotiate(http, served, "?negotiateVersion=1&useStatefulReconnect=true")
        assert not answer.get("useStatefulReconnect")

    @pytest.mark.parametrize(
        ("version", "error"),
        [
            ("x", "The client requested a non-integer protocol version."),
            ("-1", "The client requested version '-1', but the server does not support this version."),
        ],
    )
    async def test_a_strange_version_is_told(
        self, http: httpx.AsyncClient, served: Served, version: str, error: str
    ) -> None:
        assert await negotiate(http, served, f"?negotiateVersion={version}") == {"error": error}

    async def test_works_under_a_mount(self, rooms_updated: RoomsUpdated) -> None:
        async with serving(prefix="/video/chat") as served, httpx.AsyncClient() as http:
            token = (await negotiate(http, served))["connectionToken"]
            async with websocket(served, f"?id={token}") as client:
                await served.hub.broadcast(True)
                assert await client.receive() == rooms_updated(True)

    async def test_get_is_not_allowed(self, http: httpx.AsyncClient, served: Served) -> None:
        assert (await http.get(f"{served.url}/negotiate")).status_code == 405


class TestCalls:
    @pytest.mark.parametrize("flag", [True, False])
    async def test_a_call_reaches_all_others_and_not_the_caller(
        self, served: Served, rooms_updated: RoomsUpdated, flag: bool
    ) -> None:
        async with websocket(served) as alice, websocket(served) as bob, websocket(served) as carol:
            await alice.send({**CALL, "arguments": [flag]})
            assert await bob.receive() == rooms_updated(flag)
            assert await carol.receive() == rooms_updated(flag)
            # The completion is the first thing alice hears: no call came back, and `send` got no answer.
            await alice.send({**CALL, "invocationId": "9"})
            assert await alice.receive() == {"type": 3, "invocationId": "9", "result": None}

    async def test_method_names_have_no_case(self, served: Served, rooms_updated: RoomsUpdated) -> None:
        async with websocket(served) as alice, websocket(served) as bob:
            await alice.send({**CALL, "target": "roomsupdated"})
            assert await bob.receive() == rooms_updated(True)

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            (
                {"target": "Nope"},
                "Failed to invoke 'Nope' due to an error on the server. HubException: Method does not exist.",
            ),
            ({"arguments": []}, "Failed to invoke 'RoomsUpdated' due to an error on the server."),
            ({"arguments": [True, 1]}, "Failed to invoke 'RoomsUpdated' due to an error on the server."),
            ({"arguments": [1]}, "Failed to invoke 'RoomsUpdated' due to an error on the server."),
            ({"arguments": [None]}, "Failed to invoke 'RoomsUpdated' due to an error on the server."),
            (
                {"type": 4},
                "The client attempted to invoke the non-streaming 'RoomsUpdated' method with a streaming invocation.",
            ),
            (
                {"streamIds": ["1"]},
                "An unexpected error occurred invoking 'RoomsUpdated' on the server. "
                "HubException: Client sent 1 stream(s), Hub method expects 0.",
            ),
        ],
    )
    async def test_a_call_that_cannot_be_done_ends_in_an_error_and_the_connection_stays(
        self, served: Served, change: dict[str, Any], error: str
    ) -> None:
        async with websocket(served) as alice, websocket(served) as bob:
            await alice.send({**CALL, "invocationId": "1", **change})
            assert await alice.receive() == {"type": 3, "invocationId": "1", "error": error}
            await alice.send({**CALL, **change, "type": 1})  # nobody waits: no answer
            await alice.send({**CALL, "invocationId": "2"})
            assert (await alice.receive())["invocationId"] == "2"
            assert (await bob.receive())["target"] == "RoomsUpdated"

    async def test_later_and_unwanted_messages_are_ignored(self, served: Served) -> None:
        async with websocket(served) as alice:
            await alice.send(
                {"type": 99}, {"type": 2, "invocationId": "1", "item": 1}, {"type": 5, "invocationId": "1"}
            )
            await alice.send({**CALL, "invocationId": "2"})
            assert (await alice.receive())["invocationId"] == "2"

    @pytest.mark.parametrize("rubbish", ["no json\x1e", '{"type":1}\x1e', "x" * 40_000])
    async def test_rubbish_closes_that_connection_alone(
        self, served: Served, rooms_updated: RoomsUpdated, rubbish: str
    ) -> None:
        async with websocket(served) as alice, websocket(served) as bob:
            await alice.send(rubbish)
            assert await alice.until_closed() == [{"type": 7, "error": "Connection closed with an error."}]
            await served.hub.broadcast(True)
            assert await bob.receive() == rooms_updated(True)

    async def test_json_in_binary_frames_is_understood(self, served: Served) -> None:
        async with websocket(served) as alice:
            await alice.socket.send((json.dumps({**CALL, "invocationId": "2"}) + RECORD_SEPARATOR).encode())
            assert (await alice.receive())["invocationId"] == "2"

    async def test_a_bad_handshake_is_told_and_closed(self, served: Served) -> None:
        async with websocket(served, handshake=False) as alice:
            await alice.send('{"protocol":"messagepack","version":1}\x1e')
            assert await alice.until_closed() == [{"error": "The protocol 'messagepack' is not supported."}]


class TestWebSocket:
    async def test_needs_no_negotiation(self, served: Served) -> None:
        async with websocket(served):
            assert served.hub.connection_count == 1

    async def test_an_unknown_id_is_404(self, served: Served) -> None:
        with pytest.raises(websockets.InvalidStatus) as refusal:
            await websockets.connect(f"{served.ws_url}?id=nobody")
        assert refusal.value.response.status_code == 404

    async def test_a_connection_cannot_be_taken_twice(self, http: httpx.AsyncClient, served: Served) -> None:
        token = (await negotiate(http, served))["connectionToken"]
        async with websocket(served, f"?id={token}"):
            with pytest.raises(websockets.InvalidStatus) as refusal:
                await websockets.connect(f"{served.ws_url}?id={token}")
            assert refusal.value.response.status_code == 409
            assert (await http.post(f"{served.url}?id={token}", content=HANDSHAKE)).status_code == 405
            assert (await http.get(f"{served.url}?id={token}")).status_code == 400
            assert (await http.delete(f"{served.url}?id={token}")).status_code == 400


class TestServerSentEvents:
    async def test_events_come_by_stream_and_calls_go_by_post(
        self, http: httpx.AsyncClient, served: Served, rooms_updated: RoomsUpdated
    ) -> None:
        url = f"{served.url}?id={(await negotiate(http, served))['connectionToken']}"
        async with (
            websocket(served) as bob,
            http.stream("GET", url, headers={"Accept": "text/event-stream"}) as response,
        ):
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = response.aiter_lines()
            assert (await anext(lines)).startswith(":")
            await http.post(url, content=HANDSHAKE)
            assert await self._event(lines) == {}
            assert (await http.post(url, content=json.dumps(CALL) + RECORD_SEPARATOR)).status_code == 200
            assert await bob.receive() == rooms_updated(True)
            await bob.send(CALL)
            assert await self._event(lines) == rooms_updated(True)

    async def test_a_client_that_goes_away_is_noticed_at_once(self, http: httpx.AsyncClient, served: Served) -> None:
        token = (await negotiate(http, served))["connectionToken"]
        url = f"{served.url}?id={token}"
        async with http.stream("GET", url, headers={"Accept": "text/event-stream"}):
            await http.post(url, content=HANDSHAKE)
            connection = served.hub._connections[token]
        await asyncio.wait_for(connection.wait_over(), 5)
        assert (await http.post(url, content=HANDSHAKE)).status_code == 404

    async def test_a_second_stream_is_a_conflict(self, http: httpx.AsyncClient, served: Served) -> None:
        url = f"{served.url}?id={(await negotiate(http, served))['connectionToken']}"
        headers = {"Accept": "text/event-stream"}
        async with http.stream("GET", url, headers=headers):
            assert (await http.get(url, headers=headers)).status_code == 409

    @staticmethod
    async def _event(lines: Any) -> dict[str, Any]:
        async for line in lines:
            if line.startswith("data: "):
                return json.loads(line.removeprefix("data: ").rstrip(RECORD_SEPARATOR))
        raise AssertionError("the stream ended")


class TestLongPolling:
    async def test_the_first_poll_returns_at_once_and_messages_come_by_the_next(
        self, http: httpx.AsyncClient, served: Served, rooms_updated: RoomsUpdated
    ) -> None:
        url = f"{served.url}?id={(await negotiate(http, served))['connectionToken']}"
        first = await http.get(url)
        assert (first.status_code, first.text) == (200, "")
        await http.post(url, content=HANDSHAKE)
        assert (await http.get(url)).text == "{}\x1e"
        poll = asyncio.create_task(http.get(url))
        await served.hub.broadcast(True)
        assert json.loads((await poll).text.rstrip(RECORD_SEPARATOR)) == rooms_updated(True)

    async def test_what_comes_between_two_polls_is_not_lost(self, http: httpx.AsyncClient, served: Served) -> None:
        url = await self._connect(http, served)
        async with websocket(served) as bob:
            await bob.send(CALL, {**CALL, "arguments": [False]}, {**CALL, "invocationId": "1"})
            await bob.receive()
        assert (await http.get(url)).text.count(RECORD_SEPARATOR) == 3

    async def test_delete_ends_it(self, http: httpx.AsyncClient, served: Served) -> None:
        url = await self._connect(http, served)
        poll = asyncio.create_task(http.get(url))
        assert (await http.delete(url)).status_code == 202
        assert (await poll).status_code in (204, 404)
        assert (await http.get(url)).status_code == 404
        assert served.hub.connection_count == 0

    async def test_a_poll_with_nothing_to_tell_is_answered_empty(self) -> None:
        async with serving(HubLimits(poll_timeout=0.1)) as served, httpx.AsyncClient() as http:
            url = await self._connect(http, served)
            answer = await http.get(url)
            assert (answer.status_code, answer.text) == (200, "")

    async def test_goodbye_is_told_and_then_204(self, http: httpx.AsyncClient, served: Served) -> None:
        url = await self._connect(http, served)
        poll = asyncio.create_task(http.get(url))
        await http.post(url, content="rubbish\x1e")
        assert '"type":7' in (await poll).text
        assert (await http.get(url)).status_code in (204, 404)

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    async def test_no_id_is_400_and_an_unknown_one_404(
        self, http: httpx.AsyncClient, served: Served, method: str
    ) -> None:
        missing, unknown = await http.request(method, served.url), await http.request(method, f"{served.url}?id=x")
        assert (missing.status_code, missing.text) == (400, "Connection ID required")
        assert (unknown.status_code, unknown.text) == (404, "No Connection with that ID")

    async def test_a_post_of_a_megabyte_is_refused(self, http: httpx.AsyncClient, served: Served) -> None:
        url = await self._connect(http, served)
        assert (await http.post(url, content=b"x" * 1_000_000)).status_code == 413

    @staticmethod
    async def _connect(http: httpx.AsyncClient, served: Served) -> str:
        url = f"{served.url}?id={(await negotiate(http, served))['connectionToken']}"
        await http.get(url)
        await http.post(url, content=HANDSHAKE)
        assert (await http.get(url)).text == "{}\x1e"
        return url


class TestAnnouncements:
    async def test_a_burst_is_drawn_together_and_its_end_is_told(self, rooms_updated: RoomsUpdated) -> None:
        async with serving(HubLimits(announce_interval=0.2)) as served, websocket(served) as alice:
            for _ in range(50):
                await served.hub.broadcast(True)
            assert await alice.receive() == rooms_updated(True)
            assert await alice.receive() == rooms_updated(True)
            await alice.send({**CALL, "invocationId": "1"})
            assert (await alice.receive())["type"] == 3

    async def test_a_broadcast_before_anybody_came_does_no_harm(self, served: Served) -> None:
        await served.hub.broadcast(True)
        async with websocket(served):
            assert served.hub.connection_count == 1


class TestLimits:
    async def test_a_client_that_never_shakes_hands_is_closed(self) -> None:
        async with serving(HubLimits(handshake_timeout=0.2)) as served, websocket(served, handshake=False) as alice:
            assert await alice.until_closed() == [{"error": "Handshake was canceled."}]

    async def test_one_more_than_the_limit_is_refused(self) -> None:
        async with serving(HubLimits(max_connections=1)) as served, httpx.AsyncClient() as http, websocket(served):
            assert (await http.post(f"{served.url}/negotiate")).status_code == 503
            with pytest.raises(websockets.InvalidStatus) as refusal:
                await websockets.connect(served.ws_url)
            assert refusal.value.response.status_code == 503

    async def test_a_client_that_does_not_read_is_dropped_alone(self, rooms_updated: RoomsUpdated) -> None:
        limits = HubLimits(max_waiting=16, client_timeout=1.0, announce_interval=0.0)
        async with serving(limits) as served, websocket(served) as alice:
            deaf = await websockets.connect(served.ws_url, max_queue=1)
            await deaf.send(HANDSHAKE)
            deaf.transport.pause_reading()
            flood = (json.dumps({"type": 1, "target": "x" * 10_000, "arguments": [], "invocationId": "1"}) + "\x1e") * 3
            for _ in range(200):
                await deaf.send(flood)
            await served.hub.broadcast(True)
            assert await alice.receive() == rooms_updated(True)
            assert served.hub.connection_count == 1
            deaf.transport.abort()

    async def test_it_keeps_nothing_when_everybody_has_gone(self, served: Served) -> None:
        async with websocket(served), websocket(served):
            connections = list(served.hub._connections.values())
        await asyncio.gather(*(asyncio.wait_for(c.wait_over(), 5) for c in connections))
        assert served.hub._connections == {}


class TestClosing:
    async def test_everybody_is_told_to_come_back(self, http: httpx.AsyncClient, served: Served) -> None:
        async with websocket(served) as alice:
            await served.hub.aclose()
            assert await alice.until_closed() == [{"type": 7, "allowReconnect": True}]
        assert (await http.post(f"{served.url}/negotiate")).status_code == 503


class TestCors:
    async def test_a_page_elsewhere_may_connect_with_credentials(self, http: httpx.AsyncClient, served: Served) -> None:
        origin = {"Origin": "https://elsewhere.example"}
        preflight = await http.options(
            f"{served.url}/negotiate",
            headers={**origin, "Access-Control-Request-Headers": "x-requested-with,x-signalr-user-agent"},
        )
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-headers"] == "x-requested-with,x-signalr-user-agent"
        answer = await http.post(f"{served.url}/negotiate", headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://elsewhere.example"
        assert answer.headers["access-control-allow-credentials"] == "true"

    async def test_origins_can_be_named(self) -> None:
        async with serving(QUICK, allow_origins=["https://a.example"]) as served, httpx.AsyncClient() as http:
            for origin, allowed in [("https://a.example", True), ("https://b.example", False)]:
                answer = await http.post(f"{served.url}/negotiate", headers={"Origin": origin})
                assert ("access-control-allow-origin" in answer.headers) is allowed
