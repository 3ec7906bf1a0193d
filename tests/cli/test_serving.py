"""The served process: how it ends, TLS, a proxy, and callers that say nothing."""

import asyncio
import itertools
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import websockets
from livekit import rtc

from ports import port
from servers import MediaServer, visavis_server
from visavis import EmbeddedBackend, EmbeddedOptions, Visavis
from visavis.hub.protocol import RECORD_SEPARATOR
from visavis.media.fake import FakeEngine
from visavis.server import listen, serve

_ports = itertools.count(port(800), 5)


@pytest.fixture
def own_server() -> Iterator[MediaServer]:
    """A server for one test, which may end it."""
    with visavis_server(next(_ports)) as server:
        yield server


async def test_ctrl_c_tells_everybody_and_ends_within_two_seconds_with_status_0(own_server: MediaServer) -> None:
    process = own_server.process
    assert process is not None
    reasons: asyncio.Queue[int] = asyncio.Queue()
    rooms = [rtc.Room(), rtc.Room()]
    for number, room in enumerate(rooms):
        room.on("disconnected", reasons.put_nowait)
        await room.connect(own_server.url, own_server.token(f"p{number}", "atrium"))
    async with websockets.connect(f"{own_server.url}/notificationHub") as hub:
        await hub.send('{"protocol":"json","version":1}' + RECORD_SEPARATOR)
        await hub.recv()
        async with httpx.AsyncClient() as keeps_alive:
            await keeps_alive.get(f"{own_server.http_url}/api/video/rooms")
            started = time.monotonic()
            process.terminate()
            assert await asyncio.to_thread(process.wait, 10) == 0
            assert time.monotonic() - started < 2
        last = [text async for text in hub][-1]
        assert '"type":7' in str(last)
        assert '"allowReconnect":true' in str(last)
    async with asyncio.timeout(5):
        for _ in rooms:
            assert await reasons.get() == rtc.DisconnectReason.SERVER_SHUTDOWN


def test_a_server_that_nobody_uses_rests(own_server: MediaServer) -> None:
    assert own_server.process is not None
    status = Path(f"/proc/{own_server.process.pid}/status")

    def wakes() -> int:
        return int(status.read_text().split("\nvoluntary_ctxt_switches:")[1].split()[0])

    before, seconds = wakes(), 2.0
    time.sleep(seconds)  # It is about how often in a time: there is no event to await.
    assert (wakes() - before) / seconds < 8


async def test_people_in_a_room_are_counted_in_the_list(own_server: MediaServer) -> None:
    room = rtc.Room()
    async with httpx.AsyncClient(base_url=own_server.http_url) as http:
        await room.connect(own_server.url, own_server.token("alice", "atrium"))
        [listed] = (await http.get("/api/video/rooms")).json()
        assert listed == {
            "id": await room.sid,
            "name": "atrium",
            "participantCount": 1,
            "maxParticipants": 50,
            "people": [],
            "locked": False,
            "waitingRoom": False,
        }
        await room.disconnect()


async def test_the_page_is_served_at_home_and_for_rooms_with_its_assets(server: MediaServer) -> None:
    async with httpx.AsyncClient(base_url=server.http_url) as http:
        home = await http.get("/")
        assert home.headers["content-type"].startswith("text/html")
        assert '<base href="/" />' in home.text
        for path in ("/r/atrium", "/r/Комната", "/r/a/b"):
            assert (await http.get(path)).text == home.text
        script = home.text.split('src="./assets/')[1].split('"')[0]
        asset = await http.get(f"/assets/{script}")
        assert asset.headers["content-type"].startswith(("text/javascript", "application/javascript"))
        assert "immutable" in asset.headers["cache-control"]
        assert asset.headers["content-encoding"] in ("br", "gzip")


@pytest.mark.parametrize("path", ["/..%2fapp.py", "/%2e%2e/app.py", "/assets/..%2f..%2fapp.py", "/assets/no.js", "/no"])
async def test_no_other_file_is_served(server: MediaServer, path: str) -> None:
    async with httpx.AsyncClient(base_url=server.http_url) as http:
        assert (await http.get(path)).status_code == 404


async def test_a_caller_that_sends_no_request_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavis.server._REQUEST_WITHIN", 0.2)
    keys = {"devkey": "a secret of the tests, 32 bytes or more"}
    video = Visavis(EmbeddedBackend(EmbeddedOptions(keys=keys), engine=lambda _: FakeEngine()))
    with listen("127.0.0.1", 0) as http:
        serving = asyncio.create_task(serve(video, http))
        reader, writer = await asyncio.open_connection(*http.getsockname())
        async with asyncio.timeout(5):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(serving, 2)


@dataclass(frozen=True)
class Certificate:
    """For 127.0.0.1: what a server is told, and who trusts it."""

    flags: list[str]
    context: ssl.SSLContext


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([*make.split(), *files], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    flags = ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    return Certificate(flags, context)


def test_serve_with_a_certificate_serves_https_and_wss(certificate: Certificate) -> None:
    with visavis_server(next(_ports), command="serve", flags=certificate.flags) as server:
        url = f"https://127.0.0.1:{server.http_port}/api/video/token"
        assert httpx.get(url, verify=certificate.context).json()["url"] == f"wss://127.0.0.1:{server.http_port}"


def test_https_and_turn_share_a_port(certificate: Certificate) -> None:
    allocate = struct.pack("!HHI12s HHB3x", 3, 8, 0x2112A442, b"transaction.", 0x19, 4, 17)
    port = next(_ports)
    flags = [*certificate.flags, "--turn-domain", "localhost", "--turn-tls-port", str(port)]
    with visavis_server(port, command="serve", flags=flags) as server:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as raw,
            certificate.context.wrap_socket(raw, server_hostname="127.0.0.1") as client,
        ):
            for _ in range(2):
                client.sendall(allocate)
                answer = client.recv(1500)
                assert answer[:2] == b"\x01\x13", "an error to Allocate"
                assert answer[4:20] == allocate[4:20]
                assert b"\x00\x00\x04\x01" in answer, "401"
            client.sendall(b"\xff" * 8)
            assert client.recv(1500) == b"", "what is no TURN is closed by the core"
        url = f"https://127.0.0.1:{server.http_port}/api/video/token"
        assert httpx.get(url, verify=certificate.context).status_code == 200


def test_serve_believes_its_proxy_and_nobody_else() -> None:
    told = {"X-Forwarded-Proto": "https", "Host": "video.example"}
    for proxy, url in (("127.0.0.1", "wss://video.example"), ("192.0.2.1", "ws://video.example")):
        with visavis_server(next(_ports), command="serve", flags=["--behind-proxy", proxy]) as server:
            answer = httpx.get(f"{server.http_url}/api/video/token", headers=told)
            assert answer.json()["url"] == url


def test_the_module_runs_as_the_command_does() -> None:
    run = subprocess.run([sys.executable, "-m", "visavis", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("visavis ")
