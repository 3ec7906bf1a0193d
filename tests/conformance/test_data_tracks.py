"""Data tracks: frames of one participant to those who want them, each under a handle of its own."""

import asyncio
from typing import Any

import pytest
from caller import Caller
from livekit import rtc
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import Join, Participant, anything
from wiretap import Call

Reason = signal.RequestResponse


async def ask(participant: Participant, handle: int, name: str, **options: Any) -> models.DataTrackInfo:
    """Publishes a data track."""
    request = signal.PublishDataTrackRequest(pub_handle=handle, name=name, **options)
    await participant.send(publish_data_track_request=request)
    return (await participant.until("publish_data_track_response")).info


async def wish(participant: Participant, *tracks: str, subscribe: bool = True) -> None:
    """Subscribes to data tracks, or not."""
    update = signal.UpdateDataSubscription.Update
    updates = [update(track_sid=track, subscribe=subscribe) for track in tracks]
    await participant.send(update_data_subscription=signal.UpdateDataSubscription(updates=updates))


async def handles(participant: Participant, count: int) -> dict[str, int]:
    """Track id → handle, when there are so many."""
    told = await participant.until("data_track_subscriber_handles", lambda told: len(told.sub_handles) == count)
    return {published.track_sid: handle for handle, published in told.sub_handles.items()}


# -- signalling -------------------------------------------------------------------------------------------------------


async def test_a_data_track_is_told_to_all(alice: Participant, bob: Participant) -> None:
    info = await ask(alice, 7, "sensor")
    assert info.sid.startswith("DTR_")
    assert (info.pub_handle, info.name) == (7, "sensor")
    seen = await bob.update_about("alice", lambda info: bool(info.data_tracks))
    assert list(seen.data_tracks) == [info]
    await alice.send(unpublish_data_track_request=signal.UnpublishDataTrackRequest(pub_handle=7))
    assert (await alice.until("unpublish_data_track_response")).info == info
    await bob.update_about("alice", lambda info: not info.data_tracks)


async def test_who_comes_later_knows_of_it(alice: Participant, join: Join) -> None:
    info = await ask(alice, 7, "sensor")
    carol = await join("carol")
    assert [list(other.data_tracks) for other in carol.joined.other_participants] == [[info]]


@pytest.mark.parametrize(
    ("handle", "name", "reason"),
    [
        (0, "new", Reason.INVALID_HANDLE),
        (65_536, "new", Reason.INVALID_HANDLE),
        (2, "", Reason.INVALID_NAME),
        (2, "x" * 257, Reason.INVALID_NAME),
        (1, "new", Reason.DUPLICATE_HANDLE),
        (2, "old", Reason.DUPLICATE_NAME),
    ],
)
async def test_wrong_data_tracks(alice: Participant, handle: int, name: str, reason: int) -> None:
    await ask(alice, 1, "old")
    request = signal.PublishDataTrackRequest(pub_handle=handle, name=name)
    await alice.send(publish_data_track_request=request)
    refused = await alice.until("request_response")
    assert (refused.reason, refused.publish_data_track) == (reason, request)


async def test_an_encoding_has_a_name(alice: Participant) -> None:
    for custom in ("", "x" * 33):
        request = signal.PublishDataTrackRequest(
            pub_handle=1, name="n", frame_encoding=models.DataTrackFrameEncoding(custom=custom)
        )
        await alice.send(publish_data_track_request=request)
        assert (await alice.until("request_response")).reason == Reason.INVALID_REQUEST
    encoding = models.DataTrackFrameEncoding(custom="x" * 32)
    assert (await ask(alice, 1, "n", frame_encoding=encoding)).frame_encoding == encoding


async def test_who_may_not_publish_data_opens_no_track(join: Join) -> None:
    mute = await join("mute", can_publish_data=False)
    await mute.send(publish_data_track_request=signal.PublishDataTrackRequest(pub_handle=1, name="n"))
    assert (await mute.until("request_response")).reason == Reason.NOT_ALLOWED
    await mute.send(unpublish_data_track_request=signal.UnpublishDataTrackRequest(pub_handle=1))
    refused = await mute.until("request_response")
    assert (refused.reason, refused.unpublish_data_track.pub_handle) == (Reason.NOT_FOUND, 1)


# -- frames -----------------------------------------------------------------------------------------------------------


class Frames:
    """What comes of one track."""

    def __init__(self, track: rtc.RemoteDataTrack) -> None:
        self.heard: list[bytes] = []
        self._came = asyncio.Event()
        self._reading = asyncio.create_task(self._read(track.subscribe()))

    async def _read(self, stream: rtc.DataTrackStream) -> None:
        async for frame in stream:
            self.heard.append(frame.payload)
            self._came.set()

    async def until(self, track: rtc.LocalDataTrack, payload: bytes) -> None:
        """Sends a frame, as often as it takes until it is heard: the way there is lossy and opens late."""
        async with asyncio.timeout(10):
            while payload not in self.heard:
                track.try_push(rtc.DataTrackFrame(payload=payload))
                self._came.clear()
                try:
                    async with asyncio.timeout(0.1):
                        await self._came.wait()
                except TimeoutError:
                    continue


async def track_of(caller: Caller, name: str) -> rtc.RemoteDataTrack:
    """A data track of somebody."""
    return (await caller.event("data_track_published", lambda track: track.info.name == name))[0]


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
async def test_frames_reach_those_who_want_them(call: Call) -> None:
    alice, _ = await call("alice")
    tracks = [await alice.me.publish_data_track(name=name) for name in ("one", "two")]
    bob, _ = await call("bob")
    carol, _ = await call("carol")
    bobs = [Frames(await track_of(bob, name)) for name in ("two", "one")]
    carols = Frames(await track_of(carol, "two"))
    large = bytes(range(256)) * 200
    for mine, frames in ((tracks[1], bobs[0]), (tracks[0], bobs[1]), (tracks[1], carols)):
        await frames.until(mine, f"{mine.info.name} {id(frames)}".encode())
        await frames.until(mine, large)
    assert all(payload == large or payload.startswith(b"two") for payload in bobs[0].heard + carols.heard)
    assert all(payload == large or payload.startswith(b"one") for payload in bobs[1].heard)

    await tracks[1].unpublish()
    await bob.event("data_track_unpublished", lambda sid: sid == tracks[1].info.sid)
    await bobs[1].until(tracks[0], b"one goes on")


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
async def test_a_publisher_chooses_who_may_have_it(call: Call) -> None:
    alice, wire = await call("alice")
    track = await alice.me.publish_data_track(name="private")
    bob, bobs_wire = await call("bob")
    allowed: dict[str, Any] = {"all_participants": False}
    await wire.send(subscription_permission=signal.SubscriptionPermission(**allowed))
    frames = Frames(await track_of(bob, "private"))
    update = await bobs_wire.until("subscription_permission_update", anything)
    assert (update.track_sid, update.allowed) == (track.info.sid, False)
    allowed["track_permissions"] = [signal.TrackPermission(participant_identity="bob", all_tracks=True)]
    await wire.send(subscription_permission=signal.SubscriptionPermission(**allowed))
    await frames.until(track, b"for you")
