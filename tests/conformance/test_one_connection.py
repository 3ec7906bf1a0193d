"""Clients with one peer connection: `/rtc/v1`, with everything in `join_request=`."""

import base64
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from livekit.protocol import models
from livekit.protocol import rtc as signal
from offers import AUDIO, DATA, VIDEO, format_of, offer_of, sections_of
from participant import Participant, connected, kinds, token
from wire import refusal, rtc_url

from servers import MediaServer

Wrapped = signal.WrappedJoinRequest
Encode = Callable[[bytes], str]
JoinV1 = Callable[..., Awaitable[Participant]]

RECEIVING = [section.replace("a=sendonly\na=msid:stream {cid}", "a=recvonly") for section in (AUDIO, VIDEO)]
FIRST_OFFER = (DATA, *[RECEIVING[0]] * 3, *[RECEIVING[1]] * 3)


def plain(request: bytes) -> str:
    return base64.urlsafe_b64encode(Wrapped(join_request=request).SerializeToString()).decode()


def zipped(request: bytes) -> str:
    wrapped = Wrapped(compression=Wrapped.GZIP, join_request=gzip.compress(request))
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()


def request_of(*sections: str, auto_subscribe: bool = True, **parts: Any) -> bytes:
    """A join request, with an offer of these sections."""
    request = signal.JoinRequest(
        client_info=models.ClientInfo(sdk=models.ClientInfo.PYTHON, protocol=16, version="1.2.3"),
        connection_settings=signal.ConnectionSettings(auto_subscribe=auto_subscribe),
        **parts,
    )
    if sections:
        request.publisher_offer.CopyFrom(signal.SessionDescription(type="offer", sdp=offer_of(*sections), id=7))
    return request.SerializeToString()


@pytest.fixture
async def join_v1(server: MediaServer, room: str) -> AsyncIterator[JoinV1]:
    async with AsyncExitStack() as stack:

        async def join(identity: str, request: bytes, *, encode: Encode = plain, **grants: Any) -> Participant:
            access = token(server, identity, room, **grants)
            opened = connected(server, access, identity, path="/rtc/v1", join_request=encode(request))
            participant = await stack.enter_async_context(opened)
            participant.joined = (await participant.next()).join
            return participant

        yield join


@pytest.mark.parametrize("encode", [plain, zipped])
async def test_offer_in_the_request_is_answered_after_join(join_v1: JoinV1, encode: Encode) -> None:
    alice = await join_v1("alice", request_of(*FIRST_OFFER), encode=encode)

    answer = await alice.until("answer")

    assert alice.joined.participant.identity == "alice"
    assert not alice.joined.subscriber_primary
    assert (answer.type, answer.id) == ("answer", 7)
    assert len(sections_of(answer.sdp)) == 7
    assert not answer.mid_to_track_id
    assert "offer" not in kinds(await alice.sync()), "the client makes all offers"


async def test_offer_may_come_after_the_join(join_v1: JoinV1) -> None:
    alice = await join_v1("alice", request_of())

    await alice.send(offer=signal.SessionDescription(type="offer", sdp=offer_of(*FIRST_OFFER), id=3))

    assert (await alice.until("answer")).id == 3


async def test_track_in_the_request_is_announced(join_v1: JoinV1) -> None:
    track = signal.AddTrackRequest(cid="cid-1", type=models.TrackType.AUDIO, source=models.TrackSource.MICROPHONE)

    alice = await join_v1("alice", request_of(DATA, AUDIO, add_track_requests=[track]))

    published = await alice.until("track_published")
    answer = await alice.until("answer")
    assert (published.cid, published.track.sid[:5]) == ("cid-1", "TR_AM")
    assert "a=recvonly" in sections_of(answer.sdp)[1]


@pytest.mark.parametrize("wants", [True, False])
async def test_data_tracks_may_come_by_themselves(join_v1: JoinV1, wants: bool) -> None:
    alice = await join_v1("alice", request_of())
    await alice.send(publish_data_track_request=signal.PublishDataTrackRequest(pub_handle=1, name="t"))
    published = (await alice.until("publish_data_track_response")).info
    settings = signal.ConnectionSettings(auto_subscribe=True, auto_subscribe_data_track=wants)
    request = signal.JoinRequest(client_info=models.ClientInfo(protocol=16), connection_settings=settings)

    bob = await join_v1("bob", request.SerializeToString())

    if wants:
        handles = (await bob.until("data_track_subscriber_handles")).sub_handles
        assert [track.track_sid for track in handles.values()] == [published.sid]
    else:
        await bob.until("refresh_token")
        assert "data_track_subscriber_handles" not in kinds(await bob.sync())


