"""Who receives what: wishes, settings, permissions."""

from livekit.protocol import models, rtc
from tests_vocabulary import CAMERA

from visavis.media import events
from visavis.signalling.join_request import about_of


async def publishing(server, identity="alice"):
    client = await server.join(identity)
    track = await client.add_track("cam")
    await client.offer(CAMERA)
    return client, track.sid


async def test_without_auto_subscribe_only_what_is_asked_for(server):
    _, track = await publishing(server)
    bob = await server.join("bob", query={"auto_subscribe": 0})
    await bob.sync()
    assert not server.engine.called("subscribe")
    await bob.send(subscription=rtc.UpdateSubscription(track_sids=[track], subscribe=True))
    await bob.sync()
    assert server.engine.called("subscribe")[0].arguments == (bob.sid, track)


async def test_unsubscribing_in_both_lists_happens_once(server):
    alice, track = await publishing(server)
    bob = await server.join("bob")
    both = models.ParticipantTracks(participant_sid=alice.sid, track_sids=[track])
    await bob.send(subscription=rtc.UpdateSubscription(track_sids=[track], participant_tracks=[both], subscribe=False))
    await bob.sync()
    assert [command.arguments for command in server.engine.called("unsubscribe")] == [(bob.sid, track)]


async def test_settings_reach_the_core_even_before_the_track(server):
    bob = await server.join("bob")
    settings = {"disabled": False, "quality": 0, "width": 320, "height": 180, "fps": 15, "priority": 2}
    await bob.send(track_setting=rtc.UpdateTrackSettings(track_sids=["TR_x"], **settings))
    await bob.sync()
    command = server.engine.called("set_track_settings")[0]
    assert command.arguments == (bob.sid, "TR_x")
    assert command.options == settings


async def test_adaptive_streams_begin_small(server):
    _, track = await publishing(server)
    bob = await server.join("bob", query={"adaptive_stream": 1})
    command = server.engine.called("set_track_settings")[0]
    assert command.arguments == (bob.sid, track)
    assert command.options["quality"] == models.VideoQuality.LOW


async def test_the_client_says_whether_pictures_may_be_held_back(server):
    for identity, query in (("ann", {}), ("bob", {"subscriber_allow_pause": 1}), ("cy", {"subscriber_allow_pause": 0})):
        await server.join(identity, query=query)
    assert [command.options["allow_pause"] for command in server.engine.called("add_participant")] == [
        None,
        True,
        False,
    ]


def test_a_join_request_says_so_too():
    for told in (None, True, False):
        settings = rtc.ConnectionSettings(subscriber_allow_pause=told)
        assert about_of(rtc.JoinRequest(connection_settings=settings)).allow_pause is told


async def test_who_waits_for_bandwidth_is_told(server):
    alice, track = await publishing(server)
    bob = await server.join("bob", query={"subscriber_allow_pause": 1})
    for paused, state in ((True, rtc.StreamState.PAUSED), (False, rtc.StreamState.ACTIVE)):
        server.engine.emit(events.StreamStateChanged(bob.sid, track, paused))
        told = (await bob.until("stream_state_update")).stream_state_update
        assert list(told.stream_states) == [
            rtc.StreamStateInfo(participant_sid=alice.sid, track_sid=track, state=state)
        ]


async def test_a_publisher_withdraws_and_gives_back(server):
    alice, track = await publishing(server)
    bob = await server.join("bob")
    await alice.send(subscription_permission=rtc.SubscriptionPermission(all_participants=False))
    update = (await bob.until("subscription_permission_update")).subscription_permission_update
    assert (update.participant_sid, update.track_sid, update.allowed) == (alice.sid, track, False)
    assert server.engine.called("unsubscribe")[0].arguments == (bob.sid, track)
    permission = rtc.TrackPermission(participant_identity="bob", all_tracks=True)
    await alice.send(subscription_permission=rtc.SubscriptionPermission(track_permissions=[permission]))
    update = (await bob.until("subscription_permission_update")).subscription_permission_update
    assert update.allowed
    assert len(server.engine.called("subscribe")) == 2


async def test_a_codec_that_a_client_lacks_is_told_to_it(server):
    _, track = await publishing(server)
    bob = await server.join("bob")
    server.engine.emit(events.SubscriptionFailed(bob.sid, track, "codec_unsupported"))
    response = (await bob.until("subscription_response")).subscription_response
    assert (response.track_sid, response.err) == (track, models.SubscriptionError.SE_CODEC_UNSUPPORTED)


async def test_who_may_not_subscribe_gets_nothing(server):
    _, track = await publishing(server)
    bob = await server.join("bob", can_subscribe=False)
    await bob.send(subscription=rtc.UpdateSubscription(track_sids=[track], subscribe=True))
    await bob.sync()
    assert not server.engine.called("subscribe")


async def test_tracks_of_hidden_participants_are_sent_to_nobody(server):
    await server.join("bob")
    ghost = await server.join("ghost", hidden=True)
    await ghost.add_track("cam")
    await ghost.offer(CAMERA)
    assert not server.engine.called("subscribe")


async def test_speakers_are_told_to_themselves_and_to_subscribers(server):
    alice, _track = await publishing(server)
    bob = await server.join("bob")
    carol = await server.join("carol", query={"auto_subscribe": 0})
    room = alice.joined.room.sid
    server.engine.emit(events.Speakers(room, {alice.sid: 0.5}))
    for client in (alice, bob):
        speaker = (await client.until("speakers_changed")).speakers_changed.speakers[0]
        assert (speaker.sid, speaker.level, speaker.active) == (alice.sid, 0.5, True)
    server.engine.emit(events.Speakers(room, {alice.sid: 0.0}))
    assert not (await bob.until("speakers_changed")).speakers_changed.speakers[0].active
    assert all(response.WhichOneof("message") != "speakers_changed" for response in await carol.sync())


async def test_who_begins_to_listen_is_told_who_speaks_and_that_it_ends(server):
    alice, track = await publishing(server)
    bob = await server.join("bob", query={"auto_subscribe": 0})
    server.engine.emit(events.Speakers(alice.joined.room.sid, {alice.sid: 0.5}))
    await alice.until("speakers_changed")
    for subscribe, level in ((True, 0.5), (False, 0.0)):
        await bob.send(subscription=rtc.UpdateSubscription(track_sids=[track], subscribe=subscribe))
        speaker = (await bob.until("speakers_changed")).speakers_changed.speakers[0]
        assert (speaker.sid, speaker.level, speaker.active) == (alice.sid, level, subscribe)


async def test_who_unpublishes_while_speaking_speaks_no_more(server):
    alice, _track = await publishing(server)
    bob = await server.join("bob")
    server.engine.emit(events.Speakers(alice.joined.room.sid, {alice.sid: 0.5}))
    assert (await bob.until("speakers_changed")).speakers_changed.speakers[0].active
    await alice.offer()
    assert not (await bob.until("speakers_changed")).speakers_changed.speakers[0].active


async def test_qualities_are_told_and_kept_for_newcomers(server):
    alice = await server.join_active("alice")
    server.engine.emit(events.Quality(alice.joined.room.sid, {alice.sid: (0, 25.0)}))
    update = (await alice.until("connection_quality")).connection_quality.updates[0]
    assert (update.participant_sid, update.quality) == (alice.sid, models.ConnectionQuality.POOR)
    bob = await server.join_active("bob")
    told = {update.participant_sid: update.quality for update in bob.seen[-1].connection_quality.updates}
    assert told == {alice.sid: models.ConnectionQuality.POOR, bob.sid: models.ConnectionQuality.EXCELLENT}
