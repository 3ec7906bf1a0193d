"""Data tracks as the core and the clients are told of them. What both servers do is in tests/conformance."""

from livekit.protocol import models, rtc

from visavis.rooms import Permissions
from visavis.rooms.data_tracks import DataTracks
from visavis.signalling import data_tracks


async def publish(client, handle=7, name="sensor"):
    await client.send(publish_data_track_request=rtc.PublishDataTrackRequest(pub_handle=handle, name=name))
    return (await client.until("publish_data_track_response")).publish_data_track_response.info


async def wish(client, track, subscribe=True):
    update = rtc.UpdateDataSubscription.Update(track_sid=track, subscribe=subscribe)
    await client.send(update_data_subscription=rtc.UpdateDataSubscription(updates=[update]))


async def handles(client):
    told = (await client.until("data_track_subscriber_handles")).data_track_subscriber_handles
    return {handle: (track.publisher_identity, track.track_sid) for handle, track in told.sub_handles.items()}


def calls(server, name):
    return [command.arguments for command in server.engine.called(name)]


async def test_the_core_is_told_who_publishes_and_who_gets_it(server):
    alice, bob = await server.join_active("alice"), await server.join_active("bob")
    info = await publish(alice)
    assert calls(server, "publish_data_track") == [(alice.sid, 7, info.sid)]
    await wish(bob, info.sid)
    assert await handles(bob) == {1: ("alice", info.sid)}
    assert calls(server, "subscribe_data_track") == [(bob.sid, info.sid, 1)]
    await wish(bob, info.sid, subscribe=False)
    assert await handles(bob) == {}
    assert calls(server, "unsubscribe_data_track") == [(bob.sid, info.sid)]
    await wish(bob, info.sid)
    assert await handles(bob) == {2: ("alice", info.sid)}, "packets under the old handle may be under way"


async def test_a_wish_waits_for_its_track(server):
    alice, bob = await server.join_active("alice"), await server.join_active("bob")
    await wish(bob, "DTR_none")
    assert not [response for response in await bob.sync() if response.HasField("data_track_subscriber_handles")]
    info = await publish(alice)
    await wish(bob, info.sid)
    assert await handles(bob) == {1: ("alice", info.sid)}


async def test_who_asks_for_all_gets_all(server):
    alice = await server.join_active("alice")
    first = await publish(alice)
    bob = await server.join("bob", query={"auto_subscribe_data_track": "1"})
    assert await handles(bob) == {1: ("alice", first.sid)}
    second = await publish(alice, 8, "other")
    assert await handles(bob) == {1: ("alice", first.sid), 2: ("alice", second.sid)}


async def test_a_publisher_that_leaves_takes_its_tracks_along(server):
    alice, bob = await server.join_active("alice"), await server.join_active("bob")
    info = await publish(alice)
    await wish(bob, info.sid)
    await handles(bob)
    await alice.send(leave=rtc.LeaveRequest())
    assert await handles(bob) == {}


async def test_permissions_end_tracks_at_once(server):
    alice, bob = await server.join_active("alice"), await server.join_active("bob")
    info = await publish(alice)
    await wish(bob, info.sid)
    await handles(bob)
    live = (await server.backend.registry()).get("atrium")
    for client, permissions in ((bob, Permissions(can_subscribe=False)), (alice, Permissions(can_publish_data=False))):
        session = live.sessions[client.sid]
        session.participant.permit(permissions, frozenset())
        data_tracks.permissions_changed(live, session)
    assert await handles(bob) == {}
    assert calls(server, "unsubscribe_data_track") == [(bob.sid, info.sid)]
    assert (await alice.until("unpublish_data_track_response")).unpublish_data_track_response.info == info
    assert calls(server, "unpublish_data_track") == [(alice.sid, info.sid)]


async def test_a_resume_tells_the_handles_again_and_knows_the_tracks(server):
    alice, bob = await server.join_active("alice"), await server.join_active("bob")
    info = await publish(alice)
    await wish(bob, info.sid)
    await handles(bob)
    await bob.socket.close()
    bob = await server.open(server.token("bob"), reconnect=1)
    assert await handles(bob) == {1: ("alice", info.sid)}

    known = rtc.PublishDataTrackResponse(info=info)
    await alice.send(sync_state=rtc.SyncState(publish_data_tracks=[known]))
    await alice.sync()
    unknown = rtc.PublishDataTrackResponse(info=models.DataTrackInfo(sid="DTR_none"))
    await alice.send(sync_state=rtc.SyncState(publish_data_tracks=[known, unknown]))
    leave = (await alice.until("leave")).leave
    assert (leave.reason, leave.action) == (models.DisconnectReason.STATE_MISMATCH, rtc.LeaveRequest.RECONNECT)


async def test_nobody_opens_tracks_without_end(server, monkeypatch):
    monkeypatch.setattr(data_tracks, "MAX_PUBLISHED", 2)
    alice = await server.join_active("alice")
    for handle in (1, 2):
        await publish(alice, handle, str(handle))
    await alice.send(publish_data_track_request=rtc.PublishDataTrackRequest(pub_handle=3, name="3"))
    response = (await alice.until("request_response")).request_response
    assert response.reason == rtc.RequestResponse.LIMIT_EXCEEDED
    assert "2 data tracks" in response.message


def test_handles_are_not_used_twice_at_a_time():
    mine = DataTracks(handles={"DTR_a": 1, "DTR_b": 3})
    assert [mine.new_handle(), mine.new_handle(), mine.new_handle()] == [2, 4, 5]
