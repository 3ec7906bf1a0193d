"""What a client is told when it joins."""

import re
import time

from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import LARGEST_ROOM, Join, Participant, Response, claims_of, connected, content, kinds

from servers import MediaServer


async def test_join_tells_of_the_room(alice: Participant, room: str) -> None:
    told = alice.joined.room

    assert told.name == room
    assert re.fullmatch(r"RM_\w{12}", told.sid)
    assert told.max_participants == LARGEST_ROOM
    assert told.empty_timeout > 0
    assert told.departure_timeout == 2
    assert abs(told.creation_time - time.time()) < 30
    assert abs(told.creation_time_ms / 1000 - time.time()) < 30
    assert {codec.mime for codec in told.enabled_codecs} >= {"audio/opus", "video/VP8", "video/H264", "video/VP9"}


async def test_redundant_audio_is_enabled(alice: Participant) -> None:
    assert "audio/red" in {codec.mime for codec in alice.joined.room.enabled_codecs}
    assert "audio/red" in {codec.mime for codec in alice.joined.enabled_publish_codecs}


async def test_sound_of_telephones_is_enabled(alice: Participant) -> None:
    assert {codec.mime for codec in alice.joined.room.enabled_codecs} >= {"audio/PCMU", "audio/PCMA"}
    assert {codec.mime for codec in alice.joined.enabled_publish_codecs} >= {"audio/PCMU", "audio/PCMA"}


async def test_join_tells_of_oneself(join: Join) -> None:
    alice = await join("alice", name="Alice of Wonderland")

    told = alice.joined.participant
    assert told.identity == "alice"
    assert told.name == "Alice of Wonderland"
    assert re.fullmatch(r"PA_\w{12}", told.sid)
    assert told.state == models.ParticipantInfo.JOINING
    assert told.kind == models.ParticipantInfo.STANDARD
    assert abs(told.joined_at - time.time()) < 30
    assert abs(told.joined_at_ms / 1000 - time.time()) < 30
    assert not told.is_publisher
    assert not told.tracks


async def test_join_tells_what_one_may(join: Join) -> None:
    alice = await join("alice", can_publish_sources=["camera"], can_publish_data=False, can_update_own_metadata=True)

    assert alice.joined.participant.permission == models.ParticipantPermission(
        can_subscribe=True,
        can_publish=True,
        can_publish_sources=[models.TrackSource.CAMERA],
        can_update_metadata=True,
    )


async def test_join_tells_how_often_to_ping(alice: Participant, differs: bool) -> None:
    assert (alice.joined.ping_interval, alice.joined.ping_timeout) == ((10, 20) if differs else (5, 15))


async def test_join_tells_of_the_server(alice: Participant) -> None:
    told = alice.joined

    assert told.server_info.edition == models.ServerInfo.Standard
    assert re.fullmatch(r"\d+\.\d+\.\d+", told.server_info.version)
    assert told.server_info.protocol >= 16
    assert told.server_info.node_id.startswith("ND_")
    assert told.server_version == told.server_info.version


async def test_join_tells_what_ends_frames_of_the_server(join: Join, alice: Participant) -> None:
    bob = await join("bob")

    assert len(alice.joined.sif_trailer) >= 32
    assert bob.joined.sif_trailer == alice.joined.sif_trailer


async def test_join_tells_how_to_connect(alice: Participant) -> None:
    told = alice.joined

    assert told.subscriber_primary
    assert told.fast_publish
    assert not told.alternative_url
    assert told.enabled_publish_codecs[0].mime == "video/VP8"
    assert {"audio/opus", "video/H264"} <= {codec.mime for codec in told.enabled_publish_codecs}
    assert "video/rtx" not in {codec.mime for codec in told.enabled_publish_codecs}


async def test_join_tells_of_the_others(alice: Participant, bob: Participant) -> None:
    (other,) = bob.joined.other_participants

    assert (other.identity, other.sid) == ("alice", alice.sid)
    assert other.state == models.ParticipantInfo.JOINED
    assert other.version > alice.joined.participant.version
    assert not alice.joined.other_participants


async def test_late_joiner_is_told_of_announced_tracks_only_when_media_flows(join: Join, alice: Participant) -> None:
    await alice.add_track("camera")

    bob = await join("bob")

    assert [list(other.tracks) for other in bob.joined.other_participants] == [[]]


async def test_first_messages_need_no_request(server: MediaServer, alice: Participant) -> None:
    # Candidates are trickled, or are in the offer already; clients take both.
    await alice.until("refresh_token")
    places = {("udp", server.udp_port), ("tcp", server.tcp_port)}
    while not places <= {place for response in alice.seen for place in _candidates(response)}:
        await alice.next()

    heard = kinds(alice.seen)
    assert heard[0] == "join"
    assert "trickle" not in heard[: heard.index("offer")]


async def test_nothing_is_offered_to_who_may_not_subscribe(join: Join) -> None:
    alice = await join("alice", can_subscribe=False)

    assert not alice.joined.subscriber_primary
    await alice.until("refresh_token")
    assert "offer" not in kinds(await alice.sync())


async def test_token_is_refreshed_at_once(join: Join, room: str) -> None:
    alice = await join("alice", name="Alice", can_publish=False)

    claims = claims_of(await alice.until("refresh_token"))
    assert claims["sub"] == "alice"
    assert claims["name"] == "Alice"
    assert claims["video"]["room"] == room
    assert claims["video"]["roomJoin"] is True
    assert claims["video"]["canPublish"] is False
    assert claims["exp"] > time.time() + 500


async def test_refreshed_token_lets_one_in(server: MediaServer, alice: Participant, room: str) -> None:
    token = await alice.until("refresh_token")

    async with connected(server, token, "alice") as again:
        joined = content(await again.next())

    assert isinstance(joined, signal.JoinResponse)
    assert (joined.room.name, joined.participant.identity) == (room, "alice")


def _candidates(response: Response) -> set[tuple[str, int]]:
    return {(kind, int(port)) for kind, port in re.findall(r" 1 (udp|tcp) \d+ 127\.0\.0\.1 (\d+) typ", str(response))}
