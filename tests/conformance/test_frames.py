"""Frames: keepalive, text instead of binary, and what cannot be meant."""

import asyncio
import time

import pytest
import websockets
from google.protobuf import json_format
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import Join, Participant, kinds


async def test_ping(alice: Participant) -> None:
    await alice.send(ping=1)

    assert abs(await alice.until("pong") / 1000 - time.time()) < 30


async def test_ping_with_time(alice: Participant) -> None:
    await alice.send(ping_req=signal.Ping(timestamp=12345, rtt=20))

    pong = await alice.until("pong_resp")
    assert pong.last_ping_timestamp == 12345
    assert abs(pong.timestamp / 1000 - time.time()) < 30


async def test_text_is_answered_in_text(alice: Participant) -> None:
    await alice.until("refresh_token")
    await alice.socket.send('{"pingReq": {"timestamp": "12345"}}')

    response = signal.SignalResponse()
    while response.WhichOneof("message") != "pong_resp":
        frame = await alice.socket.recv()
        if isinstance(frame, str):
            response = json_format.Parse(frame, signal.SignalResponse())
    assert response.pong_resp.last_ping_timestamp == 12345


async def test_unknown_names_in_text_are_passed_over(alice: Participant) -> None:
    await alice.socket.send('{"ping_req": {"timestamp": "5", "colour": "red"}, "weather": 3}')

    assert (await alice.until("pong_resp")).last_ping_timestamp == 5


async def test_binary_after_text_is_answered_in_binary(alice: Participant) -> None:
    await alice.socket.send('{"ping": "1"}')
    await alice.until("pong")
    await alice.send(ping=1)

    frame = await alice.socket.recv()
    while isinstance(frame, str):
        frame = await alice.socket.recv()
    assert signal.SignalResponse.FromString(frame)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xfa\x07\x00", id="of-the-future"),
        pytest.param(signal.SignalRequest(update_layers=signal.UpdateVideoLayers()).SerializeToString(), id="obsolete"),
    ],
)
async def test_frame_that_is_passed_over(alice: Participant, frame: bytes) -> None:
    await alice.socket.send(frame)

    await alice.answers_pings()


@pytest.mark.parametrize(
    "frame",
    [pytest.param(b"\xff\xff\xff", id="binary"), pytest.param("not JSON", id="text"), pytest.param("[]", id="list")],
)
async def test_garbage_ends_the_session(alice: Participant, bob: Participant, frame: bytes | str) -> None:
    await alice.socket.send(frame)

    await alice.until_closed()
    assert alice.socket.close_code == websockets.CloseCode.NORMAL_CLOSURE
    await bob.update_about("alice", lambda info: info.state == models.ParticipantInfo.DISCONNECTED)


async def test_trickle_that_is_no_json(alice: Participant) -> None:
    await alice.send(trickle=signal.TrickleRequest(candidateInit="not JSON"))

    answer = await alice.until("request_response")
    assert answer.reason == signal.RequestResponse.UNCLASSIFIED_ERROR
    assert answer.trickle.candidateInit == "not JSON"


async def test_trickle_before_the_offer_waits(alice: Participant) -> None:
    candidate = '{"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host", "sdpMid": "0", "sdpMLineIndex": 0}'
    for target in (signal.SignalTarget.PUBLISHER, signal.SignalTarget.SUBSCRIBER):
        await alice.send(trickle=signal.TrickleRequest(candidateInit=candidate, target=target))

    assert "leave" not in kinds(await alice.sync())


async def test_requests_about_unknown_tracks_are_passed_over(alice: Participant) -> None:
    unknown = ["TR_unknown"]
    await alice.send(subscription=signal.UpdateSubscription(track_sids=unknown, subscribe=True))
    await alice.send(track_setting=signal.UpdateTrackSettings(track_sids=unknown, disabled=True))
    await alice.send(subscription_permission=signal.SubscriptionPermission(all_participants=True))
    await alice.send(sync_state=signal.SyncState())

    heard = kinds(await alice.sync())
    assert "leave" not in heard
    assert "request_response" not in heard


async def test_offer_without_media_means_starting_over(join: Join) -> None:
    alice = await join("alice")
    await alice.send(offer=signal.SessionDescription(type="offer", sdp="v=0\r\n", id=1))

    leave = await alice.until_closed()
    assert leave is not None
    assert (leave.reason, leave.action) == (models.DisconnectReason.STATE_MISMATCH, signal.LeaveRequest.RECONNECT)


@pytest.mark.slow
async def test_unanswered_offer_is_waited_for(alice: Participant, differs: bool) -> None:
    await asyncio.sleep(20)

    if differs:
        leave = await alice.until_closed()
        assert leave is not None
        assert leave.action == signal.LeaveRequest.RECONNECT
    else:
        await alice.answers_pings()
