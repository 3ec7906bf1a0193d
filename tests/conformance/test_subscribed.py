"""What a subscriber is offered, and what it and the publisher may ask for."""

import pytest
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import Join, kinds
from wire import answer_to
from wiretap import Call, carries, sending

from media import Colour, playing_tone, showing


@pytest.fixture(params=["/rtc", "/rtc/v1"], ids=["two-connections", "one-connection"])
def path(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_first_offer_has_the_data_channels(join: Join) -> None:
    offer = await (await join("zoe")).until("offer")

    assert offer.type == "offer"
    assert offer.id > 0
    assert "m=application 9 UDP/DTLS/SCTP webrtc-datachannel" in offer.sdp
    assert "a=sctp-port:5000" in offer.sdp
    assert "a=setup:actpass" in offer.sdp
    assert "a=ice-ufrag:" in offer.sdp
    assert "a=fingerprint:sha-256 " in offer.sdp


async def test_tracks_are_offered_by_publisher_and_track_id(call: Call) -> None:
    alice, _ = await call("alice")
    _, wire = await call("zoe")

    async with playing_tone(alice, 440) as tone, showing(alice, Colour.RED) as picture:
        offer = await wire.described(carries(tone.sid, picture.sid))

    for sid in (tone.sid, picture.sid):
        assert f"a=msid:{alice.me.sid}|{sid} {sid}" in offer.sdp
    assert set(offer.mid_to_track_id.values()) == {tone.sid, picture.sid}
    assert all(f"a=mid:{mid}\r\n" in offer.sdp for mid in offer.mid_to_track_id)


async def test_publication_is_told_before_it_is_offered(call: Call) -> None:
    alice, _ = await call("alice")
    _, wire = await call("zoe")

    async with showing(alice, Colour.RED) as picture:
        await wire.described(carries(picture.sid))

    updates = [info for response in wire.seen for info in response.update.participants]
    assert picture.sid in {track.sid for info in updates for track in info.tracks}


async def test_late_joiner_is_offered_what_is_there(call: Call) -> None:
    alice, _ = await call("alice")

    async with showing(alice, Colour.RED) as picture:
        _, wire = await call("zoe")
        await wire.described(carries(picture.sid))


@pytest.mark.parametrize("path", ["/rtc"])
async def test_offers_are_numbered(call: Call) -> None:
    alice, _ = await call("alice")
    _, wire = await call("zoe")

    async with playing_tone(alice, 440) as tone, showing(alice, Colour.RED) as picture:
        await wire.described(carries(tone.sid, picture.sid))

    numbers = [response.offer.id for response in wire.seen if response.HasField("offer")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_unpublished_track_is_taken_out_of_the_offer(call: Call) -> None:
    alice, _ = await call("alice")
    _, wire = await call("zoe")

    async with showing(alice, Colour.RED) as picture:
        await wire.described(carries(picture.sid))
        await alice.me.unpublish_track(picture.sid)
        await wire.described(carries())


async def test_without_auto_subscribe_nothing_comes_until_asked_for(call: Call) -> None:
    alice, _ = await call("alice")
    _, wire = await call("zoe", auto_subscribe=False)

    async with playing_tone(alice, 440) as tone, showing(alice, Colour.RED) as picture:
        await wire.update_about("alice", lambda info: len(info.tracks) == 2)
        await wire.send(subscription=signal.UpdateSubscription(track_sids=[picture.sid], subscribe=True))
        await wire.described(carries(picture.sid))
        await wire.send(subscription=signal.UpdateSubscription(track_sids=[picture.sid], subscribe=False))
        await wire.described(carries())

    offered = set[str]().union(*(sending(getattr(response, wire.describes).sdp) for response in wire.seen))
    assert tone.sid not in offered


async def test_subscription_may_name_participant_and_track(call: Call) -> None:
    alice, _ = await call("alice")
    _, wire = await call("zoe", auto_subscribe=False)

    async with showing(alice, Colour.RED) as picture:
        await wire.update_about("alice", lambda info: len(info.tracks) == 1)
        tracks = models.ParticipantTracks(participant_sid=alice.me.sid, track_sids=[picture.sid])
        await wire.send(subscription=signal.UpdateSubscription(participant_tracks=[tracks], subscribe=True))
        await wire.described(carries(picture.sid))


async def test_subscription_may_end(call: Call) -> None:
    alice, _ = await call("alice")
    _, wire = await call("zoe")

    async with showing(alice, Colour.RED) as picture:
        await wire.described(carries(picture.sid))
        await wire.send(subscription=signal.UpdateSubscription(track_sids=[picture.sid], subscribe=False))
        await wire.described(carries())


async def test_a_track_that_comes_again_is_told_again(call: Call, path: str, differs: bool) -> None:
    if path == "/rtc" and not differs:
        pytest.skip("livekit-server gives it the same media section, and the client does not notice")
    alice, _ = await call("alice")
    bob, wire = await call("bob")

    async with playing_tone(alice, 440) as tone:
        _, publication, _ = await bob.event("track_subscribed", lambda *args: args[1].sid == tone.sid)
        for _ in range(3):
            await wire.described(carries(tone.sid))
            mark = bob.now()
            publication.set_subscribed(False)
            await wire.described(carries())
            publication.set_subscribed(True)
            await bob.event("track_subscribed", lambda *args: args[1].sid == tone.sid, since=mark)


async def test_settings_are_taken_without_an_answer(call: Call) -> None:
    alice, _ = await call("alice")
    _, wire = await call("zoe")

    async with showing(alice, Colour.RED) as picture:
        await wire.described(carries(picture.sid))
        for settings in ({"disabled": True}, {"quality": 0}, {"width": 160, "height": 90, "fps": 5}):
            await wire.send(track_setting=signal.UpdateTrackSettings(track_sids=[picture.sid], **settings))
        await wire.send(ping_req=signal.Ping(timestamp=7))
        await wire.until("pong_resp", lambda pong: pong.last_ping_timestamp == 7)

    assert not {"leave", "request_response", "subscription_response"} & set(kinds(wire.seen))


async def test_publisher_decides_who_subscribes(call: Call) -> None:
    alice, wire = await call("alice")
    _, zoes = await call("zoe")

    async with showing(alice, Colour.RED) as picture:
        await zoes.described(carries(picture.sid))
        await wire.send(subscription_permission=signal.SubscriptionPermission(all_participants=False))
        told = await zoes.until("subscription_permission_update", lambda told: not told.allowed)
        assert (told.participant_sid, told.track_sid) == (alice.me.sid, picture.sid)
        await zoes.described(carries())

        allowed = signal.TrackPermission(participant_identity="zoe", track_sids=[picture.sid])
        await wire.send(subscription_permission=signal.SubscriptionPermission(track_permissions=[allowed]))
        told = await zoes.until("subscription_permission_update", lambda told: told.allowed)
        assert (told.participant_sid, told.track_sid) == (alice.me.sid, picture.sid)
        await zoes.described(carries(picture.sid))


async def test_who_may_not_subscribe_is_told_of_tracks_only(call: Call, join: Join) -> None:
    alice, _ = await call("alice")
    zoe = await join("zoe", can_subscribe=False)

    async with showing(alice, Colour.RED) as picture:
        info = await zoe.update_about("alice", lambda info: len(info.tracks) == 1)

    assert info.tracks[0].sid == picture.sid
    assert "offer" not in kinds(await zoe.sync())


async def test_answer_is_taken_without_media(join: Join) -> None:
    zoe = await join("zoe")
    offer = await zoe.until("offer")

    await zoe.send(answer=signal.SessionDescription(type="answer", sdp=answer_to(offer.sdp), id=offer.id))

    assert "leave" not in kinds(await zoe.sync())
