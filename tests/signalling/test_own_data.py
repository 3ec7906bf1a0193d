"""Name, metadata and attributes; permissions that change."""

from dataclasses import replace

import pytest
from livekit.protocol import models, rtc
from tests_vocabulary import CAMERA

from visavis.rooms import Permissions
from visavis.signalling.publishing import set_permissions


async def test_an_update_is_answered_and_told_to_all(server):
    alice = await server.join("alice", name="Alice")
    bob = await server.join("bob")
    await alice.until("refresh_token")
    update = rtc.UpdateParticipantMetadata(metadata="m", attributes={"hand": "up"}, request_id=5)
    await alice.send(update_metadata=update)
    for client in (alice, bob):
        info = await client.until_participant(lambda info: info.metadata == "m")
        assert (info.name, dict(info.attributes)) == ("Alice", {"hand": "up"})
    response = (await alice.until("request_response")).request_response
    assert (response.request_id, response.reason) == (5, rtc.RequestResponse.OK)
    claims = server.keys.verify((await alice.until("refresh_token")).refresh_token)
    assert (claims.metadata, claims.attributes) == ("m", {"hand": "up"})


async def test_an_empty_attribute_is_deleted_and_empty_texts_change_nothing(server):
    alice = await server.join("alice", name="Alice")
    await alice.send(update_metadata=rtc.UpdateParticipantMetadata(metadata="m", attributes={"a": "1", "b": "2"}))
    await alice.send(update_metadata=rtc.UpdateParticipantMetadata(attributes={"a": ""}))
    info = await alice.until_participant(lambda info: dict(info.attributes) == {"b": "2"})
    assert (info.name, info.metadata) == ("Alice", "m")


@pytest.mark.parametrize(
    ("grants", "update", "reason"),
    [
        ({"can_update_own_metadata": False}, {"metadata": "m"}, rtc.RequestResponse.NOT_ALLOWED),
        ({}, {"metadata": "m" * (512 * 1024 + 1)}, rtc.RequestResponse.LIMIT_EXCEEDED),
        ({}, {"attributes": {"a": "x" * (64 * 1024)}}, rtc.RequestResponse.LIMIT_EXCEEDED),
        ({}, {"name": "n" * 257}, rtc.RequestResponse.LIMIT_EXCEEDED),
    ],
)
async def test_an_update_may_be_refused(server, grants, update, reason):
    alice = await server.join("alice", **grants)
    await alice.send(update_metadata=rtc.UpdateParticipantMetadata(request_id=6, **update))
    response = (await alice.until("request_response")).request_response
    assert (response.request_id, response.reason) == (6, reason)


async def test_versions_grow_with_each_change(server):
    alice = await server.join("alice")
    bob = await server.join("bob")
    first = await alice.until_participant(lambda info: info.identity == "bob")
    await bob.send(update_metadata=rtc.UpdateParticipantMetadata(name="Bob"))
    second = await alice.until_participant(lambda info: info.name == "Bob")
    assert second.version > first.version


async def test_revoked_sources_end_their_tracks(server):
    alice = await server.join("alice")
    bob = await server.join("bob")
    track = await alice.add_track("cam")
    await alice.offer(CAMERA)
    room = (await server.backend.registry()).get("atrium")
    session = room.sessions[alice.sid]
    only_sound = replace(Permissions(), publish_sources=frozenset({"microphone"}))
    set_permissions(room, session, only_sound)
    assert (await alice.until("track_unpublished")).track_unpublished.track_sid == track.sid
    info = await bob.until_participant(lambda info: info.sid == alice.sid and not info.tracks)
    assert info.is_publisher
    own = await alice.until_participant(lambda info: info.sid == alice.sid)
    assert list(own.permission.can_publish_sources) == [models.TrackSource.MICROPHONE]
