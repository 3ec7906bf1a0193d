"""What does not get in, and frames that end a session without disturbing the one beside it."""

import asyncio
import time
from urllib.parse import urlencode

import httpx
import jwt
import pytest
import websockets
from livekit.protocol import models, rtc
from starlette.applications import Starlette

from visavis.errors import STATUS, ErrorKind
from visavis.media import events


def token(**changes):
    claims = {
        "iss": "devkey",
        "sub": "alice",
        # Cases are made when tests are collected, and may run much later.
        "exp": int(time.time()) + 3600,
        "video": {"roomJoin": True, "room": "atrium"},
    }
    secret = changes.pop("secret", "secret-that-is-long-enough-for-pyjwt")
    algorithm = changes.pop("algorithm", "HS256")
    for name, value in changes.items():
        if value is None:
            claims.pop(name)
        else:
            claims[name] = value
    return jwt.encode(claims, secret if algorithm != "none" else None, algorithm=algorithm)


@pytest.fixture
async def strict(serve):
    server = await serve()
    server.backend.keys = type(server.keys)({"devkey": "secret-that-is-long-enough-for-pyjwt"})
    return server


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({}, 401, "no token"),
        ({"access_token": "nonsense"}, 401, "not a JSON Web Token"),
        ({"access_token": token(exp=int(time.time()) - 61)}, 401, "expired"),
        ({"access_token": token(nbf=int(time.time()) + 3600)}, 401, "not valid yet"),
        ({"access_token": token(exp=None)}, 401, "no 'exp'"),
        ({"access_token": token(secret="wrong-secret-that-is-long-enough-too")}, 401, "signature"),
        ({"access_token": token(iss="other")}, 401, "'other' is not known"),
        ({"access_token": token(algorithm="none")}, 401, "HS256"),
        ({"access_token": token(algorithm="HS512", secret="s" * 64)}, 401, "HS256"),
        ({"access_token": token(video=None)}, 401, "permissions denied"),
        ({"access_token": token(video={"room": "atrium"})}, 401, "roomJoin"),
        ({"access_token": token(video={"roomJoin": True})}, 400, "no room name"),
        ({"access_token": token(video={"roomJoin": "yes", "room": "atrium"})}, 401, "wrong type"),
        ({"access_token": token(sub=None)}, 400, "identity cannot be empty"),
        ({"access_token": token(sub="i" * 257)}, 400, "257 characters"),
        ({"access_token": token(video={"roomJoin": True, "room": "r" * 256})}, 400, "256 characters"),
        ({"access_token": token(video={"roomJoin": True, "room": "a/b"})}, 400, "has a '/'"),
        ({"access_token": token(video={"roomJoin": True, "room": "a\nb"})}, 400, "control character"),
        ({"access_token": token(video={"roomJoin": True, "room": "a\u202eb"})}, 400, "U+202E"),
        ({"access_token": token(), "attributes": "e30x"}, 400, "attributes="),
        ({"access_token": token(), "attributes": "eyJhIjoiYiJ9"}, 401, "canUpdateOwnMetadata"),
    ],
)
async def test_refused_before_the_upgrade_with_a_text(strict, query, status, text):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(strict.url(**query))
    assert refused.value.response.status_code == status
    assert text in refused.value.response.body.decode()
    async with httpx.AsyncClient() as http:
        answer = await http.get(strict.url("/rtc/validate", "http", **query))
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, "*")
    assert text in answer.text
    # A page of another origin reads the kind, too, and says it in its own language.
    assert STATUS[ErrorKind(answer.headers["visavis-error"])] == status
    assert answer.headers["access-control-expose-headers"] == "Visavis-Error"


async def test_a_refusal_names_its_kind(strict):
    query = {"access_token": token(video={"roomJoin": True, "room": "a/b"})}
    async with httpx.AsyncClient() as http:
        answer = await http.get(strict.url("/rtc/validate", "http", **query))
    assert answer.headers["visavis-error"] == ErrorKind.INVALID_ROOM_NAME


async def test_a_good_token_validates(server):
    async with httpx.AsyncClient() as http:
        url = server.url("/rtc/validate", "http")
        answer = await http.get(url, headers={"Authorization": f"Bearer {server.token('alice')}"})
        assert (answer.status_code, answer.text) == (200, "success")
        answer = await http.get(url, headers={"Authorization": server.token("alice")})
        assert answer.status_code == 401


async def test_without_an_upgrade_there_is_nothing(server):
    async with httpx.AsyncClient() as http:
        answer = await http.get(server.url("/rtc", "http"))
    assert (answer.status_code, answer.text) == (404, "")


BAD_FRAMES = {
    "not protobuf": b"\xff\xff\xff\xff",
    "not JSON": "{",
    "3 MiB": rtc.SignalRequest(offer=rtc.SessionDescription(type="offer", sdp="x" * (3 << 20))).SerializeToString(),
    "an offer that is none": rtc.SignalRequest(
        offer=rtc.SessionDescription(type="answer", sdp="v=0")
    ).SerializeToString(),
    "an answer that is none": rtc.SignalRequest(
        answer=rtc.SessionDescription(type="offer", sdp="v=0")
    ).SerializeToString(),
    "an offer of 300 KiB": rtc.SignalRequest(
        offer=rtc.SessionDescription(type="offer", sdp="v=0" + "x" * (300 << 10))
    ).SerializeToString(),
    "an offer that is not SDP": rtc.SignalRequest(
        offer=rtc.SessionDescription(type="offer", sdp="hello")
    ).SerializeToString(),
    "a candidate of 8 KiB": rtc.SignalRequest(trickle=rtc.TrickleRequest(candidateInit="x" * 8192)).SerializeToString(),
}


