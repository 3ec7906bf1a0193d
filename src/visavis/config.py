"""Settings: flags, then `VISAVIS_*` variables, then those of LiveKit and Twilio, then a TOML file; checked as one.

The names are the same everywhere: flag ``--tls-cert``, variable ``VISAVIS_TLS_CERT``, TOML key ``tls_cert``.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from visavis.backend.base import Backend
from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions, TurnTls
from visavis.backend.public_address import split_address
from visavis.errors import ErrorKind, VisavisError
from visavis.page import PageOptions, parse_origins
from visavis.theme import load_theme

if TYPE_CHECKING:
    from visavis.backend.livekit import LiveKitOptions

DEVELOPMENT_KEY = "devkey"
DEVELOPMENT_SECRET = "secret"  # noqa: S105 - LiveKit's own, known to everybody; `serve` refuses it
MIN_SECRET_LENGTH = 32

_PREFIX = "VISAVIS_"
# Who set one of a pair meant the other one to come from the same place.
_FOREIGN_PAIRS = (("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"), ("TWILIO_API_KEY", "TWILIO_API_SECRET"))
_FOREIGN_KEYS = "LIVEKIT_KEYS"
_FOREIGN_URL = "LIVEKIT_URL"

_LIVEKIT_URL = re.compile(r"(?:wss?|https?)://[^\s/?#]+(?:/[^\s?#]*)?")
_DOMAIN = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::([0-9]{1,5}))?")

Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseSettings):
    """All settings of a server. Each command has its own defaults for the few that are None here."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address that HTTP and signalling are served on.")
    port: Port = Field(7880, description="TCP port of HTTP and signalling.")
    media_host: str | None = Field(None, description="Address that media is served on; else that of --host.")
    tcp_port: Port = Field(7881, description="TCP port of media, for networks that block UDP.")
    udp_port: Port = Field(7882, description="UDP port of media.")
    node_ip: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Address that clients reach media at, if it is not the machine's own."
    )
    use_external_ip: bool = Field(
        False, description="Ask STUN servers for the address that clients reach media at, as behind NAT."
    )
    stun_server: Annotated[tuple[str, ...], NoDecode] = Field(
        ("stun.l.google.com:19302", "global.stun.twilio.com:3478"), description="STUN server to ask, host:port."
    )
    backend: Literal["embedded", "livekit"] = Field(
        "embedded", description="Where rooms live: in this process, or in the LiveKit cluster at --livekit-url."
    )
    livekit_url: str | None = Field(None, description="The cluster, as this machine reaches it; wss:// or https://.")
    livekit_client_url: str | None = Field(None, description="The cluster as clients reach it; else --livekit-url.")
    redis_url: str | None = Field(
        None, description="Redis that all processes in front of the cluster share; none: there is only this process."
    )
    api_key: str | None = Field(None, description="Name of the API key that signs tokens.")
    api_secret: str | None = Field(None, description="Secret of the API key; 32 characters or more.")
    keys: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict[str, str], description="More API keys and their secrets."
    )
    max_participants: int = Field(50, ge=1, le=10_000, description="Capacity of each room.")
    departure_timeout: float = Field(20.0, ge=0, description="Seconds that a room stays after the last one left.")
    empty_timeout: float = Field(300.0, ge=0, description="Seconds that a room stays if nobody joins.")
    token_ttl: float = Field(6 * 3600.0, ge=10, description="Seconds that tokens are valid.")
    tls_cert: Path | None = Field(None, description="Certificate chain, in PEM.")
    tls_key: Path | None = Field(None, description="The certificate's private key, in PEM.")
    behind_proxy: str | None = Field(
        None, description="Addresses of the reverse proxy that ends TLS, separated by commas; * for any."
    )
    webhook_url: Annotated[tuple[str, ...], NoDecode] = Field((), description="Address that events are posted to.")
    turn: bool = Field(True, description="Serve TURN on the media ports, relaying to nothing but them.")
    turn_domain: str | None = Field(
        None, description="Name in the certificate at which clients reach TURN over TLS, and :port if it is not ours."
    )
    turn_cert: Path | None = Field(None, description="Certificate chain of that, in PEM; else --tls-cert.")
    turn_key: Path | None = Field(None, description="The certificate's private key, in PEM; else --tls-key.")
    turn_tls_port: Port | None = Field(
        None, description="TCP port of TURN over TLS; --port has HTTPS share it; else --tcp-port."
    )
    frame_ancestors: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origin whose pages may embed rooms, beside our own; * for any."
    )
    theme: Path | None = Field(None, description="Name, logo and colours of the page, in TOML.")
    workers: int = Field(0, ge=0, le=1024, description="Threads for media; 0 for one per core.")
    room_share: int = Field(
        50, ge=0, description="People of one room that one media thread takes before others help; 0: all."
    )
    admin_token: str | None = Field(
        None, min_length=16, description="Secret that opens the operator's page at /admin; 16 characters or more."
    )
    database_url: str | None = Field(
        None, description="Database of the history; empty: none. `dev` keeps it in memory, `serve` in a file."
    )
    history_days: float = Field(90.0, ge=0, description="Days that the history is kept; 0: for ever.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")

    @field_validator("node_ip", mode="before")
    @classmethod
    def _read_node_ips(cls, value: object) -> object:
        return tuple(str(ipaddress.ip_address(address)) for address in _listed(value))

    @field_validator("stun_server", mode="before")
    @classmethod
    def _read_stun_servers(cls, value: object) -> object:
        servers = _listed(value)
        for server in servers:
            split_address(server)
        return tuple(servers)

    @field_validator("webhook_url", mode="before")
    @classmethod
    def _read_webhook_urls(cls, value: object) -> object:
        urls = _listed(value)
        if not all(url.startswith(("http://", "https://")) for url in urls):
            raise ValueError("does not begin with http:// or https://")
        return tuple(urls)

    @field_validator("frame_ancestors", mode="before")
    @classmethod
    def _read_frame_ancestors(cls, value: object) -> object:
        return parse_origins(_listed(value))

    @field_validator("theme")
    @classmethod
    def _read_theme(cls, value: Path | None) -> Path | None:
        if value is not None:
            load_theme(value)
        return value

    @field_validator("keys", mode="before")
    @classmethod
    def _read_keys(cls, value: object) -> object:
        return _keys_from_text(value) if isinstance(value, str) else value

    @field_validator("livekit_url", "livekit_client_url")
    @classmethod
    def _check_livekit_url(cls, value: str | None) -> str | None:
        if value is not None and not _LIVEKIT_URL.fullmatch(value):
            raise ValueError("is no URL such as wss://livekit.example.org")
        return value

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, value: str | None) -> str | None:
        # Without the value: there may be a password in it.
        if value is not None and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("is no URL such as redis://redis.example.org:6379/0")
        return value

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str | None) -> str | None:
        if value:
            # Here and not above: see `visavis.store`.
            from visavis.store.database import parse_database_url

            try:
                parse_database_url(value)
            except VisavisError as error:
                raise ValueError(error.message.removeprefix("database_url: ").removeprefix("database_url ")) from error
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.api_key is None) != (self.api_secret is None):
            given, lacking = ("api_key", "api_secret") if self.api_secret is None else ("api_secret", "api_key")
            raise ValueError(f"{given} is set without {lacking}: set both")
        if (self.tls_cert is None) != (self.tls_key is None):
            given, lacking = ("tls_cert", "tls_key") if self.tls_key is None else ("tls_key", "tls_cert")
            raise ValueError(f"{given} is set without {lacking}: set both")
        if self.tls_cert is not None and self.behind_proxy is not None:
            raise ValueError("tls_cert and behind_proxy contradict each other: TLS ends here or at the proxy; set one")
        if (self.turn_cert is None) != (self.turn_key is None):
            given, lacking = ("turn_cert", "turn_key") if self.turn_key is None else ("turn_key", "turn_cert")
            raise ValueError(f"{given} is set without {lacking}: set both")
        self._check_turn()
        self._check_backend()
        if self.use_external_ip and self.node_ip:
            raise ValueError("use_external_ip and node_ip contradict each other: it is asked for or told; set one")
        if self.use_external_ip and not self.stun_server:
            raise ValueError("use_external_ip is set without a stun_server: name one")
        for name in ("tls_cert", "tls_key", "turn_cert", "turn_key"):
            path: Path | None = getattr(self, name)
            if path is not None and not path.is_file():
                raise ValueError(f"{name}: there is no file {str(path)!r}")
        ports = [port for port in (self.port, self.tcp_port) if port]
        if len(set(ports)) < len(ports):
            raise ValueError(f"port and tcp_port are both {self.port}: signalling and media need a TCP port each")
        return self

    def _check_backend(self) -> None:
        if self.backend == "livekit" and self.livekit_url is None:
            raise ValueError(
                "backend is livekit, but livekit_url is not set: say where the cluster is (LIVEKIT_URL or "
                "VISAVIS_LIVEKIT_URL, such as wss://livekit.example.org)"
            )
        if self.backend == "embedded" and self.redis_url is not None:
            raise ValueError(
                "redis_url is set, but backend is embedded: rooms of one process have nothing to share; set backend to "
                "livekit, or leave redis_url out"
            )

    def _check_turn(self) -> None:
        if self.turn_domain is None:
            if self.turn_tls_port is not None or self.turn_cert is not None:
                given = "turn_cert" if self.turn_tls_port is None else "turn_tls_port"
                raise ValueError(f"{given} is set without turn_domain: say the name in the certificate")
            return
        if not self.turn:
            raise ValueError("turn_domain is set, but turn is off: set one")
        if not _DOMAIN.fullmatch(self.turn_domain):
            raise ValueError(
                f"turn_domain: {self.turn_domain!r} is no name such as turn.example.com or turn.example.com:443"
            )
        if self.turn_cert is None and self.tls_cert is None:
            raise ValueError(
                "turn_domain is set without a certificate: set turn_cert and turn_key, or tls_cert and tls_key"
            )
        if self.turn_tls_port and self.turn_tls_port == self.tcp_port:
            raise ValueError(f"turn_tls_port and tcp_port are both {self.tcp_port}: leave it out, tcp_port has it, too")
        if self.shares_https and self.turn_cert is not None:
            raise ValueError(
                f"turn_tls_port and port are both {self.port}: then TLS ends by tls_cert, leave out turn_cert"
            )
        if self.shares_https and self.tls_cert is None:
            raise ValueError(f"turn_tls_port and port are both {self.port}, but there is no TLS there: set tls_cert")

    def all_keys(self) -> dict[str, str]:
        """API key → secret; the one that signs is first. Empty if none is set."""
        first = {} if self.api_key is None or self.api_secret is None else {self.api_key: self.api_secret}
        return first | {key: secret for key, secret in self.keys.items() if key not in first}

    @property
    def shares_https(self) -> bool:
        """Whether TURN within TLS comes to the port of HTTPS."""
        return self.turn_tls_port is not None and self.turn_tls_port == self.port

    def _turn_tls(self) -> TurnTls | None:
        certificate, key = self.turn_cert or self.tls_cert, self.turn_key or self.tls_key
        match = _DOMAIN.fullmatch(self.turn_domain or "")
        if match is None or certificate is None or key is None:
            return None
        told = None if match[2] is None else int(match[2])
        own_port = None if self.shares_https else self.turn_tls_port
        if self.shares_https and told is None:
            told = self.port
        return TurnTls(domain=match[1], certificate=certificate, key=key, port=own_port, told_port=told)

    def page_options(self) -> PageOptions:
        """How the page is served with these settings."""
        return PageOptions(self.frame_ancestors, None if self.theme is None else load_theme(self.theme))

    def livekit_options(self, keys: Mapping[str, str]) -> "LiveKitOptions":
        """How the livekit backend runs with these settings."""
        # Here and not above: see `visavis.backend.livekit`.
        from visavis.backend.livekit import LiveKitOptions

        return LiveKitOptions(
            url=self.livekit_url or "",
            keys=keys,
            client_url=self.livekit_client_url or "",
            redis_url=self.redis_url or "",
            max_participants=self.max_participants,
            departure_timeout=self.departure_timeout,
            empty_timeout=self.empty_timeout,
            token_ttl=self.token_ttl,
            webhook_urls=self.webhook_url,
        )

    def make_backend(self, keys: Mapping[str, str]) -> Backend:
        """The backend of these settings; nothing is opened yet.

        Raises:
            VisavisError: `INVALID_SETTING`.
        """
        if self.backend == "embedded":
            return EmbeddedBackend(self.backend_options(keys))
        from visavis.backend.livekit import LiveKitBackend

        return LiveKitBackend(self.livekit_options(keys))

    def backend_options(self, keys: Mapping[str, str]) -> EmbeddedOptions:
        """How the embedded backend runs with these settings."""
        return EmbeddedOptions(
            keys=keys,
            host=self.media_host or self.host,
            udp_port=self.udp_port,
            tcp_port=self.tcp_port,
            node_ips=self.node_ip,
            stun_servers=self.stun_server if self.use_external_ip else (),
            max_participants=self.max_participants,
            departure_timeout=self.departure_timeout,
            empty_timeout=self.empty_timeout,
            token_ttl=self.token_ttl,
            workers=self.workers,
            room_share=self.room_share,
            webhook_urls=self.webhook_url,
            turn=self.turn,
            turn_tls=self._turn_tls(),
        )


