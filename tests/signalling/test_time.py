"""What time alone brings about: in virtual time, without sockets."""

import math
from dataclasses import dataclass, field

import jwt
import pytest
from livekit.protocol import models, rtc

from visavis.auth import Claims, Holder, KeyRing, VideoGrants
from visavis.media import events
from visavis.media.fake import FakeEngine
from visavis.rooms import ClientAbout, Reservations, RoomLimits
from visavis.rooms.moderation import ABSENCE_SECONDS
from visavis.signalling import RoomRegistry
from visavis.signalling.announcements import SMALL_ROOM
from visavis.signalling.connect import ConnectRequest
from visavis.signalling.ice_servers import IceServers
from visavis.signalling.messages import PING_INTERVAL_SECONDS
from visavis.signalling.outlet import Outlet
from visavis.signalling.requests import handle
from visavis.signalling.subscribing import update_subscription

KEYS = KeyRing({"devkey": "secret"})
EPOCH = 1_800_000_000.0


@dataclass
class Member:
    """One joined participant, whose frames are read from the queue of its outlet."""

    room: object
    session: object
    outlet: Outlet
    frames: list = field(default_factory=list)

    def read(self):
        self.frames = [rtc.SignalResponse.FromString(frame) for frame in self.outlet.take()]
        return [frame.WhichOneof("message") for frame in self.frames]

    def left(self):
        self.read()
        return self.frames[-1].leave if self.frames and self.frames[-1].HasField("leave") else None


class World:
    """A registry whose clock is turned by hand."""

    def __init__(self):
        self.now = 0.0
        self.engine = FakeEngine(auto=False)
        self.changes = 0
        self.happenings = []
        self.reservations = Reservations()
        self.registry = RoomRegistry(
            self.engine,
            KEYS,
            RoomLimits(max_participants=500, departure_timeout=20),
            self.reservations,
            mime_types=("video/VP8", "audio/opus"),
            ice_servers=IceServers((), b"", lambda: EPOCH),
            changed=self.count_change,
            happened=self.happenings.append,
            entered=lambda _, __: None,
            wall=lambda: EPOCH + self.now,
            now=lambda: self.now,
        )

    def count_change(self):
        self.changes += 1

    def join(self, identity, room="atrium", *, ttl=3600.0, active=True, holder=None, **about):
        grants = VideoGrants(room_join=True, room=room)
        claims = Claims(identity=identity, video=grants, expires_at=EPOCH + ttl, holder=holder)
        outlet = Outlet()
        request = ConnectRequest(claims=claims, grants=grants, room=room, about=ClientAbout(protocol=17, **about))
        member = Member(*self.registry.join(request, outlet), outlet)
        if active:
            self.connection(member, "connected")
        outlet.take()
        return member

    def connection(self, member, state):
        self.registry.handle(events.ConnectionChanged(member.session.sid, "subscriber", state))

    def pass_time(self, seconds, *heard):
        """Lets time pass; the sessions in `heard` ping meanwhile."""
        for _ in range(int(seconds * 2)):
            self.now += 0.5
            for member in heard:
                member.session.last_heard = self.now
            self.registry.tick()


@pytest.fixture
def world():
    world = World()
    yield world
    world.engine.close()


@pytest.fixture
def settled(world):
    """One of whom nothing is due, and all were looked at not long ago."""
    alice = world.join("alice")
    world.pass_time(7, alice)
    assert not alice.room.unsettled
    alice.read()
    return alice


def test_a_room_ends_after_the_last_one_left(world):
    alice = world.join("alice")
    alice.room.remove(alice.session, models.DisconnectReason.CLIENT_INITIATED)
    world.pass_time(19)
    assert world.registry.get("atrium") is not None
    world.pass_time(1)
    assert world.registry.get("atrium") is None
    assert world.changes == 3


