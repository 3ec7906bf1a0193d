"""HAProxy and nginx by their files in deploy/, in front of a cluster on loopback.

Without TLS, and with ports of this run: the two names become two ports. An address of this machine that somebody
connects to stands for the one that it comes from, for nobody can choose that one here; and the last two of them choose
a node for the signalling by number, as the balancer may choose any.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from servers import wait_for_port

DEPLOY = Path(__file__).parent.parent / "deploy"
SOURCES = 8
"""As many addresses, from 127.0.0.1 on, stand for as many places that people come from."""
NGINX = """
pid {folder}/pid;
error_log stderr;
daemon off;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/visavis.conf;
    include {folder}/webhooks.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a balancer listens, and what it knows of.

    Attributes:
        page: of the page and its API.
        livekit: of the cluster.
        webhooks: of the nodes' webhooks.
        plain: of plain HTTP.
        apps: of the app processes.
        nodes: of the livekit-servers.
    """

    page: int
    livekit: int
    webhooks: int
    plain: int
    apps: Sequence[int]
    nodes: Sequence[int]

    def in_place_of(self, text: str) -> str:
        """A file of deploy/ with these ports in it."""
        ports = {7860: self.webhooks, 7870: self.apps[0], 7871: self.apps[1], 7890: self.nodes[0], 7900: self.nodes[1]}
        return re.sub(r"127\.0\.0\.1:(78\d\d|7900)\b", lambda found: f"127.0.0.1:{ports[int(found[1])]}", text)


class Balancer(Protocol):
    """What is in front of a cluster. Answers have a header `X-Served-By` with the address of who has made them."""

    def wait_until_all_are_up(self) -> None:
        """Returns when it reaches everybody."""
        ...


def source(number: int) -> str:
    """One of the addresses, from 0."""
    return f"127.0.0.{number + 1}"


def signalling(number: int) -> str:
    """The address by which node `number` (1 or 2) takes the signalling, as long as it lives."""
    return source(SOURCES - 3 + number)


class HAProxy:
    """It is told things while it runs by its control socket, as an operator does it."""

    def __init__(self, control: Path) -> None:
        self._control = control

    def control(self, command: str) -> str:
        """Tells it something; returns its answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._control))
            connection.sendall(command.encode() + b"\n")
            answer = b""
            while some := connection.recv(65536):
                answer += some
        return answer.decode().strip()

    def wait_until_all_are_up(self) -> None:
        """See `Balancer`."""
        deadline = time.monotonic() + 20
        while True:
            rows = [row.split(",") for row in self.control("show stat").splitlines()]
            states = {(row[0], row[1]): row[17] for row in rows if len(row) > 17}
            down = [name for name, state in states.items() if "/" in state or state == "DOWN"]
            if not down:
                return
            assert time.monotonic() < deadline, f"the balancer does not reach {down}"
            time.sleep(0.1)  # It does not tell by itself.

    @contextlib.contextmanager
    def webhooks_held_back(self) -> Iterator[None]:
        """No webhook of any node arrives meanwhile: there is no open port for them."""
        assert self.control("disable frontend webhooks") == ""
        try:
            yield
        finally:
            assert self.control("enable frontend webhooks") == ""


class Nginx:
    """It asks nobody how he is, so it reaches whoever listens; and it is told nothing while it runs."""

    def wait_until_all_are_up(self) -> None:
        """See `Balancer`."""


@contextlib.contextmanager
def haproxy(folder: Path, ports: Ports) -> Iterator[HAProxy]:
    """Starts it, and ends it."""
    text = (DEPLOY / "haproxy/haproxy.cfg").read_text()

    def bind(port: int) -> str:
        return f"bind {','.join(f'{source(number)}:{port}' for number in range(SOURCES))}"

    text = text.replace("bind :80", f"bind 127.0.0.1:{ports.plain}")
    text = re.sub(
        r"bind :443 ssl .*", f"{bind(ports.page)}\n    {bind(ports.livekit)}\n    http-request set-src dst", text
    )
    text = text.replace("hdr(host) -i livekit.example.com", f"dst_port {ports.livekit}")
    choose = "".join(f"    use-server livekit{number} if {{ dst {signalling(number)} }}\n" for number in (1, 2))
    text = text.replace("backend livekit\n", f"backend livekit\n{choose}")
    text = text.replace("frontend https\n", "frontend https\n    http-response set-header X-Served-By %si:%sp\n")
    text = text.replace("maxconn 100000", f"maxconn 1000\n    stats socket {folder}/control mode 600 level admin")
    (folder / "haproxy.cfg").write_text(ports.in_place_of(text))
    with _running(["haproxy", "-f", str(folder / "haproxy.cfg")], folder, ports.page):
        yield HAProxy(folder / "control")


@contextlib.contextmanager
def nginx(folder: Path, ports: Ports) -> Iterator[Nginx]:
    """Starts it, and ends it."""
    text = (DEPLOY / "nginx/visavis.conf").read_text()

    def listen(port: int) -> str:
        return "\n    ".join(f"listen {source(number)}:{port};" for number in range(SOURCES))

    text = text.replace("listen 80;", f"listen 127.0.0.1:{ports.plain};")
    for port in (ports.page, ports.livekit):
        text = text.replace("listen 443 ssl http2;", listen(port), 1)
    text = re.sub(r"\n    ssl_.*;", "", text)
    text = text.replace("$remote_addr", "$server_addr")
    # `hash` knows no other name of it; each of the two nodes is preferred to the other by one of the addresses.
    for number, (one, other) in enumerate((ports.nodes, reversed(ports.nodes)), 1):
        text += f"upstream livekit_{number} {{ server 127.0.0.1:{one}; server 127.0.0.1:{other} backup; }}\n"
    choices = "".join(f"{signalling(number)} livekit_{number}; " for number in (1, 2))
    text += f"map $server_addr $livekit {{ default livekit; {choices} }}\n"
    text = text.replace("proxy_pass http://livekit;", "proxy_pass http://$livekit;")
    text = text.replace("add_header Strict", "add_header X-Served-By $upstream_addr always;\n    add_header Strict")
    (folder / "visavis.conf").write_text(ports.in_place_of(text))
    (folder / "webhooks.conf").write_text(ports.in_place_of((DEPLOY / "nginx/webhooks.conf").read_text()))
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
    with _running(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], folder, ports.page):
        yield Nginx()


@contextlib.contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, f"there is no {command[0]}: `make setup-test` installs it (tools/install_servers.sh)"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *command[1:]], stdout=log, stderr=log)
    try:
        wait_for_port(port)
        assert process.poll() is None, (folder / "log").read_text()
        yield
    finally:
        # Its workers are its own to end.
        process.terminate()
        process.wait()
