"""`JoinResponse`, which is put together of parts: it says what one made in one piece would say."""

import pytest
from livekit.protocol import models, rtc

from visavis.auth import Claims, VideoGrants
from visavis.rooms import ClientAbout, Participant, Room, RoomLimits
from visavis.signalling import messages
from visavis.wire import delimited


def person(identity, metadata=""):
    claims = Claims(identity=identity, metadata=metadata, video=VideoGrants(room_join=True, room="atrium"))
    return Participant(claims, ClientAbout(browser="firefox", os="linux"), joined_at=1.5)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 16_383, 16_384, 3_000_000])
def test_content_of_any_length_is_a_field(length):
    content = b"x" * length
    assert rtc.JoinResponse.FromString(delimited(13, content)) == rtc.JoinResponse(sif_trailer=content)


@pytest.mark.parametrize("others", [0, 1, 300])
def test_it_says_all_that_there_is_to_say(others):
    room = Room("atrium", RoomLimits(), created_at=0, now=0, mime_types=("video/VP8", "video/H264", "audio/opus"))
    alice, *present = [person(f"guest{number}", "m" * number * 100) for number in range(others + 1)]
    for each in (alice, *present):
        room.add(each)
    servers = [rtc.ICEServer(urls=["turn:127.0.0.1:1"], username="u", credential="c")]
    frame = messages.join(room, alice, present, subscriber_primary=True, node_id="ND_x", ice_servers=servers)
    assert rtc.SignalResponse.FromString(frame).join == rtc.JoinResponse(
        room=room.info(),
        participant=alice.info(),
        other_participants=[each.info() for each in present],
        server_version=messages.SERVER_VERSION,
        server_info=messages.server_info("ND_x"),
        ice_servers=servers,
        subscriber_primary=True,
        ping_interval=messages.PING_INTERVAL_SECONDS,
        ping_timeout=messages.PING_TIMEOUT_SECONDS,
        client_configuration=alice.disabled_codecs.to_configuration(room.mime_types),
        enabled_publish_codecs=[models.Codec(mime="video/VP8"), models.Codec(mime="audio/opus")],
        fast_publish=True,
        sif_trailer=room.trailer,
    )


def test_who_has_changed_is_told_as_it_is_now():
    room = Room("atrium", RoomLimits(), created_at=0, now=0)
    alice, bob = person("alice"), person("bob")

    def told():
        frame = messages.join(room, alice, [bob], subscriber_primary=True, node_id="ND_x", ice_servers=[])
        [other] = rtc.SignalResponse.FromString(frame).join.other_participants
        return other.state

    assert told() == models.ParticipantInfo.JOINING
    bob.advance(models.ParticipantInfo.ACTIVE)
    assert told() == models.ParticipantInfo.ACTIVE