def test_who_has_been_there_longest_moderates_after_the_last_moderator_left(world):
    maker = world.join("maker", holder=Holder(id="maker"))
    others = [
        world.join("of the host"),
        world.join("never", holder=Holder(id="never", moderates=False)),
        world.join("longest", holder=Holder(id="longest")),
        world.join("latest", holder=Holder(id="latest")),
    ]
    maker.room.remove(maker.session, models.DisconnectReason.CLIENT_INITIATED)
    world.pass_time(ABSENCE_SECONDS - 0.5, *others)
    roles = [each.session.participant.attributes.get("visavis.role") for each in others]
    assert roles == [None, None, None, None]
    world.pass_time(0.5, *others)
    roles = [each.session.participant.attributes.get("visavis.role") for each in others]
    assert roles == [None, None, "moderator", None]
    world.join("maker", holder=Holder(id="maker"))
    assert sorted(maker.room.room.by_sid(sid).identity for sid in maker.room.room.moderation.moderators) == [
        "longest",
        "maker",
    ]


def test_silent_sockets_are_given_up(world):
    bob = world.join("bob")
    silent = [world.join(f"silent{number}", f"room{number % 20}", active=False) for number in range(500)]
    world.pass_time(20, bob)
    assert all(member.outlet.is_closed for member in silent)
    assert [sid for room in world.registry for sid in room.sessions] == [bob.session.sid]
    assert not bob.outlet.is_closed


def test_a_hidden_browser_page_that_pings_each_minute_stays(world):
    alice = world.join("alice")
    world.pass_time(60)
    assert not alice.outlet.is_closed


def test_who_never_connects_media_fails_to_join(world):
    alice = world.join("alice", active=False)
    world.pass_time(60, alice)
    leave = alice.left()
    assert (leave.reason, leave.action) == (models.DisconnectReason.JOIN_FAILURE, rtc.LeaveRequest.RECONNECT)


def test_who_vanished_is_gone_for_others_in_time(world):
    bob, alice = world.join("bob"), world.join("alice")
    world.pass_time(10, bob)
    world.connection(alice, "disconnected")
    bob.read()
    world.pass_time(9, bob)
    bob.read()
    gone = [info for frame in bob.frames for info in frame.update.participants]
    assert [(info.identity, info.state) for info in gone] == [("alice", models.ParticipantInfo.DISCONNECTED)]


def test_lost_media_is_waited_for_between_two_pings(world):
    alice = world.join("alice")
    for _ in range(4):
        world.pass_time(PING_INTERVAL_SECONDS + 3)
        world.connection(alice, "disconnected")
        world.pass_time(0.5, alice)
    assert alice.session.sid in alice.room.sessions
    assert not alice.outlet.is_closed


def test_lost_media_with_a_live_socket_is_waited_for(world):
    alice = world.join("alice")
    world.connection(alice, "disconnected")
    world.pass_time(10, alice)
    world.connection(alice, "connected")
    world.pass_time(30, alice)
    assert alice.session.sid in alice.room.sessions


def test_a_lost_socket_with_media_is_waited_for(world):
    alice = world.join("alice")
    alice.room.socket_lost(alice.session, alice.outlet)
    world.pass_time(120)
    assert alice.session.sid in alice.room.sessions


def test_a_lost_socket_and_lost_media_are_a_leave(world):
    alice = world.join("alice")
    alice.room.socket_lost(alice.session, alice.outlet)
    world.connection(alice, "disconnected")
    world.pass_time(4)
    assert alice.session.sid not in alice.room.sessions


def test_failed_media_without_a_socket_is_a_leave_at_once(world):
    alice = world.join("alice")
    alice.room.socket_lost(alice.session, alice.outlet)
    world.connection(alice, "failed")
    assert alice.session.sid not in alice.room.sessions


