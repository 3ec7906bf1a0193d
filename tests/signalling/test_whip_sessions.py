"""WHIP: participants that come by one HTTP request and have no signalling."""

import httpx
import pytest
from livekit.protocol import models
from tests_vocabulary import CAMERA, MICROPHONE, SDP

from visavis.signalling import whip


@pytest.fixture
async def http(server):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield client


async def publish(server, http, offer=SDP + CAMERA + MICROPHONE, **grants):
    headers = {"Authorization": f"Bearer {server.token('encoder', **grants)}", "Content-Type": "application/sdp"}
    return await http.post("/whip/v1", content=offer, headers=headers)


async def test_all_that_is_sent_is_a_track(server, http):
    alice = await server.join("alice")
    answer = await publish(server, http)
    assert answer.status_code == 201
    info = await alice.until_participant(lambda info: info.identity == "encoder" and len(info.tracks) == 2)
    assert {track.source for track in info.tracks} == {models.TrackSource.CAMERA, models.TrackSource.MICROPHONE}
    (picture,) = [track for track in info.tracks if track.source == models.TrackSource.CAMERA]
    assert [layer.quality for layer in picture.layers] == [0, 1, 2]
    assert answer.headers["location"] == f"/whip/v1/{info.sid}"


async def test_an_encoder_is_sent_nothing(server, http):
    alice = await server.join("alice")
    await alice.add_track("cam")
    await alice.offer(CAMERA)
    sid = (await publish(server, http)).headers["location"].rpartition("/")[2]
    assert sid not in {command.arguments[0] for command in server.engine.called("subscribe")}


async def test_who_may_not_publish_is_refused(server, http):
    answer = await publish(server, http, can_publish=False)
    assert answer.status_code == 401
    assert "canPublish" in answer.json()["error"]


async def test_what_the_core_cannot_answer_is_told_and_leaves_nobody_behind(serve, monkeypatch):
    monkeypatch.setattr(whip, "ANSWER_SECONDS", 0.1)
    server = await serve(auto=False)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http:
        answer = await publish(server, http)
    assert answer.status_code == 400
    assert not server.backend.rooms()[0].participant_count


async def test_too_long_an_offer_is_refused(server, http):
    answer = await publish(server, http, "v=0\r\n" * 60_000)
    assert answer.status_code == 400
    assert "bytes" in answer.json()["error"]


async def test_stopping_does_not_wait_for_an_encoder(server, http):
    alice = await server.join("alice")
    await publish(server, http)
    await server.backend.stop()
    assert any(response.HasField("leave") for response in await alice.until_closed())


async def test_patches_are_not_taken(server, http):
    location = (await publish(server, http)).headers["location"]
    assert (await http.patch(location, content="a=candidate")).status_code == 405