async def test_silence_and_channels_are_in_the_answer(join_v1: JoinV1) -> None:
    kind, source = models.TrackType.AUDIO, models.TrackSource.SCREEN_SHARE_AUDIO
    track = signal.AddTrackRequest(cid="cid-1", type=kind, source=source, stereo=True)

    alice = await join_v1("alice", request_of(DATA, AUDIO, add_track_requests=[track]))

    audio = sections_of((await alice.until("answer")).sdp)[1]
    assert {"usedtx=1", "stereo=1", "maxaveragebitrate=510000"} <= format_of(audio)


async def test_own_metadata_and_attributes(join_v1: JoinV1) -> None:
    request = request_of(metadata="mine", participant_attributes={"mood": "good", "empty": ""})

    alice = await join_v1("alice", request, can_update_own_metadata=True)

    told = alice.joined.participant
    assert (told.metadata, dict(told.attributes)) == ("mine", {"mood": "good"})


@pytest.mark.parametrize("part", [{"metadata": "mine"}, {"participant_attributes": {"mood": "good"}}])
async def test_own_metadata_needs_its_grant(server: MediaServer, room: str, part: dict[str, Any]) -> None:
    status, text = await _refused(server, room, plain(request_of(**part)))

    assert status == 401
    assert text


BAD_REQUESTS = {
    "none": "",
    "no-base64": "!!!!",
    "no-protobuf": base64.urlsafe_b64encode(b"\xff\xff\xff\xff").decode(),
    "no-gzip": base64.urlsafe_b64encode(
        Wrapped(compression=Wrapped.GZIP, join_request=b"plain").SerializeToString()
    ).decode(),
    "a-bomb": zipped(bytes(2 << 20)),
    "no-request-inside": plain(b"\xff\xff\xff\xff"),
}


@pytest.mark.parametrize("encoded", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
async def test_bad_join_request_is_refused(server: MediaServer, room: str, encoded: str) -> None:
    status, text = await _refused(server, room, encoded)

    assert status == 400
    assert text


@pytest.mark.parametrize("encoded", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
async def test_bad_join_request_is_foretold(server: MediaServer, room: str, encoded: str) -> None:
    url = rtc_url(server, token(server, "alice", room), "/rtc/v1/validate", "http", join_request=encoded)

    async with httpx.AsyncClient() as client:
        answer = await client.get(url)

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (400, "*")
    assert "requested room does not exist" not in answer.text


async def test_consent_is_foretold_on_v1(server: MediaServer, room: str) -> None:
    encoded = plain(request_of(*FIRST_OFFER))
    url = rtc_url(server, token(server, "alice", room), "/rtc/v1/validate", "http", join_request=encoded)

    async with httpx.AsyncClient() as client:
        answer = await client.get(url)

    assert (answer.status_code, answer.text) == (200, "success")


async def test_url_may_be_long(join_v1: JoinV1) -> None:
    request = request_of(*FIRST_OFFER, metadata="m" * 30_000)

    alice = await join_v1("alice", request, can_update_own_metadata=True)

    assert len(alice.joined.participant.metadata) == 30_000
    assert (await alice.until("answer")).id == 7


async def test_resuming_with_one_connection(server: MediaServer, room: str, join_v1: JoinV1) -> None:
    alice = await join_v1("alice", request_of(*FIRST_OFFER))
    bob = await join_v1("bob", request_of(*FIRST_OFFER))
    await alice.until("answer")
    encoded = plain(request_of(reconnect=True, participant_sid=alice.sid))

    async with connected(server, token(server, "alice", room), "alice", path="/rtc/v1", join_request=encoded) as again:
        await again.next()
        await again.until("room_update")

        assert kinds(again.seen)[0] == "reconnect"
        listing = again.seen[kinds(again.seen).index("room_update") - 1].update
        assert {info.identity: info.sid for info in listing.participants} == {"alice": alice.sid, "bob": bob.sid}
        restart = offer_of(*FIRST_OFFER).replace("mall", "anew")
        await again.send(offer=signal.SessionDescription(type="offer", sdp=restart, id=8))
        assert (await again.until("answer")).id == 8


async def _refused(server: MediaServer, room: str, encoded: str) -> tuple[int, str]:
    return await refusal(server, token(server, "alice", room), path="/rtc/v1", join_request=encoded)
