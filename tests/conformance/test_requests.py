"""Each kind of request that there is: what one hears of it who has no media and asks for nothing that exists."""

from typing import Any

import pytest
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import Join, Participant, kinds

Reason = signal.RequestResponse
Scenario = signal.SimulateScenario

UNKNOWN = "TR_unknown"
KEY = models.DataBlobKey(generic="blob")

NOTHING: tuple[str, ...] = ()
REQUESTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "trickle": (signal.TrickleRequest(candidateInit="{"), ("request_response",)),
    "add_track": (signal.AddTrackRequest(cid="c", type=models.TrackType.AUDIO), ("track_published",)),
    "mute": (signal.MuteTrackRequest(sid=UNKNOWN, muted=True), ("request_response",)),
    "subscription": (signal.UpdateSubscription(track_sids=[UNKNOWN], subscribe=True), NOTHING),
    "track_setting": (signal.UpdateTrackSettings(track_sids=[UNKNOWN], disabled=True), NOTHING),
    "update_layers": (signal.UpdateVideoLayers(track_sid=UNKNOWN), NOTHING),
    "subscription_permission": (signal.SubscriptionPermission(all_participants=True), NOTHING),
    "sync_state": (signal.SyncState(), NOTHING),
    "simulate": (Scenario(), NOTHING),
    "ping": (5, ("pong",)),
    "ping_req": (signal.Ping(timestamp=5), ("pong_resp",)),
    "update_metadata": (signal.UpdateParticipantMetadata(request_id=7, name="A."), ("request_response",)),
    "update_audio_track": (signal.UpdateLocalAudioTrack(track_sid=UNKNOWN), ("request_response",)),
    "update_video_track": (signal.UpdateLocalVideoTrack(track_sid=UNKNOWN), ("request_response",)),
    "publish_data_track_request": (
        signal.PublishDataTrackRequest(pub_handle=1, name="t"),
        ("publish_data_track_response",),
    ),
    "unpublish_data_track_request": (signal.UnpublishDataTrackRequest(pub_handle=9), ("request_response",)),
    "update_data_subscription": (signal.UpdateDataSubscription(), NOTHING),
    "store_data_blob_request": (signal.StoreDataBlobRequest(request_id=7), ("request_response",)),
    "get_data_blob_request": (signal.GetDataBlobRequest(request_id=7, key=KEY), ("request_response",)),
}
ELSEWHERE = {"offer", "answer", "leave"}
"""They end or begin something: they have cases of their own."""


def test_every_kind_is_in_the_table() -> None:
    kinds_that_there_are = signal.SignalRequest.DESCRIPTOR.oneofs_by_name["message"].fields
    assert {field.name for field in kinds_that_there_are} == REQUESTS.keys() | ELSEWHERE


async def answers(alice: Participant, **request: Any) -> list[str]:
    """Kinds of all that comes because of a request; livekit-server answers pings out of turn, so a mute is the mark."""
    start = len(alice.seen)
    if request:
        await alice.send(**request)
    await alice.send(mute=signal.MuteTrackRequest(sid="TR_mark", muted=True))
    await alice.until("request_response", lambda answer: answer.mute.sid == "TR_mark")
    # Candidates, offers, counts and tokens come unasked.
    unasked = ("trickle", "offer", "room_update", "refresh_token", "update")
    return [kind for kind in kinds(alice.seen[start:-1]) if kind not in unasked]


@pytest.mark.parametrize("kind", REQUESTS)
async def test_request(alice: Participant, kind: str) -> None:
    request, expected = REQUESTS[kind]

    assert await answers(alice, **{kind: request}) == list(expected)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        pytest.param({"store_data_blob_request": signal.StoreDataBlobRequest(request_id=7)}, Reason.NOT_ALLOWED),
        pytest.param({"get_data_blob_request": signal.GetDataBlobRequest(request_id=7)}, Reason.INVALID_REQUEST),
        pytest.param(
            {"get_data_blob_request": signal.GetDataBlobRequest(request_id=7, key=KEY, participant_identity="nobody")},
            Reason.NOT_FOUND,
        ),
        pytest.param(
            {"get_data_blob_request": signal.GetDataBlobRequest(request_id=7, key=KEY, participant_identity="alice")},
            Reason.NOT_FOUND,
        ),
    ],
    ids=["storing", "no-key", "of-nobody", "unknown"],
)
async def test_data_blobs_are_off(alice: Participant, request_: dict[str, Any], reason: int) -> None:
    await alice.send(**request_)

    answer = await alice.until("request_response")
    assert (answer.request_id, answer.reason) == (7, reason)
    assert answer.message


async def test_unchanged_profile_is_no_news(join: Join) -> None:
    alice = await join("alice", name="Alice", can_update_own_metadata=True)
    await alice.until("refresh_token")
    start = len(alice.seen)

    await alice.send(update_metadata=signal.UpdateParticipantMetadata(request_id=7, name="Alice"))

    await answers(alice)
    assert not {"update", "refresh_token"} & set(kinds(alice.seen[start:]))


async def test_simulated_speech_ends(alice: Participant) -> None:
    await alice.send(simulate=Scenario(speaker_update=1))

    for is_active in (True, False):
        (speaker,) = (await alice.until("speakers_changed")).speakers
        assert (speaker.sid, speaker.active, speaker.level > 0) == (alice.sid, is_active, is_active)


async def test_simulated_node_failure_ends_the_session(alice: Participant) -> None:
    await alice.send(simulate=Scenario(node_failure=True))

    await alice.until_closed()


async def test_simulated_leave(alice: Participant, bob: Participant) -> None:
    await alice.send(simulate=Scenario(server_leave=True))

    leave = await alice.until_closed()
    assert leave is not None
    assert leave.action == signal.LeaveRequest.DISCONNECT
    gone = await bob.update_about("alice", lambda info: info.state == models.ParticipantInfo.DISCONNECTED)
    assert gone.disconnect_reason == leave.reason
