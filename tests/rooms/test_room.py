"""A room's capacity and life time, and what it tells of its participants."""

import pytest
from livekit.protocol import models, rtc

from visavis.auth import Claims, VideoGrants
from visavis.errors import VisavisError
from visavis.rooms import ClientAbout, Participant, Permissions, Room, RoomLimits, SubscriptionPolicy


def person(identity, *, kind="", **grants):
    claims = Claims(identity=identity, kind=kind, video=VideoGrants(room_join=True, room="atrium", **grants))
    return Participant(claims, ClientAbout(), joined_at=1.5)


@pytest.fixture
def room():
    return Room("atrium", RoomLimits(max_participants=2, departure_timeout=20, empty_timeout=300), created_at=0, now=0)


def test_a_room_is_full_at_its_capacity(room):
    room.add(person("alice"))
    room.add(person("bob"))
    with pytest.raises(VisavisError, match=r"full \(2 of 2\)"):
        room.admit("carol", is_dependent=False)
    room.admit("alice", is_dependent=False)
    room.admit("recorder", is_dependent=True)


def test_agents_and_hidden_ones_are_not_shown_in_the_count(room):
    room.add(person("alice"))
    room.add(person("robot", kind="agent"))
    room.add(person("ghost", hidden=True))
    assert (room.people_count, room.shown_count, room.info().num_participants) == (2, 1, 1)


def test_counts_follow_what_participants_become(room):
    alice, ghost = person("alice"), person("ghost", hidden=True)
    for each in (alice, ghost):
        room.add(each)
    assert room.has_hidden
    ghost.permit(Permissions(), frozenset())
    ghost.touch()
    assert (room.shown_count, room.has_hidden, room.info().num_participants) == (2, False, 2)
    alice.permit(Permissions(recorder=True), frozenset())
    assert (room.people_count, room.is_recorded, room.info().active_recording) == (1, True, True)
    alice.data_tracks.published[1] = models.DataTrackInfo(sid="DTR_1")
    alice.touch()
    assert room.info().num_publishers == 1
    room.remove(alice, now=1)
    alice.permit(Permissions(), frozenset())
    assert (room.people_count, room.is_recorded, room.info().num_publishers) == (1, False, 0)


def test_a_recorder_makes_a_recording(room):
    assert not room.info().active_recording
    room.add(person("tape", recorder=True))
    assert room.info().active_recording


def test_an_empty_room_ends_after_its_empty_timeout(room):
    assert not room.is_over(299)
    assert room.is_over(300)


def test_a_left_room_ends_after_its_departure_timeout_even_with_agents(room):
    alice = person("alice")
    room.add(alice)
    room.add(person("robot", kind="agent"))
    assert not room.is_over(1000)
    room.remove(alice, now=1000)
    assert not room.is_over(1019)
    assert room.is_over(1020)


def test_a_rejoin_keeps_the_room(room):
    alice = person("alice")
    room.add(alice)
    room.remove(alice, now=10)
    room.add(person("alice"))
    assert not room.is_over(1000)


def test_the_same_identity_is_never_twice_in_a_room(room):
    room.add(person("alice"))
    with pytest.raises(ValueError, match="'alice' is in the room"):
        room.add(person("alice"))


def test_removing_twice_does_not_remove_the_successor(room):
    first, second = person("alice"), person("alice")
    room.add(first)
    room.remove(first, now=0)
    room.add(second)
    room.remove(first, now=0)
    assert room.by_identity("alice") is second


def test_states_go_forward_only():
    alice = person("alice")
    assert alice.advance(2)
    assert not alice.advance(1)
    assert alice.info().state == 2


def test_information_is_made_anew_with_a_higher_version_only_when_it_changed():
    alice = person("alice")
    first = alice.info()
    assert alice.info() is first
    alice.touch()
    assert alice.info().version == first.version + 1
    assert (first.joined_at, first.joined_at_ms) == (1, 1500)


def test_a_fresh_token_carries_what_has_changed():
    alice = person("alice", can_publish_sources=("camera",))
    alice.name = "Al"
    claims = alice.current_claims()
    assert (claims.name, claims.video.room, claims.video.can_publish_sources) == ("Al", "atrium", ("camera",))


@pytest.mark.parametrize(
    ("grants", "publish", "data"),
    [
        ({}, True, True),
        ({"can_publish": False}, False, False),
        ({"can_publish": False, "can_publish_data": True}, False, True),
        ({"can_publish_data": False}, True, False),
    ],
)
def test_permissions_default_as_livekits(grants, publish, data):
    permissions = person("alice", **grants).permissions
    assert (permissions.can_publish, permissions.can_publish_data, permissions.can_subscribe) == (publish, data, True)


def test_a_policy_names_participants_by_identity_or_id():
    message = rtc.SubscriptionPermission(
        track_permissions=[
            rtc.TrackPermission(participant_identity="alice", all_tracks=True),
            rtc.TrackPermission(participant_sid="PA_b", all_tracks=True),
            rtc.TrackPermission(participant_sid="PA_gone", all_tracks=True),
            rtc.TrackPermission(participant_identity="carol", track_sids=["TR_2"]),
            rtc.TrackPermission(participant_identity="carol", track_sids=["TR_1"]),
        ]
    )
    policy = SubscriptionPolicy.from_message(message, {"PA_b": "bob"}.get)
    assert policy.allows("alice", "TR_9")
    assert policy.allows("bob", "TR_9")
    assert policy.allows("carol", "TR_1")
    assert not policy.allows("carol", "TR_2")
    assert SubscriptionPolicy().allows("anyone", "TR_x")


def test_a_policy_that_names_nobody_is_none():
    message = rtc.SubscriptionPermission(track_permissions=[rtc.TrackPermission(all_tracks=True)])
    with pytest.raises(ValueError, match="nobody"):
        SubscriptionPolicy.from_message(message, {}.get)


def test_a_source_that_nobody_knows_permits_nothing():
    permissions = person("alice", can_publish_sources=("cam",)).permissions
    assert not any(permissions.may_publish(source) for source in models.TrackSource.values())
    assert list(permissions.to_message().can_publish_sources) == [models.TrackSource.UNKNOWN]


def test_a_fresh_token_permits_what_is_permitted_now():
    alice = person("alice")
    alice.permit(Permissions(can_publish=False, publish_sources=frozenset({"camera"}), hidden=True), frozenset())
    video = alice.current_claims().video
    assert (video.can_publish, video.can_publish_sources, video.hidden, video.room) == (
        False,
        ("camera",),
        True,
        "atrium",
    )
