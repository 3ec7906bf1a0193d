"""The command, as somebody types it."""

import socket
import sys
from pathlib import Path

import jwt
import pytest

from servers import MediaServer
from visavis import cli

SECRET = "a secret of the tests, 32 bytes or more"


class Typed:
    """What the command printed, and its status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err
        # As rich wraps it to the width of whatever terminal this is.
        self.words = " ".join(err.replace("│", " ").split())


@pytest.fixture
def type_(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command: ``type_("dev --port 1", VISAVIS_HOST="…")``."""

    def run(line: str, **environment: str) -> Typed:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["visavis", *line.split()])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return Typed(int(end.value.code or 0), printed.out, printed.err)

    return run


@pytest.mark.parametrize("command", ["", "dev", "serve", "token", "rooms"])
def test_help_says_what_it_does(type_, command):
    typed = type_(f"{command} --help")
    assert typed.status == 0
    assert "Usage: visavis" in typed.out
    assert "--" in typed.out


@pytest.mark.parametrize("command", ["dev", "serve"])
def test_help_lists_each_setting_with_its_default(type_, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    typed = type_(f"{command} --help")
    for flag in ("--port", "--tcp-port", "--udp-port", "--node-ip", "--max-participants", "--departure-timeout"):
        assert flag in typed.out
    for default in ("7880", "7881", "7882", "50"):
        assert f"Default: {default}" in typed.out


def test_version(type_):
    assert type_("--version").out.startswith("visavis 0.")


@pytest.mark.parametrize(
    ("line", "environment", "named"),
    [
        ("dev --prot 1", {}, "--prot"),
        ("dev --port many", {}, "--port"),
        ("dev --port 70000", {}, "--port"),
        ("dev --node-ip here", {}, "--node-ip"),
        ("dev", {"VISAVIS_PROT": "1"}, "VISAVIS_PROT"),
        ("dev --tcp-port 7880", {}, "tcp_port"),
        ("dev --config missing.toml", {}, "missing.toml"),
        ("dance", {}, "dance"),
        ("serve", {}, "api_key"),
        (
            "serve --behind-proxy 127.0.0.1",
            {"LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "secret"},
            "development",
        ),
        ("serve --behind-proxy 127.0.0.1", {"VISAVIS_API_KEY": "k", "VISAVIS_API_SECRET": "short"}, "too short"),
        ("serve", {"VISAVIS_API_KEY": "k", "VISAVIS_API_SECRET": SECRET}, "--behind-proxy"),
        ("serve --tls-cert x", {"VISAVIS_API_KEY": "k", "VISAVIS_API_SECRET": SECRET}, "tls_key"),
        ("token", {}, "--identity"),
        ("token --identity a --room a/b", {}, "--room"),
        ("token --identity= --room a", {}, "--identity"),
    ],
)
def test_a_wrong_setting_ends_it_with_2_and_is_named(type_, line, environment, named):
    typed = type_(line, **environment)
    assert typed.status == 2
    assert named in typed.words
    assert SECRET not in typed.words


def test_a_certificate_that_is_none_is_named(type_, tmp_path: Path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("not PEM")
    flags = f"--tls-cert {tmp_path / 'cert.pem'} --tls-key {tmp_path / 'key.pem'}"
    typed = type_(f"serve {flags}", VISAVIS_API_KEY="k", VISAVIS_API_SECRET=SECRET)
    assert typed.status == 2
    assert "tls_cert" in typed.words


def test_a_certificate_for_turn_that_is_none_is_named(type_, tmp_path: Path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("not PEM")
    files = f"--turn-cert {tmp_path / 'cert.pem'} --turn-key {tmp_path / 'key.pem'}"
    typed = type_(f"dev --port 0 --tcp-port 0 --udp-port 0 --turn-domain turn.example {files}")
    assert typed.status == 2
    assert "turn_cert" in typed.words


@pytest.mark.parametrize("kind", ["--port", "--tcp-port", "--udp-port"])
def test_a_port_that_is_taken_is_named_with_status_1(type_, kind):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "--udp-port" else socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind != "--udp-port":
            taken.listen()
        ports = {"--port": 0, "--tcp-port": 0, "--udp-port": 0} | {kind: taken.getsockname()[1]}
        typed = type_("dev " + " ".join(f"{flag} {port}" for flag, port in ports.items()))
    assert typed.status == 1
    assert str(ports[kind]) in typed.words
    assert "Traceback" not in typed.err


def test_a_token_is_printed_alone(type_):
    typed = type_("token --identity alice --room atrium --name Alice --token-ttl 60")
    claims = jwt.decode(typed.out.strip(), options={"verify_signature": False})
    assert (claims["iss"], claims["sub"], claims["name"]) == ("devkey", "alice", "Alice")
    assert claims["video"]["room"] == "atrium"
    assert claims["exp"] - claims["nbf"] == 60


def test_a_token_is_signed_with_the_key_that_serve_uses(type_):
    typed = type_("token --identity alice", VISAVIS_API_KEY="k", VISAVIS_API_SECRET=SECRET)
    assert jwt.decode(typed.out.strip(), SECRET, algorithms=["HS256"])["iss"] == "k"


def test_rooms_of_a_running_server(type_, server: MediaServer):
    assert type_(f"rooms --url {server.http_url}").out.strip() == "No rooms."
    assert type_(f"rooms --json --url {server.http_url}/").out.strip() == "[]"


def test_rooms_of_no_server(type_):
    typed = type_("rooms --url http://127.0.0.1:1")
    assert typed.status == 1
    assert "http://127.0.0.1:1" in typed.words
