"""Joining, leaving, and what the others are told about it."""

from livekit.protocol import models, rtc


async def test_join_is_the_first_frame_and_has_what_clients_need(server):
    alice = await server.join("alice", name="Alice")
    joined = alice.joined
    assert joined.room.name == "atrium"
    assert joined.room.sid.startswith("RM_")
    assert joined.participant.identity == "alice"
    assert joined.participant.name == "Alice"
    assert joined.participant.sid.startswith("PA_")
    assert joined.participant.permission.can_publish
    assert joined.subscriber_primary
    assert joined.fast_publish
    assert (joined.ping_interval, joined.ping_timeout) == (10, 20)
    assert joined.server_info.version
    assert joined.server_info.protocol == 17
    assert joined.enabled_publish_codecs[0].mime == "video/VP8"


async def test_a_token_for_later_follows_the_join(server):
    alice = await server.join("alice", name="Alice")
    token = (await alice.until("refresh_token")).refresh_token
    claims = server.keys.verify(token)
    assert (claims.identity, claims.name, claims.video.room) == ("alice", "Alice", "atrium")


async def test_the_server_offers_the_subscriber_connection_at_once(server):
    alice = await server.join("alice")
    offer = (await alice.until("offer")).offer
    assert offer.type == "offer"
    assert offer.id != 0


async def test_who_may_not_subscribe_is_publisher_primary_without_a_server_offer(server):
    alice = await server.join("alice", can_subscribe=False)
    assert not alice.joined.subscriber_primary
    assert all(response.WhichOneof("message") != "offer" for response in await alice.sync())


async def test_others_see_a_newcomer_joined_then_active(server):
    alice = await server.join("alice")
    bob = await server.join("bob")
    await alice.until_participant(lambda info: info.identity == "bob" and info.state == models.ParticipantInfo.JOINED)
    offer = (await bob.until("offer")).offer
    await bob.send(answer=rtc.SessionDescription(type="answer", sdp="v=0\r\n", id=offer.id))
    active = await alice.until_participant(lambda info: info.state == models.ParticipantInfo.ACTIVE)
    assert active.identity == "bob"


async def test_a_newcomer_is_told_who_is_there(server):
    await server.join("alice")
    bob = await server.join("bob")
    assert [other.identity for other in bob.joined.other_participants] == ["alice"]


async def test_hidden_participants_are_not_told_of(server):
    alice = await server.join("alice")
    await server.join("ghost", hidden=True)
    bob = await server.join("bob")
    assert [other.identity for other in bob.joined.other_participants] == ["alice"]
    update = (await alice.until("update")).update
    assert [info.identity for info in update.participants] == ["bob"]
    assert server.backend.rooms()[0].participant_count == 2


async def test_leaving_is_answered_and_told_to_others(server):
    alice = await server.join_active("alice")
    bob = await server.join_active("bob")
    await bob.send(leave=rtc.LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED))
    last = (await bob.until_closed())[-1]
    assert last.leave.reason == models.DisconnectReason.CLIENT_INITIATED
    assert bob.socket.close_code == 1000
    gone = await alice.until_participant(lambda info: info.state == models.ParticipantInfo.DISCONNECTED)
    assert gone.identity == "bob"
    assert gone.disconnect_reason == models.DisconnectReason.CLIENT_INITIATED
    assert server.engine.called("remove_participant")[-1].arguments == (bob.sid,)


async def test_a_second_session_of_an_identity_replaces_the_first(server):
    bob = await server.join_active("bob")
    first = await server.join_active("alice")
    second = await server.join("alice")
    last = (await first.until_closed())[-1]
    assert last.leave.reason == models.DisconnectReason.DUPLICATE_IDENTITY
    assert last.leave.action == rtc.LeaveRequest.DISCONNECT
    assert [other.identity for other in second.joined.other_participants] == ["bob"]
    updates = [
        info
        for response in [*bob.seen, *await bob.sync()]
        for info in response.update.participants
        if info.identity == "alice"
    ]
    assert updates[-1].sid == second.sid
    assert all(info.state != models.ParticipantInfo.DISCONNECTED for info in updates)


async def test_old_clients_are_told_that_the_replaced_session_left(server):
    bob = await server.join("bob", query={"protocol": 9})
    first = await server.join("alice")
    second = await server.join("alice")
    gone = await bob.until_participant(lambda info: info.state == models.ParticipantInfo.DISCONNECTED)
    assert gone.sid == first.sid
    back = await bob.until_participant(lambda info: info.identity == "alice")
    assert back.sid == second.sid


async def test_a_full_room_refuses_the_upgrade_with_a_text(serve):
    import httpx
    import pytest
    import websockets

    server = await serve(max_participants=1)
    await server.join("alice")
    with pytest.raises(websockets.InvalidStatus) as refused:
        await server.open(server.token("bob"))
    assert refused.value.response.status_code == 403
    assert b"full (1 of 1" in refused.value.response.body
    async with httpx.AsyncClient() as http:
        answer = await http.get(server.url("/rtc/validate", "http", access_token=server.token("bob")))
    assert answer.status_code == 403


async def test_agents_do_not_count(serve):
    server = await serve(max_participants=1)
    await server.join("alice")
    await server.join("robot", kind="agent")
    assert server.backend.rooms()[0].participant_count == 1


async def test_a_replaced_session_may_enter_a_full_room(serve):
    server = await serve(max_participants=1)
    await server.join("alice")
    again = await server.join("alice")
    assert again.joined.participant.identity == "alice"


async def test_changes_are_called_back(server):
    await server.backend.start()
    counts = []
    end = server.backend.on_change(lambda: counts.append([room.participant_count for room in server.backend.rooms()]))
    alice = await server.join("alice")
    await alice.send(leave=rtc.LeaveRequest())
    await alice.until_closed()
    end()
    await server.join("bob")
    assert counts == [[1], [0]]


async def test_stopping_tells_everybody_to_leave(server):
    alice = await server.join_active("alice")
    bob = await server.join("bob", "other")
    await server.backend.stop()
    for client in (alice, bob):
        last = (await client.until_closed())[-1]
        assert last.leave.reason == models.DisconnectReason.SERVER_SHUTDOWN
        assert last.leave.action == rtc.LeaveRequest.DISCONNECT
    assert server.engine.is_closed


async def test_both_kinds_of_ping_are_answered(server):
    alice = await server.join("alice")
    await alice.send(ping=1)
    assert (await alice.until("pong")).pong > 1_600_000_000_000
    await alice.send(ping_req=rtc.Ping(timestamp=41))
    assert (await alice.until("pong_resp")).pong_resp.last_ping_timestamp == 41