def test_failed_media_may_be_resumed_for_some_seconds(world):
    alice = world.join("alice")
    world.connection(alice, "failed")
    world.pass_time(1)
    assert alice.left().action == rtc.LeaveRequest.RESUME
    alice.room.socket_lost(alice.session, alice.outlet)
    world.pass_time(4.5)
    assert alice.session.sid in alice.room.sessions
    world.pass_time(0.5)
    assert alice.session.sid not in alice.room.sessions


def test_a_client_may_close_its_media_before_it_says_that_it_leaves(world):
    bob, alice = world.join("bob"), world.join("alice")
    bob.read()
    world.connection(alice, "failed")
    handle(alice.room, alice.session, rtc.SignalRequest(leave=rtc.LeaveRequest(reason=1)))
    bob.read()
    assert bob.frames[0].update.participants[0].disconnect_reason == models.DisconnectReason.CLIENT_INITIATED


def test_failed_media_and_a_closed_socket_are_a_leave_at_once(world):
    alice = world.join("alice")
    world.connection(alice, "failed")
    alice.room.socket_lost(alice.session, alice.outlet)
    assert alice.session.sid not in alice.room.sessions


def test_tokens_are_refreshed_long_before_they_expire(world):
    alice = world.join("alice", ttl=120)
    world.pass_time(299, alice)
    assert "refresh_token" not in alice.read()
    world.pass_time(1, alice)
    assert "refresh_token" in alice.read()
    token = next(frame.refresh_token for frame in alice.frames if frame.HasField("refresh_token"))
    assert jwt_expiry(token) == EPOCH + 300 + 600


def test_counts_are_told_every_five_seconds_at_most(world):
    alice = world.join("alice")
    for number in range(5):
        world.join(f"guest{number}")
    alice.read()
    world.pass_time(5, alice)
    alice.read()
    rooms = [frame.room_update.room for frame in alice.frames if frame.HasField("room_update")]
    assert [room.num_participants for room in rooms] == [6]
    world.pass_time(10, alice)
    assert "room_update" not in alice.read()


def test_a_track_that_never_comes_is_told_so(world):
    alice = world.join("alice")
    update_subscription(alice.room, alice.session, rtc.UpdateSubscription(track_sids=["TR_never"], subscribe=True))
    world.pass_time(59, alice)
    assert "subscription_response" not in alice.read()
    world.pass_time(1, alice)
    alice.read()
    response = next(f.subscription_response for f in alice.frames if f.HasField("subscription_response"))
    assert (response.track_sid, response.err) == ("TR_never", models.SubscriptionError.SE_TRACK_NOTFOUND)


def test_whose_media_fails_later_is_asked_to_resume_as_soon(world, settled):
    world.connection(settled, "failed")
    world.pass_time(1, settled)
    assert settled.left().action == rtc.LeaveRequest.RESUME


def test_who_vanishes_later_is_gone_as_soon(world, settled):
    settled.room.socket_lost(settled.session, settled.outlet)
    world.connection(settled, "disconnected")
    world.pass_time(2)
    assert settled.session.sid not in settled.room.sessions
    assert not settled.room.unsettled


def test_who_asks_for_a_track_later_is_told_as_soon_that_it_never_came(world, settled):
    update_subscription(settled.room, settled.session, rtc.UpdateSubscription(track_sids=["TR_never"], subscribe=True))
    world.pass_time(60, settled)
    assert "subscription_response" in settled.read()
    assert not settled.room.unsettled


def test_events_about_the_gone_are_ignored(world):
    world.join("alice")
    world.registry.handle(events.Offer("PA_gone", 1, "v=0", {}))
    world.registry.handle(events.Speakers("RM_gone", {"PA_gone": 1.0}))
    world.registry.handle(events.Quality("RM_gone", {"PA_gone": (2, 100.0)}))


