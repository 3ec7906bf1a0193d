"""A publisher says who may receive its tracks, by identity or by participant id, and changes its mind."""

from typing import Any

import pytest
from livekit.protocol import rtc as signal
from participant import Listener
from wiretap import Call

from media import Colour, showing

ALL = signal.SubscriptionPermission(all_participants=True)


def only(**who: Any) -> signal.SubscriptionPermission:
    return signal.SubscriptionPermission(track_permissions=[signal.TrackPermission(**who)])


async def told(subscriber: Listener, allowed: bool) -> None:
    """The subscriber hears that it may, or may no longer, have a track."""
    await subscriber.until("subscription_permission_update", lambda update: update.allowed == allowed)


@pytest.mark.parametrize("by", ["identity", "sid"])
async def test_permission_names_a_person(call: Call, by: str) -> None:
    alice, publisher = await call("alice")
    bob, receiver = await call("bob")
    _, other = await call("carol")
    who = {"participant_identity": "bob"} if by == "identity" else {"participant_sid": bob.me.sid}

    async with showing(alice, Colour.RED) as picture:
        await receiver.until("offer", lambda offer: picture.sid in offer.sdp)
        await other.until("offer", lambda offer: picture.sid in offer.sdp)

        await publisher.send(subscription_permission=only(**who, track_sids=[picture.sid]))
        await told(other, False)
        await publisher.send(subscription_permission=only(**who, track_sids=["TR_another"]))
        await told(receiver, False)
        await publisher.send(subscription_permission=only(**who, all_tracks=True))
        await told(receiver, True)
        await publisher.send(subscription_permission=ALL)
        await told(other, True)


async def test_permission_for_a_session_is_for_the_person(call: Call) -> None:
    alice, publisher = await call("alice")
    bob, receiver = await call("bob")

    async with showing(alice, Colour.RED) as picture:
        await receiver.until("offer", lambda offer: picture.sid in offer.sdp)
        await publisher.send(subscription_permission=only(participant_sid=bob.me.sid, all_tracks=True))
        await bob.room.disconnect()
        _, again = await call("bob")
        await again.until("offer", lambda offer: picture.sid in offer.sdp)


async def test_of_two_permissions_the_last_counts(call: Call) -> None:
    alice, publisher = await call("alice")
    _, receiver = await call("bob")
    twice = [
        signal.TrackPermission(participant_identity="bob", all_tracks=True),
        signal.TrackPermission(participant_identity="bob", track_sids=["TR_another"]),
    ]

    async with showing(alice, Colour.RED) as picture:
        await receiver.until("offer", lambda offer: picture.sid in offer.sdp)
        await publisher.send(subscription_permission=signal.SubscriptionPermission(track_permissions=twice))
        await told(receiver, False)


async def test_permission_for_nobody_changes_nothing(call: Call) -> None:
    alice, publisher = await call("alice")
    _, receiver = await call("bob")
    await publisher.send(subscription_permission=only(participant_identity="bob", all_tracks=True))

    await publisher.send(subscription_permission=only(all_tracks=True))

    async with showing(alice, Colour.RED) as picture:
        await receiver.until("offer", lambda offer: picture.sid in offer.sdp)


async def test_a_recorder_needs_no_permission(call: Call) -> None:
    alice, publisher = await call("alice")
    await publisher.send(subscription_permission=only(participant_identity="nobody", all_tracks=True))

    async with showing(alice, Colour.RED) as picture:
        _, recorder = await call("recorder", recorder=True, hidden=True)
        await recorder.until("offer", lambda offer: picture.sid in offer.sdp)
