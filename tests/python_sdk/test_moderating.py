"""What moderators do by the API, as PyPI `livekit` clients feel it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from caller import Caller, Join
from livekit import rtc
from livekit.rtc import DisconnectReason

from media import CAMERA, MICROPHONE, becomes_silent, pitch, playing_tone
from servers import PEER, MediaServer

UNKNOWN = rtc.TrackSource.SOURCE_UNKNOWN

pytestmark = pytest.mark.skipif(bool(PEER), reason="livekit-server has no such API")


class Api:
    """The API, as one page after another uses it."""

    def __init__(self, http: httpx.AsyncClient, room: str) -> None:
        self.http = http
        self.room = room
        self.path = f"/api/video/rooms/{room}"

    async def token(self, identity: str, *, room: bool = True) -> str:
        query = {"identity": identity, "name": identity.title()} | ({"room": self.room} if room else {})
        return (await self.http.get("/api/video/token", params=query)).raise_for_status().json()["token"]

    async def call(self, token: str, method: str, path: str = "", **body: Any) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {token}"}
        return await self.http.request(method, self.path + path, headers=bearer, json=body)


@pytest.fixture
async def api(media_server: MediaServer, room: str) -> AsyncIterator[Api]:
    async with httpx.AsyncClient(base_url=media_server.http_url, timeout=30) as http:
        yield Api(http, room)


@pytest.fixture
async def token(api: Api) -> str:
    """Of the room's maker."""
    return await api.token("maker")


@pytest.fixture
async def maker(token: str, join: Join) -> Caller:
    return await join("maker", token=token)


@pytest.fixture
async def guest(maker: Caller, api: Api, join: Join) -> Caller:
    guest = await join("guest", token=await api.token("guest"))
    await asyncio.gather(maker.sees(guest), guest.sees(maker))
    return guest


async def test_the_maker_is_known_as_the_moderator(maker: Caller, guest: Caller) -> None:
    assert guest.remote(maker).attributes == {"visavis.role": "moderator"}
    assert maker.remote(guest).attributes == {}


async def test_a_muted_voice_is_not_heard_and_can_be_raised_again(
    maker: Caller, guest: Caller, api: Api, token: str
) -> None:
    async with playing_tone(guest, 440) as publication:
        sound = await maker.track_of(guest, MICROPHONE)
        assert await pitch(sound) == pytest.approx(440, abs=4)
        mark = maker.now()
        answer = await api.call(token, "POST", "/mute", identity="guest")
        assert answer.json() == {"muted": 1}
        await maker.event("track_muted", since=mark)
        await becomes_silent(sound)
        assert publication.track is not None
        publication.track.mute()
        publication.track.unmute()
        await maker.event("track_unmuted", since=mark)
        assert await pitch(sound) == pytest.approx(440, abs=4)


async def test_muting_all_spares_the_moderators(maker: Caller, guest: Caller, api: Api, token: str) -> None:
    async with playing_tone(guest, 440), playing_tone(maker, 660):
        await maker.track_of(guest, MICROPHONE)
        sound = await guest.track_of(maker, MICROPHONE)
        assert (await api.call(token, "POST", "/mute")).json() == {"muted": 1}
        await maker.event("track_muted")
        assert await pitch(sound) == pytest.approx(660, abs=4)
        assert {participant.identity for participant, _ in guest.all("track_muted")} == {"guest"}


async def test_who_may_not_speak_loses_the_track_and_gets_no_other(
    maker: Caller, guest: Caller, api: Api, token: str
) -> None:
    async with playing_tone(guest, 440):
        await maker.track_of(guest, MICROPHONE)
        await api.call(token, "PATCH", mayUnmute=False)
        await maker.event("track_unsubscribed")
        # This client does not read refusals: it waits for what does not come.
        attempts = [asyncio.create_task(_speak(guest, disguise)) for disguise in (MICROPHONE, CAMERA, UNKNOWN)]
        await asyncio.wait(attempts, timeout=1)
        assert not any(attempt.done() and attempt.exception() is None for attempt in attempts)
        for attempt in attempts:
            attempt.cancel()
        assert not maker.remote(guest).track_publications


async def _speak(caller: Caller, source: rtc.TrackSource.ValueType) -> None:
    track = rtc.LocalAudioTrack.create_audio_track("voice", rtc.AudioSource(48000, 1))
    await caller.me.publish_track(track, rtc.TrackPublishOptions(source=source))


async def test_who_is_asked_to_unmute_hears_it_from_nobody(maker: Caller, guest: Caller, api: Api, token: str) -> None:
    await guest.me.publish_data(b"{}", topic="visavis.ask-to-unmute")
    (forged,) = await maker.event("data_received", lambda packet: packet.topic == "visavis.ask-to-unmute")
    assert forged.participant is not None
    await api.call(token, "POST", "/ask-to-unmute", identity="guest")
    (asked,) = await guest.event("data_received", lambda packet: packet.topic == "visavis.ask-to-unmute")
    assert (asked.data, asked.participant) == (b'{"source": "microphone"}', None)


async def test_who_is_removed_is_out_for_good(
    maker: Caller, guest: Caller, api: Api, token: str, media_server: MediaServer
) -> None:
    (await api.call(token, "POST", "/remove", identity="guest")).raise_for_status()
    (reason,) = await guest.event("disconnected")
    assert reason == DisconnectReason.PARTICIPANT_REMOVED
    await maker.event("participant_disconnected")
    with pytest.raises(rtc.ConnectError):
        await rtc.Room().connect(media_server.url, media_server.token("guest", api.room))


async def test_a_locked_room_goes_on_for_who_is_inside(
    maker: Caller, guest: Caller, api: Api, token: str, media_server: MediaServer
) -> None:
    late = await api.token("late")
    await api.call(token, "PATCH", locked=True)
    with pytest.raises(rtc.ConnectError):
        await rtc.Room().connect(media_server.url, late)
    async with playing_tone(guest, 440):
        assert await pitch(await maker.track_of(guest, MICROPHONE)) == pytest.approx(440, abs=4)


async def test_who_waits_comes_in_when_let_in(maker: Caller, api: Api, token: str, join: Join) -> None:
    await api.call(token, "PATCH", waitingRoom=True)
    roomless = await api.token("knocker", room=False)
    assert (await api.call(roomless, "POST", "/token")).status_code == 202
    waits = asyncio.create_task(api.call(roomless, "POST", "/wait"))
    await maker.event("data_received", lambda packet: packet.topic == "visavis.waiting" and packet.participant is None)
    [waiting] = (await api.call(token, "GET")).json()["waiting"]
    assert waiting["name"] == "Knocker"
    (await api.call(token, "POST", "/admit", id=waiting["id"])).raise_for_status()
    knocker = await join("knocker", token=(await waits).json()["token"])
    await maker.sees(knocker)


async def test_a_new_moderator_is_told_and_may_at_once(maker: Caller, guest: Caller, api: Api, token: str) -> None:
    (await api.call(token, "POST", "/moderators", identity="guest")).raise_for_status()
    changed, _ = await guest.event("participant_attributes_changed")
    assert changed == {"visavis.role": "moderator"}


async def test_the_end_is_for_all(maker: Caller, guest: Caller, api: Api, token: str) -> None:
    (await api.call(token, "DELETE")).raise_for_status()
    for caller in (maker, guest):
        (reason,) = await caller.event("disconnected")
        assert reason == DisconnectReason.ROOM_DELETED
