"""Where settings come from, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from visavis import config
from visavis.errors import ErrorKind, VisavisError

WriteFile = Callable[[str], Path]

_TURN_TLS = "turn_domain = 'turn.example'\nturn_cert = 'a'\nturn_key = 'b'\n"


@pytest.fixture
def file(tmp_path: Path) -> WriteFile:
    def write(text: str) -> Path:
        path = tmp_path / "visavis.toml"
        path.write_text(text)
        return path

    return write


def refused(flags: dict[str, object] | None = None, config_file: Path | None = None) -> str:
    with pytest.raises(VisavisError) as error:
        config.load(flags or {}, config=config_file)
    assert error.value.kind is ErrorKind.INVALID_SETTING
    return error.value.message


def test_flags_win_over_variables_and_variables_over_the_file(file: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file("port = 1\ntcp_port = 11\nudp_port = 21\nmax_participants = 31")
    monkeypatch.setenv("VISAVIS_PORT", "2")
    monkeypatch.setenv("VISAVIS_TCP_PORT", "12")
    settings = config.load({"port": 3, "tcp_port": None}, config=path)
    assert (settings.port, settings.tcp_port, settings.udp_port, settings.max_participants) == (3, 12, 21, 31)


def test_the_defaults_are_the_documented_ones() -> None:
    settings = config.load({})
    assert (settings.host, settings.port, settings.tcp_port, settings.udp_port) == ("127.0.0.1", 7880, 7881, 7882)
    assert settings.max_participants == 50
    assert settings.all_keys() == {}


@pytest.mark.parametrize("prefix", ["VISAVIS", "LIVEKIT", "TWILIO"])
def test_keys_of_livekit_and_twilio_are_understood(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv(f"{prefix}_API_KEY", "mine")
    monkeypatch.setenv(f"{prefix}_API_SECRET", "s3")
    monkeypatch.setenv("LIVEKIT_KEYS", "other: s4\nmine: not this one")
    assert list(config.load({}).all_keys().items()) == [("mine", "s3"), ("other", "s4")]


def test_a_pair_is_not_put_together_from_two_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_API_KEY", "mine")
    monkeypatch.setenv("LIVEKIT_API_KEY", "theirs")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "their secret")
    assert "api_key is set without api_secret" in refused()


def test_keys_in_the_file_are_a_table_and_addresses_a_list(file: WriteFile) -> None:
    settings = config.load({}, config=file('node_ip = ["192.0.2.1", "2001:db8::1"]\n[keys]\na = "b"'))
    assert settings.all_keys() == {"a": "b"}
    assert settings.node_ip == ("192.0.2.1", "2001:db8::1")


def test_webhooks_are_a_list_or_a_text_with_commas(file: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ("http://a.example/hook", "https://b.example")
    assert config.load({}, config=file(f"webhook_url = {list(wanted)}")).webhook_url == wanted
    monkeypatch.setenv("VISAVIS_WEBHOOK_URL", " , ".join(wanted))
    assert config.load({}).webhook_url == wanted


def test_page_settings_reach_the_page(file: WriteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theme.toml").write_text('name = "Acme Meet"')
    path = file(f'theme = "{tmp_path / "theme.toml"}"')
    monkeypatch.setenv("VISAVIS_FRAME_ANCESTORS", "https://a.example, https://*.b.example")
    page = config.load({}, config=path).page_options()
    assert page.frame_ancestors == ("https://a.example", "https://*.b.example")
    assert page.theme is not None
    assert page.theme.name == "Acme Meet"


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_PORT", "")
    assert config.load({}).port == 7880


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"VISAVIS_PROT": "1"}, "VISAVIS_PROT"),
        ({"VISAVIS_PORT": "many"}, "VISAVIS_PORT"),
        ({"VISAVIS_PORT": "65536"}, "VISAVIS_PORT"),
        ({"VISAVIS_NODE_IP": "here"}, "VISAVIS_NODE_IP"),
        ({"VISAVIS_WEBHOOK_URL": "a.example"}, "VISAVIS_WEBHOOK_URL"),
        ({"VISAVIS_MAX_PARTICIPANTS": "0"}, "VISAVIS_MAX_PARTICIPANTS"),
        ({"VISAVIS_DEPARTURE_TIMEOUT": "-1"}, "VISAVIS_DEPARTURE_TIMEOUT"),
        ({"VISAVIS_API_KEY": "k"}, "api_key is set without api_secret"),
        ({"VISAVIS_API_SECRET": "s"}, "api_secret is set without api_key"),
        ({"LIVEKIT_API_KEY": "k"}, "LIVEKIT_API_KEY is set without LIVEKIT_API_SECRET"),
        ({"TWILIO_API_SECRET": "s"}, "TWILIO_API_SECRET is set without TWILIO_API_KEY"),
        ({"LIVEKIT_KEYS": "no colon"}, "keys"),
        ({"VISAVIS_FRAME_ANCESTORS": "a.example"}, "VISAVIS_FRAME_ANCESTORS"),
        ({"VISAVIS_LOG_LEVEL": "loud"}, "VISAVIS_LOG_LEVEL"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert named in refused()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot = 1", "prot is not a setting"),
        ("port = 'x'", "port:"),
        ("port = ", "is not TOML"),
        ("port = 7000\ntcp_port = 7000", "port and tcp_port are both 7000"),
        ("tls_cert = 'cert.pem'", "tls_cert is set without tls_key"),
        ("tls_key = 'key.pem'", "tls_key is set without tls_cert"),
        ("tls_cert = 'no.pem'\ntls_key = 'no.pem'", "there is no file 'no.pem'"),
        ("use_external_ip = true\nnode_ip = '192.0.2.1'", "use_external_ip and node_ip contradict"),
        ("stun_server = 'stun.example:x'", "stun_server: 'stun.example:x' is no address"),
        ("turn_cert = 'cert.pem'", "turn_cert is set without turn_key"),
        ("turn_domain = 'turn.example'", "turn_domain is set without a certificate"),
        ("turn_tls_port = 443", "turn_tls_port is set without turn_domain"),
        ("theme = 'no.toml'", "theme: cannot read 'no.toml'"),
        ("turn_domain = 'turn.example'\nturn = false", "turn is off"),
        ("turn_domain = 'turn:example'", "turn_domain: 'turn:example' is no name such as turn.example.com"),
        (f"{_TURN_TLS}turn_tls_port = 7880", "turn_tls_port and port are both 7880"),
        (f"{_TURN_TLS}turn_tls_port = 7881", "turn_tls_port and tcp_port are both 7881"),
        ("tls_cert = 'a'\ntls_key = 'b'\nbehind_proxy = '127.0.0.1'", "tls_cert and behind_proxy contradict"),
    ],
)
def test_a_wrong_file_is_refused_by_name(file: WriteFile, text: str, named: str) -> None:
    assert named in refused(config_file=file(text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "missing.toml" in refused(config_file=tmp_path / "missing.toml")


def test_no_message_tells_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_KEYS", "hunter2")
    assert "hunter2" not in refused()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("turn_domain = 'turn.example'", ("turn.example", None, None)),
        ("turn_domain = 'turn.example:443'", ("turn.example", None, 443)),
        ("turn_domain = 'turn.example'\nturn_tls_port = 5349", ("turn.example", 5349, None)),
    ],
)
def test_turn_over_tls_takes_its_own_certificate_or_that_of_https(
    file: WriteFile, tmp_path: Path, settings: str, told: tuple[str, int | None, int | None]
) -> None:
    for name in ("a.pem", "b.pem", "c.pem", "d.pem"):
        (tmp_path / name).touch()
    https = f"tls_cert = '{tmp_path}/a.pem'\ntls_key = '{tmp_path}/b.pem'\n"
    own = f"turn_cert = '{tmp_path}/c.pem'\nturn_key = '{tmp_path}/d.pem'\n"
    for files, certificate in ((https, "a.pem"), (https + own, "c.pem")):
        tls = config.load({}, config=file(files + settings)).backend_options({}).turn_tls
        assert tls is not None
        assert (tls.domain, tls.port, tls.told_port) == told
        assert tls.certificate.name == certificate
