"""Clients that announce codecs which they cannot use, known by what they say or by their `User-Agent`."""

from typing import Any

import pytest
import websockets
from livekit.protocol import models
from livekit.protocol import rtc as signal
from participant import Join, Participant, connected, token
from wire import rtc_url

from servers import MediaServer

MACINTOSH = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit"
LINUX = "Mozilla/5.0 (X11; Linux x86_64"
SAFARI_17 = {"browser": "Safari", "browser_version": "17.4", "os": "mac"}
SAFARI_18 = {"browser": "safari", "browser_version": "18.4.1", "os": "mac"}
FIREFOX = {"browser": "Firefox", "browser_version": "128", "os": "Linux"}
CHROME = {"browser": "Chrome", "browser_version": "128", "os": "Linux"}


def codecs(listed: Any) -> set[str]:
    return {codec.mime for codec in listed}


@pytest.mark.parametrize(
    ("about", "everywhere", "publishing"),
    [
        pytest.param(CHROME, set(), set(), id="chrome"),
        pytest.param(SAFARI_17, {"video/AV1"}, set(), id="safari-17"),
        pytest.param(SAFARI_18, {"video/AV1"}, {"video/VP9"}, id="safari-18"),
        pytest.param(FIREFOX, set(), {"video/H264"}, id="firefox-linux"),
        pytest.param({**FIREFOX, "os": "windows"}, set(), set(), id="firefox-windows"),
        pytest.param({"os": "android", "device_model": "Xiaomi 2201117TI"}, set(), {"video/H264"}, id="xiaomi"),
    ],
)
async def test_client_is_told_what_it_cannot(
    join: Join, about: dict[str, str], everywhere: set[str], publishing: set[str]
) -> None:
    joined = (await join("alice", query=about)).joined

    disabled = joined.client_configuration.disabled_codecs
    assert (codecs(disabled.codecs), codecs(disabled.publish)) == (everywhere, publishing)
    assert joined.HasField("client_configuration") == bool(everywhere | publishing)
    usual = {"video/VP8", "video/H264", "video/VP9", "video/AV1"}
    assert codecs(joined.enabled_publish_codecs) & usual == usual - everywhere - publishing


@pytest.mark.parametrize(
    ("sdk", "agent", "disabled"),
    [
        pytest.param("js", f"{LINUX}; rv:128.0) Gecko/20100101 Firefox/128.0", {"video/H264"}, id="firefox"),
        pytest.param(
            "js", f"{MACINTOSH}/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15", {"video/AV1"}, id="safari"
        ),
        pytest.param(
            "js", f"{LINUX}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36", set(), id="chrome"
        ),
        pytest.param("python", f"{LINUX}; rv:128.0) Gecko/20100101 Firefox/128.0", set(), id="no-browser"),
    ],
)
async def test_browser_is_known_by_its_header(
    server: MediaServer, room: str, sdk: str, agent: str, disabled: set[str]
) -> None:
    url = rtc_url(server, token(server, "alice", room), sdk=sdk)
    async with websockets.connect(url, user_agent_header=agent) as socket:
        joined = (await Participant(socket, "alice").next()).join

    told = joined.client_configuration.disabled_codecs
    assert codecs(told.codecs) | codecs(told.publish) == disabled


async def test_codec_that_the_client_cannot_becomes_another(join: Join) -> None:
    alice = await join("alice", query=FIREFOX)

    track = await alice.add_track("camera", simulcast_codecs=[signal.SimulcastCodec(codec="h264", cid="camera")])

    assert [codec.mime_type for codec in track.codecs] == ["video/VP8"]


async def test_a_resume_tells_it_too(server: MediaServer, join: Join, room: str) -> None:
    alice = await join("alice", query=FIREFOX)
    query = {**FIREFOX, "reconnect": 1, "sid": alice.sid}

    async with connected(server, token(server, "alice", room), "alice", **query) as again:
        told = (await again.next()).reconnect.client_configuration

    assert told.disabled_codecs == models.DisabledCodecs(publish=[models.Codec(mime="video/H264")])
