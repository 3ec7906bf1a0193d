"""A real server behind the balancers of deploy/, as they are but for ports and certificates."""

import contextlib
import re
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import websockets
from deploy_files import CERTIFICATES, DEPLOY

from balancers import NGINX
from ports import port
from servers import MediaServer, visavis_server, wait_for_port
from visavis.hub.protocol import RECORD_SEPARATOR

HTTPS, HTTP, WEBHOOKS = port(971), port(972), port(973)
HOST = f"video.example.com:{HTTPS}"


@dataclass(frozen=True, slots=True)
class Balanced:
    """A server, and how to trust who is in front of it."""

    server: MediaServer
    trust: ssl.SSLContext

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{HTTPS}", verify=self.trust, headers={"Host": HOST}, http2=False
        )

    async def connect(self, path: str, host: str = "video.example.com") -> websockets.ClientConnection:
        url = f"wss://{host}:{HTTPS}{path}"
        return await websockets.connect(url, ssl=self.trust, host="127.0.0.1", port=HTTPS, max_size=None)


def adapted(text: str, certificates: Path, http_port: int) -> str:
    """The file with ports of this run; all that it balances between is one server here."""
    text = text.replace(CERTIFICATES, f"{certificates}/")
    for old, new in {"443": HTTPS, "80": HTTP}.items():
        text = re.sub(rf"(bind|listen) (?::)?{old}\b", rf"\1 127.0.0.1:{new}", text)
    # A test may not open so many files.
    text = text.replace("maxconn 100000", "maxconn 1000")
    text = text.replace("127.0.0.1:7860", f"127.0.0.1:{WEBHOOKS}")
    return re.sub(r"127\.0\.0\.1:(7870|7871|7890|7900)\b", f"127.0.0.1:{http_port}", text)


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(HTTPS)
            yield
        finally:
            process.terminate()


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def balanced(
    request: pytest.FixtureRequest, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Balanced]:
    folder = tmp_path_factory.mktemp(request.param)
    flags = ["--behind-proxy", "127.0.0.1"]
    with visavis_server(port(975), command="serve", flags=flags, admin_token="a token of the tests") as server:
        files = ["haproxy.cfg"] if request.param == "haproxy" else ["visavis.conf", "webhooks.conf"]
        for name in files:
            text = (DEPLOY / request.param / name).read_text()
            (folder / name).write_text(adapted(text, certificates, server.http_port))
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
        trust = ssl.create_default_context()
        for name in ("video", "livekit"):
            trust.load_verify_locations(certificates / f"{name}.pem")
        # Requests by address: the name is in the Host header alone, which TLS does not see.
        trust.check_hostname = False
        commands = {
            "haproxy": ["haproxy", "-f", str(folder / "haproxy.cfg")],
            "nginx": ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)],
        }
        with running(commands[request.param]):
            yield Balanced(server, trust)


async def test_clients_are_told_to_connect_where_they_came_from(balanced: Balanced) -> None:
    async with balanced.http() as http:
        answer = await http.get("/api/video/token", params={"identity": "ann", "room": "atrium"})
    assert answer.json()["url"] == f"wss://{HOST}"
    assert answer.headers["Strict-Transport-Security"]


@pytest.mark.parametrize("host", ["video.example.com", "livekit.example.com"])
async def test_signalling_passes_with_a_token_of_any_length(balanced: Balanced, host: str) -> None:
    token = balanced.server.token("ann", "atrium")
    socket = await balanced.connect(f"/rtc?access_token={token}&protocol=16&sdk=js&more={'x' * 20_000}", host)
    assert len(await socket.recv()) > 100
    await socket.close()


async def test_the_hub_passes_by_the_process_that_it_was_agreed_upon_with(balanced: Balanced) -> None:
    async with balanced.http() as http:
        agreed = (await http.post("/notificationHub/negotiate?negotiateVersion=1")).json()
    socket = await balanced.connect(f"/notificationHub?id={agreed['connectionToken']}")
    await socket.send('{"protocol":"json","version":1}' + RECORD_SEPARATOR)
    # Word of a change of rooms may come with it.
    assert str(await socket.recv()).startswith("{}" + RECORD_SEPARATOR)
    await socket.close()


async def test_who_asks_cannot_say_that_it_is_another(balanced: Balanced) -> None:
    async with balanced.http() as http:
        for number in range(11):
            headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": f"198.51.100.{number}"}
            answer = await http.get("/api/admin/overview", headers=headers)
    assert answer.status_code == 429


async def test_plain_http_is_sent_to_https(balanced: Balanced) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{HTTP}/r/atrium", headers={"Host": "video.example.com"})
    assert answer.status_code == 308
    assert answer.headers["Location"] == "https://video.example.com/r/atrium"


async def test_webhooks_of_the_nodes_have_a_way_of_their_own_and_nothing_else_has(balanced: Balanced) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{WEBHOOKS}") as http:
        assert (await http.get("/api/video/rooms")).status_code == 403
        # The server is asked; one whose rooms are its own has no such thing.
        assert (await http.post("/api/livekit/webhook")).status_code in (404, 405)