def load(flags: Mapping[str, Any], *, config: Path | None = None) -> Settings:
    """The settings of this process.

    Args:
        flags: by field name, what the command line says; None is "not said".
        config: the TOML file.

    Raises:
        VisavisError: `INVALID_SETTING`, naming what is unknown, wrong or contradictory.
    """
    said: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    if os.environ.get(_PREFIX + "DATABASE_URL") == "":
        # Of other variables empty is "not said"; this one is turned off so.
        said = {"database_url": "", **said}
    file = {} if config is None else _read_toml(config)
    _refuse_unknown_variables()
    foreign = _foreign_settings(said)

    class Sourced(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            others = (InitSettingsSource(settings_cls, init_kwargs=values) for values in (foreign, file))
            return (init_settings, env_settings, *others)

    try:
        return Sourced(**said)
    except ValidationError as error:
        raise invalid_setting(_first_problem(error)) from error


def invalid_setting(message: str) -> VisavisError:
    """The error for a setting that cannot be."""
    return VisavisError(ErrorKind.INVALID_SETTING, message)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise invalid_setting(f"config: cannot read {str(path)!r}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise invalid_setting(f"config: {str(path)!r} is not TOML: {error}") from error


def _refuse_unknown_variables() -> None:
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(_PREFIX) and name not in known)
    if unknown:
        raise invalid_setting(f"{unknown[0]} is set in the environment, but there is no such setting: unset it")


def _foreign_settings(said: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if os.environ.get(_FOREIGN_KEYS):
        settings["keys"] = os.environ[_FOREIGN_KEYS]
    if os.environ.get(_FOREIGN_URL):
        settings["livekit_url"] = os.environ[_FOREIGN_URL]
    own = any(name in said or os.environ.get(_PREFIX + name.upper()) for name in ("api_key", "api_secret"))
    for key_name, secret_name in () if own else _FOREIGN_PAIRS:
        key, secret = os.environ.get(key_name), os.environ.get(secret_name)
        if key and secret:
            return settings | {"api_key": key, "api_secret": secret}
        if key or secret:
            given, lacking = (key_name, secret_name) if key else (secret_name, key_name)
            raise invalid_setting(f"{given} is set without {lacking}: set both, or neither")
    return settings


def _listed(value: object) -> list[str]:
    """Several values: a list, or a text with commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)):
        raise ValueError("is neither a text nor a list of texts")
    return [str(each) for each in cast(list[object], value)]


def _keys_from_text(text: str) -> dict[str, str]:
    """Reads LiveKit's ``"key: secret"`` pairs, one a line or separated by commas."""
    keys: dict[str, str] = {}
    for pair in re.split(r"[\n,]", text):
        key, separator, secret = (part.strip() for part in pair.partition(":"))
        if not separator and not key:
            continue
        if not key or not secret:
            # Without the text itself: it is a secret, or part of one.
            raise ValueError('is not of the form "key: secret", one a line')
        keys[key] = secret
    return keys


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    name = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        return f"{name} is not a setting: `visavis serve --help` lists them all"
    reason = problem["msg"].removeprefix("Value error, ")
    if not name:
        return reason
    is_secret = name in ("api_secret", "keys", "admin_token", "database_url", "redis_url")
    value = "" if is_secret else f" (it is {problem['input']!r})"
    return f"{name}: {reason}{value}; it is --{name.replace('_', '-')}, {_PREFIX}{name.upper()} or {name} in the file"