def test_a_broadcast_is_encoded_once(world, monkeypatch):
    members = [world.join(f"guest{number}") for number in range(20)]
    world.pass_time(0.5)
    encoded = []
    original = rtc.SignalResponse.SerializeToString

    def count(self):
        encoded.append(self.WhichOneof("message"))
        return original(self)

    monkeypatch.setattr(rtc.SignalResponse, "SerializeToString", count)
    members[0].room.announce(members[0].session.participant, to_self=False)
    assert encoded == ["update"]
    frames = {id(frame) for member in members[1:] for frame in member.outlet.take()[-1:]}
    assert len(frames) == 1


def frames_to_a_crowd(world, people, seconds_between):
    """How many frames went out while so many joined one room, and what the last tick left."""
    members, count = [], 0
    for number in range(people):
        members.append(world.join(f"guest{number}", active=False))
        world.now += seconds_between / 2
        world.connection(members[-1], "connected")
        world.now += seconds_between / 2
        count += sum(len(member.outlet.take()) for member in members)
    world.pass_time(0.5)
    return count + sum(len(member.outlet.take()) for member in members)


@pytest.mark.parametrize("people", [40, 160, 480])
@pytest.mark.parametrize("seconds_between", [0.001, 0.01, 0.05])
def test_n_who_come_together_are_told_of_each_other_in_n_log_n_frames(monkeypatch, people, seconds_between):
    updates = []
    original = rtc.ParticipantUpdate
    monkeypatch.setattr(rtc, "ParticipantUpdate", lambda **fields: updates.append(1) or original(**fields))
    # Told one by one it would be N² frames for joining and as many for connecting.
    assert frames_to_a_crowd(World(), people, seconds_between) <= 2.5 * people * math.log2(people)
    # The small room that it was at first is told of each at once, a large one about once a second of all.
    assert len(updates) <= 2 * SMALL_ROOM + 8 + people * seconds_between


def test_one_who_comes_to_a_large_room_is_told_of_once(world):
    members = [world.join(f"guest{number}") for number in range(60)]
    world.pass_time(1.0, *members)
    for member in members:
        member.outlet.take()
    late = world.join("late", active=False)
    world.now += 0.2
    world.connection(late, "connected")
    for member in members:
        [frame] = read_all(member)
        [info] = frame.update.participants
        assert (info.identity, info.state) == ("late", models.ParticipantInfo.ACTIVE)


def test_one_who_comes_to_a_large_room_and_takes_long_to_connect_is_told_of_meanwhile(world):
    members = [world.join(f"guest{number}") for number in range(60)]
    world.pass_time(1.0, *members)
    members[0].outlet.take()
    world.join("late", active=False)
    world.pass_time(0.5, *members)
    told = [info for frame in read_all(members[0]) for info in frame.update.participants]
    assert [(info.identity, info.state) for info in told] == [("late", models.ParticipantInfo.JOINED)]


def test_who_comes_to_a_large_room_is_told_after_a_moment_at_the_latest(world):
    members = [world.join(f"guest{number}") for number in range(30)]
    world.pass_time(0.5, *members)
    seen = {info.identity: info for frame in read_all(members[0]) for info in frame.update.participants}
    assert {info.state for name, info in seen.items() if name != "guest0"} == {models.ParticipantInfo.ACTIVE}
    world.now += 1.0
    world.registry.handle(events.ParticipantFailed(members[7].session.sid, "gone"))
    assert [info.identity for frame in read_all(members[0]) for info in frame.update.participants] == ["guest7"]


def test_what_waits_goes_out_before_what_is_urgent(world):
    members = [world.join(f"guest{number}") for number in range(30)]
    read_all(members[0])
    late = world.join("late", active=False)
    speaker = members[1].session.participant
    speaker.touch()
    members[0].room.announce(speaker, to_self=False)
    told = [info.identity for frame in read_all(members[0]) for info in frame.update.participants]
    assert told[-2:] == [late.session.participant.identity, "guest1"]


def read_all(member):
    member.read()
    return member.frames


def jwt_expiry(token):
    return jwt.decode(token, options={"verify_signature": False})["exp"]
