"""A participant changes its own name, metadata and attributes."""

import base64
from typing import Any

import pytest
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import Join, Participant, claims_of

Reason = signal.RequestResponse


@pytest.fixture
async def alice(join: Join) -> Participant:
    """May change what is told of her."""
    return await join("alice", name="Alice", can_update_own_metadata=True)


async def change(participant: Participant, **changes: Any) -> signal.RequestResponse:
    """Asks for it, and returns the answer."""
    await participant.send(update_metadata=signal.UpdateParticipantMetadata(request_id=7, **changes))
    return await participant.until("request_response")


async def test_change_is_confirmed(alice: Participant) -> None:
    answer = await change(alice, metadata="of wonderland")

    assert (answer.request_id, answer.reason) == (7, Reason.OK)
    assert answer.update_metadata.metadata == "of wonderland"


async def test_change_is_told_to_all(alice: Participant, bob: Participant) -> None:
    changes = {"metadata": "of wonderland", "name": "A.", "attributes": {"hat": "red"}}

    await alice.send(update_metadata=signal.UpdateParticipantMetadata(**changes))

    # livekit-server tells of it in steps.
    for witness in (alice, bob):
        info = await witness.update_about("alice", lambda info: info.attributes and info.metadata and info.name == "A.")
        assert (info.metadata, info.name, dict(info.attributes)) == ("of wonderland", "A.", {"hat": "red"})


async def test_late_joiner_is_told_of_the_change(alice: Participant, join: Join) -> None:
    await change(alice, metadata="of wonderland")

    (other,) = (await join("bob")).joined.other_participants
    assert other.metadata == "of wonderland"


async def test_attributes_are_merged(alice: Participant, bob: Participant) -> None:
    await change(alice, attributes={"hat": "red", "shoes": "blue"})
    await change(alice, attributes={"hat": "", "scarf": "green"})

    info = await bob.update_about("alice", lambda info: "scarf" in info.attributes)
    assert dict(info.attributes) == {"shoes": "blue", "scarf": "green"}


async def test_empty_texts_change_nothing(alice: Participant, bob: Participant) -> None:
    await change(alice, metadata="of wonderland")
    await change(alice, attributes={"hat": "red"})

    info = await bob.update_about("alice", lambda info: "hat" in info.attributes)
    assert (info.name, info.metadata) == ("Alice", "of wonderland")


async def test_token_follows_the_change(alice: Participant) -> None:
    changes = {"metadata": "of wonderland", "attributes": {"hat": "red"}}

    await alice.send(update_metadata=signal.UpdateParticipantMetadata(**changes))

    await alice.until("refresh_token", lambda token: claims_of(token).items() >= changes.items())


async def test_old_clients_get_no_confirmation(join: Join) -> None:
    alice = await join("alice", can_update_own_metadata=True, query={"protocol": 14})

    await alice.send(update_metadata=signal.UpdateParticipantMetadata(metadata="of wonderland", request_id=7))

    await alice.update_about("alice", lambda info: info.metadata == "of wonderland")
    assert not [response for response in await alice.sync() if response.HasField("request_response")]


async def test_change_needs_the_grant(bob: Participant) -> None:
    answer = await change(bob, metadata="the builder")

    assert (answer.request_id, answer.reason) == (7, Reason.NOT_ALLOWED)
    assert answer.update_metadata.metadata == "the builder"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"name": "n" * 257}, id="name"),
        pytest.param({"metadata": "m" * 600_000}, id="metadata"),
        pytest.param({"attributes": {"a": "b" * 70_000}}, id="attributes"),
    ],
)
async def test_too_long(alice: Participant, changes: dict[str, Any]) -> None:
    answer = await change(alice, **changes)

    assert (answer.request_id, answer.reason) == (7, Reason.LIMIT_EXCEEDED)


async def test_attributes_may_come_with_the_join(join: Join) -> None:
    attributes = base64.urlsafe_b64encode(b'{"hat": "red"}').decode()

    alice = await join("alice", can_update_own_metadata=True, query={"attributes": attributes})

    assert dict(alice.joined.participant.attributes) == {"hat": "red"}
    assert alice.joined.participant.permission.can_update_metadata
    assert alice.joined.participant.state == models.ParticipantInfo.JOINING
