"""What one hears of others: who came, who left and why, who came twice, who is hidden."""

import pytest
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import Info, Join, Participant

Leave = signal.LeaveRequest
Reason = models.DisconnectReason
State = models.ParticipantInfo


def gone(info: Info) -> bool:
    """Whether this says that somebody left."""
    return info.state == State.DISCONNECTED


async def test_newcomer_is_announced(alice: Participant, join: Join) -> None:
    bob = await join("bob", name="Bob the Builder")

    info = await alice.update_about("bob")
    assert (info.sid, info.name, info.state) == (bob.sid, "Bob the Builder", State.JOINED)
    assert info.version > bob.joined.participant.version
    assert info.permission == bob.joined.participant.permission


async def test_leaving_is_announced(alice: Participant, bob: Participant) -> None:
    arrived = await alice.update_about("bob")
    await bob.send(leave=Leave(reason=Reason.CLIENT_INITIATED))

    info = await alice.update_about("bob", gone)
    assert info.sid == bob.sid
    assert info.disconnect_reason == Reason.CLIENT_INITIATED
    assert info.version > arrived.version


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Reason.CLIENT_INITIATED, Reason.CLIENT_INITIATED),
        (Reason.USER_UNAVAILABLE, Reason.USER_UNAVAILABLE),
        (Reason.USER_REJECTED, Reason.USER_REJECTED),
        (Reason.UNKNOWN_REASON, Reason.CLIENT_INITIATED),
        (Reason.SERVER_SHUTDOWN, Reason.CLIENT_INITIATED),
    ],
)
async def test_leaving_is_confirmed(alice: Participant, given: Reason, told: Reason) -> None:
    await alice.send(leave=Leave(reason=given))

    confirmed = await alice.until_closed()
    assert confirmed is not None
    assert (confirmed.reason, confirmed.action) == (told, Leave.DISCONNECT)


async def test_dropped_socket_before_media_is_a_departure(alice: Participant, bob: Participant) -> None:
    await alice.update_about("bob")
    await bob.socket.close()

    assert (await alice.update_about("bob", gone)).disconnect_reason == Reason.SIGNAL_CLOSE


async def test_who_has_left_is_not_told_to_newcomers(alice: Participant, bob: Participant, join: Join) -> None:
    await bob.send(leave=Leave())
    await alice.update_about("bob", gone)

    carol = await join("carol")

    assert [other.identity for other in carol.joined.other_participants] == ["alice"]


async def test_duplicate_identity_ends_the_first(alice: Participant, join: Join) -> None:
    again = await join("alice")

    leave = await alice.until_closed()
    assert leave is not None
    assert (leave.reason, leave.action) == (Reason.DUPLICATE_IDENTITY, Leave.DISCONNECT)
    assert again.sid != alice.sid
    assert not again.joined.other_participants


async def test_duplicate_identity_is_a_swap_to_others(alice: Participant, bob: Participant, join: Join) -> None:
    await bob.until("offer")
    again = await join("alice")

    await bob.update_about("alice", lambda info: info.sid == again.sid)
    departures = [info for response in bob.seen for info in response.update.participants if gone(info)]
    assert not departures


async def test_hidden_participant_is_seen_by_nobody(alice: Participant, join: Join) -> None:
    ghost = await join("ghost", hidden=True)
    bob = await join("bob")
    await alice.update_about("bob")

    assert [other.identity for other in ghost.joined.other_participants] == ["alice"]
    assert [other.identity for other in bob.joined.other_participants] == ["alice"]
    seen = {info.identity for response in alice.seen for info in response.update.participants}
    assert "ghost" not in seen


async def test_hidden_participant_sees_others(alice: Participant, join: Join) -> None:
    ghost = await join("ghost", hidden=True)
    bob = await join("bob")

    assert (await ghost.update_about("bob")).sid == bob.sid


async def test_kind_is_told(alice: Participant, join: Join) -> None:
    await join("robot", kind="agent")

    assert (await alice.update_about("robot")).kind == State.AGENT


async def test_counts_follow(alice: Participant, bob: Participant) -> None:
    room = (await alice.until("room_update", lambda update: update.room.num_participants == 2)).room

    assert room.sid == alice.joined.room.sid
    assert room.num_publishers == 0


async def test_count_with_somebody_hidden(join: Join, differs: bool) -> None:
    await join("ghost", hidden=True)

    alice = await join("alice")

    told = (await alice.until("room_update", lambda update: update.room.num_participants > 0)).room
    assert told.num_participants == (1 if differs else 2)


async def test_what_the_client_can_is_told(alice: Participant, join: Join) -> None:
    await join("bob", query={"client_protocol": 1, "capabilities": "CAP_PACKET_TRAILER"})

    info = await alice.update_about("bob")
    assert info.client_protocol == 1
    assert list(info.capabilities) == [models.ClientInfo.Capability.CAP_PACKET_TRAILER]
