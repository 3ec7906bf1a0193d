"""Sockets that drop and come back, while media goes on."""

from livekit.protocol import models, rtc
from tests_vocabulary import CAMERA

from visavis.media import events


async def resume(server, client, identity="alice"):
    return await server.open(server.token(identity), reconnect=1, sid=client.sid)


async def test_a_dropped_socket_keeps_a_participant_with_media(server):
    bob = await server.join_active("bob")
    alice = await server.join_active("alice")
    alice.socket.transport.abort()
    await bob.sync()
    assert server.backend.rooms()[0].participant_count == 2
    assert not server.engine.called("remove_participant")


async def test_a_dropped_socket_without_media_is_a_leave(server):
    bob = await server.join("bob")
    alice = await server.join("alice")
    alice.socket.transport.abort()
    gone = await bob.until_participant(lambda info: info.state == models.ParticipantInfo.DISCONNECTED)
    assert gone.disconnect_reason == models.DisconnectReason.SIGNAL_CLOSE


async def test_a_resume_tells_the_whole_state_in_order(server):
    bob = await server.join_active("bob")
    carol = await server.join_active("carol")
    alice = await server.join_active("alice")
    server.engine.sequences[alice.sid] = 17
    alice.socket.transport.abort()
    await carol.send(leave=rtc.LeaveRequest())
    await carol.until_closed()
    track = await bob.add_track("cam")
    await bob.offer(CAMERA)
    again = await resume(server, alice)
    frames = [await again.next() for _ in range(4)]
    assert frames[0].reconnect.last_message_seq == 17
    assert frames[0].reconnect.server_info.version
    assert [info.identity for info in frames[1].update.participants] == ["carol"]
    assert frames[1].update.participants[0].state == models.ParticipantInfo.DISCONNECTED
    everybody = {info.identity: info for info in frames[2].update.participants}
    assert everybody.keys() == {"alice", "bob"}
    assert everybody["alice"].sid == alice.sid
    assert [each.sid for each in everybody["bob"].tracks] == [track.sid]
    assert frames[3].room_update.room.name == "atrium"
    await again.until("offer")
    assert server.engine.called("restart_ice")[0].arguments == (alice.sid,)
    assert not [command for command in server.engine.called("remove_participant") if alice.sid in command.arguments]


async def test_a_resume_while_the_old_socket_is_open_replaces_it(server):
    alice = await server.join_active("alice")
    again = await resume(server, alice)
    assert (await again.next()).WhichOneof("message") == "reconnect"
    assert all(response.WhichOneof("message") != "leave" for response in await alice.until_closed())
    await again.sync()
    assert server.backend.rooms()[0].participant_count == 1


async def test_who_is_not_known_is_told_to_reconnect(server):
    await server.join_active("bob")
    stranger = await server.open(server.token("alice"), reconnect=1, sid="PA_gone")
    first = await stranger.next()
    assert first.leave.action == rtc.LeaveRequest.RECONNECT
    assert first.leave.reason == models.DisconnectReason.STATE_MISMATCH
    assert await stranger.until_closed() == []
    assert stranger.socket.close_code == 1000


async def test_a_lost_offer_is_sent_again(server):
    alice = await server.join_active("alice")
    bob = await server.join("bob")
    await bob.add_track("cam")
    await bob.offer(CAMERA)
    lost = (await alice.until("offer")).offer
    alice.socket.transport.abort()
    again = await resume(server, alice)
    assert (await again.until("offer")).offer.id == lost.id


async def test_sync_state_with_an_unknown_track_makes_a_full_reconnect(server):
    alice = await server.join_active("alice")
    unknown = rtc.TrackPublishedResponse(cid="cam", track=models.TrackInfo(sid="TR_unknown"))
    await alice.send(sync_state=rtc.SyncState(publish_tracks=[unknown]))
    last = (await alice.until_closed())[-1]
    assert (last.leave.action, last.leave.reason) == (
        rtc.LeaveRequest.RECONNECT,
        models.DisconnectReason.STATE_MISMATCH,
    )


async def test_sync_state_applies_wishes_and_pauses(server):
    bob = await server.join("bob")
    track = await bob.add_track("cam")
    await bob.offer(CAMERA)
    alice = await server.join_active("alice")
    unwanted = rtc.UpdateSubscription(track_sids=[track.sid], subscribe=False)
    await alice.send(sync_state=rtc.SyncState(subscription=unwanted, track_sids_disabled=["TR_other"]))
    await alice.sync()
    assert server.engine.called("unsubscribe")[0].arguments == (alice.sid, track.sid)
    assert server.engine.called("set_track_settings")[0].options["disabled"]


async def test_clients_of_old_protocols_read_can_reconnect(server):
    stranger = await server.open(server.token("alice"), reconnect=1, sid="PA_gone", protocol=9)
    assert (await stranger.next()).leave.can_reconnect


async def test_a_resume_tells_again_which_qualities_are_wanted(server):
    alice = await server.join_active("alice")
    track = await alice.add_track("cam")
    await alice.offer(CAMERA)
    server.engine.emit(events.SubscribedQuality(alice.sid, track.sid, (("video/VP8", 0),)))
    await alice.until("subscribed_quality_update")
    alice.socket.transport.abort()
    again = await resume(server, alice)
    update = (await again.until("subscribed_quality_update")).subscribed_quality_update
    assert [each.enabled for each in update.subscribed_qualities] == [True, False, False]


async def test_a_client_may_try_out_that_it_loses_the_socket_it_resumes_with(server):
    alice = await server.join_active("alice")
    for scenario, first in (
        ("disconnect_signal_on_resume", "reconnect"),
        ("disconnect_signal_on_resume_no_messages", ""),
    ):
        await alice.send(simulate=rtc.SimulateScenario(**{scenario: True}))
        await alice.sync()
        lost = await resume(server, alice)
        heard = [response.WhichOneof("message") for response in await lost.until_closed()]
        assert heard[:1] == ([first] if first else [])
        again = await resume(server, alice)
        assert (await again.next()).HasField("reconnect")
        alice.socket = again.socket
    assert not server.engine.called("remove_participant")
