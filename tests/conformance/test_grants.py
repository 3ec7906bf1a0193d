"""What a token grants: told at the join, changed by a moderator while one is there, and in the tokens for later."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from livekit import api
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import Join, Participant, claims_of, connected
from wire import hand_made_token
from wiretap import Call

from media import playing_tone
from servers import MediaServer

Permission = models.ParticipantPermission
Source = models.TrackSource
Reason = signal.RequestResponse

GRANTS: dict[str, tuple[Any, str, Any]] = {
    "can_publish": (False, "can_publish", False),
    "can_subscribe": (False, "can_subscribe", False),
    "can_publish_data": (False, "can_publish_data", False),
    "can_publish_sources": (["microphone"], "can_publish_sources", [Source.MICROPHONE]),
    "can_update_own_metadata": (True, "can_update_metadata", True),
    "hidden": (True, "hidden", True),
    "recorder": (True, "recorder", True),
    "agent": (True, "agent", True),
    "can_subscribe_metrics": (True, "can_subscribe_metrics", True),
    "canManageAgentSession": (True, "can_manage_agent_session", True),
}
"""Grant → its value, what it is in a permission, and its value there."""
USUAL = {"can_publish": True, "can_subscribe": True, "can_publish_data": True}


def claim_of(grant: str) -> str:
    head, *tail = grant.split("_")
    return head + "".join(part.title() for part in tail)


@pytest.fixture
async def moderator(server: MediaServer) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as client:
        yield client


@pytest.fixture
async def enter(server: MediaServer, room: str) -> AsyncIterator[Any]:
    """Lets somebody join with a hand-made token."""
    async with AsyncExitStack() as stack:

        async def enter(identity: str, video: dict[str, Any] | None = None, **claims: Any) -> Participant:
            video = {"roomJoin": True, "room": room, **(video or {})}
            access = hand_made_token(server, sub=identity, video=video, **claims)
            participant = await stack.enter_async_context(connected(server, access, identity))
            participant.joined = (await participant.next()).join
            return participant

        yield enter


def changed(moderator: api.LiveKitAPI, room: str, identity: str, **permission: Any) -> Any:
    """Changes what somebody may do, to the usual but for this."""
    request = api.UpdateParticipantRequest(
        room=room, identity=identity, permission=Permission(**{**USUAL, **permission})
    )
    return moderator.room.update_participant(request)


@pytest.mark.parametrize("grant", GRANTS)
async def test_grant_is_told_at_the_join(enter: Any, grant: str) -> None:
    value, name, told = GRANTS[grant]

    alice = await enter("alice", {claim_of(grant): value})

    usual = dict(USUAL)
    if grant == "can_publish":
        usual["can_publish_data"] = False
    assert alice.joined.participant.permission == Permission(**{**usual, name: told})


@pytest.mark.parametrize("grant", GRANTS)
async def test_grant_may_change(alice: Participant, moderator: api.LiveKitAPI, room: str, grant: str) -> None:
    value, name, told = GRANTS[grant]
    await alice.until("refresh_token")

    answer = await changed(moderator, room, "alice", **{name: told})

    wanted = Permission(**{**USUAL, name: told})
    assert answer.permission == wanted
    await alice.update_about("alice", lambda info: info.permission == wanted)
    claims = claims_of(await alice.until("refresh_token"))["video"]
    assert claims[claim_of(grant)] == value
    assert (claims["roomJoin"], claims["room"]) == (True, room)


async def test_grants_that_stay_as_they_are_are_no_news(
    alice: Participant, moderator: api.LiveKitAPI, room: str
) -> None:
    await alice.until("refresh_token")
    start = len(alice.seen)

    await changed(moderator, room, "alice")

    await alice.sync()
    assert not [response for response in alice.seen[start:] if response.HasField("refresh_token")]


async def test_a_source_that_nobody_knows_permits_nothing(enter: Any) -> None:
    alice = await enter("alice", {"canPublishSources": ["cam"]})

    assert list(alice.joined.participant.permission.can_publish_sources) == [Source.UNKNOWN]
    for source in (Source.CAMERA, Source.UNKNOWN):
        await alice.send(add_track=signal.AddTrackRequest(cid="c", type=models.TrackType.VIDEO, source=source))
        assert (await alice.until("request_response")).reason == Reason.NOT_ALLOWED


async def test_who_may_publish_nothing_adds_no_codec_either(join: Join) -> None:
    alice = await join("alice", can_publish=False)

    await alice.send(add_track=signal.AddTrackRequest(cid="c", sid="TR_unknown", type=models.TrackType.VIDEO))

    assert (await alice.until("request_response")).reason == Reason.NOT_ALLOWED


async def test_own_profile_may_be_granted_later(alice: Participant, moderator: api.LiveKitAPI, room: str) -> None:
    for is_granted, reason in ((False, Reason.NOT_ALLOWED), (True, Reason.OK)):
        await changed(moderator, room, "alice", can_update_metadata=is_granted)
        await alice.send(update_metadata=signal.UpdateParticipantMetadata(request_id=7, metadata="m"))
        assert (await alice.until("request_response")).reason == reason


async def test_kind_and_its_details_are_told(enter: Any, alice: Participant) -> None:
    await enter("robot", kind="agent", kindDetails=["cloud_agent", "of_the_future", "simulation"])

    info = await alice.update_about("robot")
    details = models.ParticipantInfo.KindDetail
    assert info.kind == models.ParticipantInfo.AGENT
    assert list(info.kind_details) == [details.Value("CLOUD_AGENT"), details.Value("SIMULATION")]


async def test_an_unknown_kind_is_the_usual_one(enter: Any, alice: Participant) -> None:
    await enter("robot", kind="of_the_future")

    assert (await alice.update_about("robot")).kind == models.ParticipantInfo.STANDARD


async def test_somebody_hidden_may_show_up(
    alice: Participant, join: Join, moderator: api.LiveKitAPI, room: str
) -> None:
    ghost = await join("ghost", hidden=True)

    await changed(moderator, room, "ghost", hidden=False)

    assert (await alice.update_about("ghost")).sid == ghost.sid
    assert {other.identity for other in (await join("bob")).joined.other_participants} == {"alice", "ghost"}


async def test_somebody_may_hide(
    alice: Participant, bob: Participant, join: Join, moderator: api.LiveKitAPI, room: str
) -> None:
    await alice.update_about("bob")

    await changed(moderator, room, "bob", hidden=True)

    await bob.update_about("bob", lambda info: info.permission.hidden)
    assert [other.identity for other in (await join("carol")).joined.other_participants] == ["alice"]


@pytest.mark.parametrize("way", [{"recorder": True}, {"kind": "egress"}, {"recorder": True, "hidden": True}])
async def test_a_recorder_is_told_at_once_and_does_not_count(
    alice: Participant, join: Join, way: dict[str, Any]
) -> None:
    recorder = await join("recorder", **way)
    room = (await alice.until("room_update", lambda update: update.room.active_recording)).room
    assert room.num_participants <= 1

    await recorder.send(leave=signal.LeaveRequest())
    await alice.until("room_update", lambda update: not update.room.active_recording)


@pytest.mark.parametrize("way", [{"agent": True}, {"kind": "agent"}, {"recorder": True}, {"kind": "egress"}])
async def test_a_room_does_not_live_for_its_servants(alice: Participant, join: Join, way: dict[str, Any]) -> None:
    servant = await join("servant", **way)

    await alice.send(leave=signal.LeaveRequest())

    leave = await servant.until("leave")
    assert leave.reason == models.DisconnectReason.ROOM_CLOSED


async def test_an_agent_counts_as_publisher_but_not_as_participant(alice: Participant, call: Call) -> None:
    robot, _ = await call("robot", agent=True)

    async with playing_tone(robot, 440):
        counts = (await alice.until("room_update", lambda update: update.room.num_publishers == 1)).room

    assert counts.num_participants == 1


async def test_who_may_no_longer_subscribe_is_sent_nothing(call: Call, moderator: api.LiveKitAPI, room: str) -> None:
    alice, _ = await call("alice")
    _, receiver = await call("bob")

    async with playing_tone(alice, 440) as tone:
        await receiver.until("offer", lambda offer: tone.sid in offer.mid_to_track_id.values())
        for may in (False, True):
            await changed(moderator, room, "bob", can_subscribe=may)
            await receiver.until("offer", lambda offer, may=may: (tone.sid in offer.mid_to_track_id.values()) == may)


async def test_who_may_no_longer_send_data_is_not_heard(call: Call, moderator: api.LiveKitAPI, room: str) -> None:
    alice, _ = await call("alice")
    bob, _ = await call("bob")

    for said, may in ((b"0", True), (b"1", False), (b"2", True)):
        await changed(moderator, room, "alice", can_publish_data=may)
        await alice.me.publish_data(said)
        if may:  # before the next change, for data and commands overtake each other
            await bob.event("data_received", lambda packet, said=said: packet.data == said)

    assert [packet.data for (packet,) in bob.all("data_received")] == [b"0", b"2"]