@pytest.mark.parametrize("frame", BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
async def test_a_bad_frame_ends_its_session_alone(server, frame):
    alice = await server.join_active("alice")
    mallory = await server.join_active("mallory")
    await mallory.socket.send(frame)
    last = (await mallory.until_closed())[-1]
    assert last.leave.reason == models.DisconnectReason.STATE_MISMATCH
    assert mallory.socket.close_code == 1000
    gone = await alice.until_participant(lambda info: info.state == models.ParticipantInfo.DISCONNECTED)
    assert gone.identity == "mallory"
    await alice.add_track("cam")


@pytest.mark.parametrize(
    "request_",
    [
        rtc.SignalRequest(),
        rtc.SignalRequest(trickle=rtc.TrickleRequest(candidateInit="not JSON")),
        rtc.SignalRequest(trickle=rtc.TrickleRequest(candidateInit="[" * 4000)),
        rtc.SignalRequest(trickle=rtc.TrickleRequest(candidateInit="[]")),
        rtc.SignalRequest(trickle=rtc.TrickleRequest(candidateInit='{"candidate": "", "sdpMid": "0"}')),
        rtc.SignalRequest(subscription=rtc.UpdateSubscription(track_sids=["TR_none"], subscribe=True)),
        rtc.SignalRequest(update_layers=rtc.UpdateVideoLayers(track_sid="TR_none")),
        rtc.SignalRequest(simulate=rtc.SimulateScenario(subscriber_bandwidth=1)),
    ],
)
async def test_what_means_nothing_is_ignored(server, request_):
    alice = await server.join_active("alice")
    await alice.socket.send(request_.SerializeToString())
    await alice.sync()


async def test_an_answer_nobody_waits_for_is_ignored(server):
    alice = await server.join_active("alice")
    await alice.send(answer=rtc.SessionDescription(type="answer", sdp="v=0", id=77))
    await alice.sync()
    assert len(server.engine.called("subscriber_answer")) == 1


async def test_whom_the_core_dropped_leaves_alone(server):
    alice = await server.join_active("alice")
    mallory = await server.join_active("mallory")
    server.engine.emit(events.ParticipantFailed(mallory.sid, "spoke nonsense"))
    last = (await mallory.until_closed())[-1]
    assert last.leave.reason == models.DisconnectReason.MEDIA_FAILURE
    await alice.until_participant(lambda info: info.state == models.ParticipantInfo.DISCONNECTED)


async def test_a_failed_connection_is_resumed(server):
    alice = await server.join_active("alice")
    server.engine.emit(events.ConnectionChanged(alice.sid, "subscriber", "failed"))
    last = (await alice.until_closed())[-1]
    assert last.leave.action == rtc.LeaveRequest.RESUME
    again = await server.open(server.token("alice"), reconnect=1, sid=alice.sid)
    assert (await again.next()).WhichOneof("message") == "reconnect"


async def test_json_is_answered_in_json(server):
    alice = await server.join("alice")
    await alice.sync()
    await alice.socket.send('{"pingReq": {"timestamp": "5"}}')
    async with asyncio.timeout(5):
        assert '"lastPingTimestamp":"5"' in str(await alice.socket.recv()).replace(" ", "")


@pytest.mark.parametrize(
    ("scenario", "action"),
    [
        ({"server_leave": True}, rtc.LeaveRequest.DISCONNECT),
        ({"node_failure": True}, rtc.LeaveRequest.RECONNECT),
        ({"leave_request_full_reconnect": True}, rtc.LeaveRequest.RECONNECT),
        ({"migration": True}, rtc.LeaveRequest.RESUME),
    ],
)
async def test_scenarios_can_be_simulated(server, scenario, action):
    alice = await server.join_active("alice")
    await alice.send(simulate=rtc.SimulateScenario(**scenario))
    assert (await alice.until_closed())[-1].leave.action == action


async def test_a_speaker_can_be_simulated(server):
    alice = await server.join_active("alice")
    await alice.send(simulate=rtc.SimulateScenario(speaker_update=3))
    assert (await alice.until("speakers_changed")).speakers_changed.speakers[0].sid == alice.sid


async def test_what_was_said_before_the_socket_went_is_obeyed_though_writing_finds_out_first(server):
    bob = await server.join_active("bob")
    is_gone = asyncio.Event()
    candidate = rtc.SignalRequest(trickle=rtc.TrickleRequest(candidateInit='{"candidate": ""}'))
    leaves = rtc.SignalRequest(leave=rtc.LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED))
    # More than are read in one turn.
    frames = [request.SerializeToString() for request in [*[candidate] * 9, leaves]]
    said = [{"type": "websocket.receive", "bytes": frame} for frame in frames]
    said = [{"type": "websocket.connect"}, *said, {"type": "websocket.disconnect", "code": 1006}]

    async def receive():
        if said[0]["type"] != "websocket.connect":
            await is_gone.wait()
        return said.pop(0)

    async def send(message):
        if message["type"] == "websocket.send":
            is_gone.set()
            raise OSError

    query = urlencode({"access_token": server.token("alice"), "protocol": 17})
    scope = {"type": "websocket", "path": "/rtc", "query_string": query.encode(), "headers": []}
    await asyncio.wait_for(Starlette(routes=server.backend.routes())(scope, receive, send), 10)
    gone = await bob.until_participant(lambda info: info.state == models.ParticipantInfo.DISCONNECTED)
    assert (gone.identity, gone.disconnect_reason) == ("alice", models.DisconnectReason.CLIENT_INITIATED)
