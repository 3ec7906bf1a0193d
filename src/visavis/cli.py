"""The command `visavis`."""

import contextlib
import inspect
import resource
import secrets
import ssl
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

import httpx
import typer
from rich.console import Console
from rich.table import Table

from visavis import config
from visavis.auth import Claims, KeyRing, VideoGrants
from visavis.config import DEVELOPMENT_KEY, DEVELOPMENT_SECRET, MIN_SECRET_LENGTH, Settings
from visavis.errors import ErrorKind, VisavisError
from visavis.logs import set_up_logs
from visavis.rooms import parse_room_name
from visavis.store.command import app as database_commands
from visavis.store.location import IN_MEMORY, default_database_url

app = typer.Typer(
    help="Video chat in one process: web page, rooms API and a LiveKit-compatible media server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(database_commands, name="database")
_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)

# A database that does not answer by then is waited for while people are served.
_OPENED_WITHIN_SECONDS = 5.0

_ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings in TOML; flags and variables win.")]


def main() -> None:
    """Runs the command. Wrong settings end it with status 2, what else went wrong with 1."""
    try:
        app(prog_name="visavis")
    except VisavisError as error:
        _fail(error.message, 2 if error.kind is ErrorKind.INVALID_SETTING else 1)


def _with_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command a flag for each named setting, as `config.Settings` describes it, gathered in `flags`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def run(**values: Any) -> None:
            # An option that may be repeated is an empty list where it is not said.
            flags = {name: None if (value := values.pop(name)) == [] else value for name in names}
            command(flags=flags, **values)

        own = [each for name, each in inspect.signature(command).parameters.items() if name != "flags"]
        run.__signature__ = inspect.Signature([*own, *map(_flag, names)])  # type: ignore[attr-defined]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__annotations__ = {}
        return run

    return decorate


# Of flags whose default does not tell it.
_KINDS: dict[str, Any] = {
    "node_ip": list[str],
    "webhook_url": list[str],
    "stun_server": list[str],
    "turn_tls_port": int,
    "frame_ancestors": list[str],
    **dict.fromkeys(("theme", "tls_cert", "tls_key", "turn_cert", "turn_key"), Path),
}


def _flag(name: str) -> inspect.Parameter:
    field = Settings.model_fields[name]
    kind: Any = _KINDS.get(name)
    if kind is None:
        kind = next((each for each in (bool, int, float) if isinstance(field.default, each)), str)
    shown = field.get_default(call_default_factory=True)
    hint = field.description if shown in (None, ()) else f"{field.description} Default: {shown}."
    flag = f"--{name.replace('_', '-')}"
    option = typer.Option(f"{flag}/--no-{name}" if kind is bool else flag, help=hint, show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


_ROOMS = ("max_participants", "departure_timeout", "empty_timeout", "token_ttl")
_SOCKETS = ("host", "port", "media_host", "tcp_port", "udp_port", "node_ip", "use_external_ip", "stun_server", "turn")
_PAGE = ("frame_ancestors", "theme")
_CLUSTER = ("backend", "livekit_url", "livekit_client_url", "redis_url")
_HISTORY = ("database_url", "history_days")
_MEDIA = ("workers", "room_share")
_TURN_TLS = ("turn_domain", "turn_cert", "turn_key", "turn_tls_port")


@app.callback(invoke_without_command=True)
def _visavis(  # pyright: ignore[reportUnusedFunction]
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if show_version:
        _out.print(f"visavis {version('visavis')}")
        raise typer.Exit


@app.command()
@_with_settings(*_SOCKETS, *_CLUSTER, *_TURN_TLS, *_ROOMS, *_PAGE, "webhook_url", *_HISTORY, *_MEDIA, "log_level")
def dev(config_file: _ConfigFile = None, *, flags: dict[str, Any]) -> None:
    """Serve on this machine, with LiveKit's development key: to try it out and to build against.

    Settings are also read from VISAVIS_* variables (VISAVIS_PORT=8000) and from the file of --config.
    """
    settings = config.load({"log_level": "warning"} | _said(flags), config=config_file)
    keys = settings.all_keys() or {DEVELOPMENT_KEY: DEVELOPMENT_SECRET}
    if DEVELOPMENT_SECRET in keys.values() and not _is_loopback(settings.host):
        _err.print(f"[yellow]Warning:[/] {settings.host} can be reached by others, and everybody knows the development")
        _err.print("secret. Browsers give no camera on plain HTTP except on localhost. See `visavis serve`.")
    # Whoever builds against it wants to look at once, and nobody else knows this one.
    made = {"admin_token": settings.admin_token or secrets.token_urlsafe(24)}
    if settings.database_url is None:
        made["database_url"] = IN_MEMORY
    _serve(settings.model_copy(update=made), keys, opens_admin=settings.admin_token is None)


@app.command()
@_with_settings(
    *_SOCKETS,
    *_CLUSTER,
    "tls_cert",
    "tls_key",
    "behind_proxy",
    *_TURN_TLS,
    *_ROOMS,
    *_PAGE,
    "webhook_url",
    *_HISTORY,
    *_MEDIA,
    "log_level",
)
def serve(config_file: _ConfigFile = None, *, flags: dict[str, Any]) -> None:
    """Serve people: with keys of your own, and TLS here (--tls-cert, --tls-key) or at a proxy (--behind-proxy).

    The key and its secret are read from VISAVIS_API_KEY and VISAVIS_API_SECRET (also LIVEKIT_… and TWILIO_…), or
    api_key and api_secret in the file of --config; never from flags, which everybody on the machine can read.
    """
    settings = config.load(flags, config=config_file)
    keys = settings.all_keys()
    if not keys:
        raise config.invalid_setting("api_key is not set: choose a key and a secret; see `visavis serve --help`")
    for key, secret in keys.items():
        if len(secret) < MIN_SECRET_LENGTH:
            known = (
                "is the development secret, which everybody knows" if secret == DEVELOPMENT_SECRET else "is too short"
            )
            raise config.invalid_setting(
                f"api_secret: the secret of {key!r} {known}: take {MIN_SECRET_LENGTH} random characters or more, "
                'such as from `python -c "import secrets; print(secrets.token_urlsafe(32))"`'
            )
    if settings.tls_cert is None and settings.behind_proxy is None:
        raise config.invalid_setting(
            "tls_cert is not set: browsers give no camera on plain HTTP. Set --tls-cert and --tls-key, or "
            "--behind-proxy with the address of the proxy that ends TLS"
        )
    if settings.database_url is None:
        settings = settings.model_copy(update={"database_url": default_database_url()})
    _serve(settings, keys)


@app.command()
@_with_settings("token_ttl")
def token(
    identity: Annotated[str, typer.Option(help="Who the token is for; unique in a room.")],
    room: Annotated[
        str | None, typer.Option(help="Room to join; without it, any that the server exchanges it for.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name that others see.")] = "",
    config_file: _ConfigFile = None,
    *,
    flags: dict[str, Any],
) -> None:
    """Print a token that lets somebody join. Signs with the key that `serve` uses, or the development key."""
    settings = config.load(flags, config=config_file)
    keys = settings.all_keys() or {DEVELOPMENT_KEY: DEVELOPMENT_SECRET}
    try:
        grants = VideoGrants(
            room_join=True, room="" if room is None else parse_room_name(room), can_update_own_metadata=True
        )
        minted = KeyRing(keys).mint(Claims(identity=identity, name=name, video=grants), ttl=settings.token_ttl)
    except VisavisError as error:
        raise typer.BadParameter(error.message, param_hint="--room") from error
    if not identity:
        raise typer.BadParameter("is empty: say who the token is for", param_hint="--identity")
    print(minted)


@app.command()
def rooms(
    url: Annotated[str, typer.Option(help="The running server.")] = "http://127.0.0.1:7880",
    as_json: Annotated[bool, typer.Option("--json", help="Print what the server answered.")] = False,
) -> None:
    """List the rooms of a running server."""
    try:
        answer = httpx.get(f"{url.rstrip('/')}/api/video/rooms", timeout=10)
        answer.raise_for_status()
        found = cast(list[dict[str, Any]], answer.json())
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        _fail(f"cannot get the rooms from {url}: {error}; is `visavis dev` running there? Say where with --url.", 1)
    if as_json:
        print(answer.text)
        return
    table = Table("Room", "People", "Id", title=None)
    for room in found:
        table.add_row(room["name"], f"{room['participantCount']} / {room['maxParticipants']}", room["id"])
    _out.print(table if found else "No rooms.")


@app.command()
@_with_settings(*_SOCKETS, *_CLUSTER, "tls_cert", "tls_key", *_TURN_TLS, *_HISTORY)
def doctor(config_file: _ConfigFile = None, *, flags: dict[str, Any]) -> None:
    """Try each leg that the server stands on, with the settings of `serve`; status 1 if one fails.

    With the livekit backend: the cluster, its clock, keys and version, its webhooks, Redis and the database. With the
    embedded one: ports, certificates, secrets and addresses.
    """
    import asyncio

    from visavis.doctor import Outcome, examine

    settings = config.load(flags, config=config_file)
    keys = settings.all_keys() or {DEVELOPMENT_KEY: DEVELOPMENT_SECRET}
    set_up_logs("error")
    marks = {
        Outcome.WELL: "[green]well    [/]",
        Outcome.DOUBTFUL: "[yellow]look    [/]",
        Outcome.FAILED: "[red]FAILED  [/]",
        Outcome.LEFT_OUT: "[dim]left out[/]",
    }

    async def examined() -> bool:
        is_well = True
        async for finding in examine(settings, keys):
            _out.print(f"{marks[finding.outcome]} [bold]{finding.leg}[/]  ", end="")
            _out.print(finding.text, markup=False)
            is_well &= finding.outcome is not Outcome.FAILED
        return is_well

    if not asyncio.run(examined()):
        raise typer.Exit(1)


def _serve(settings: Settings, keys: dict[str, str], *, opens_admin: bool = False) -> None:
    # Here and not above: `token` and `--help` need no media core, and answer at once.
    import asyncio

    import uvloop

    from visavis.app import Visavis
    from visavis.backend.embedded import EmbeddedBackend
    from visavis.server import listen, serve

    set_up_logs(settings.log_level)
    tls = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        tls = (settings.tls_cert, settings.tls_key)
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(*tls)
        except (ssl.SSLError, OSError) as error:
            raise config.invalid_setting(f"tls_cert and tls_key are no certificate and its key: {error}") from error
    _allow_many_sockets()
    with listen(settings.host, settings.port) as http:

        async def run() -> None:
            backend = settings.make_backend(keys)
            video = Visavis(
                backend,
                page=settings.page_options(),
                admin_token=settings.admin_token,
                database_url=settings.database_url or "",
                history_days=settings.history_days,
            )
            try:
                await video.start()
                await video.check_history(_OPENED_WITHIN_SECONDS)
                _greet(settings, keys, http.getsockname()[1], video, opens_admin=opens_admin)
                glancing = asyncio.create_task(_glance(backend, settings), name="glance at the cluster")
                media = None
                if settings.shares_https and isinstance(backend, EmbeddedBackend):
                    media = backend.media_tcp_address()
                try:
                    await serve(video, http, tls=tls, trusted_proxies=settings.behind_proxy, media=media)
                finally:
                    glancing.cancel()
            finally:
                # Whoever ends it while it starts: what waits for a Redis that hangs outlives a single cancellation.
                await video.stop()

        uvloop.run(run())


async def _glance(backend: Any, settings: Settings) -> None:
    if settings.backend == "livekit":
        # Here and not above: see `visavis.backend.livekit`.
        from visavis.doctor.glance import glance

        await glance(backend)


def _greet(settings: Settings, keys: dict[str, str], port: int, video: Any, *, opens_admin: bool) -> None:
    scheme = "http" if settings.tls_cert is None else "https"
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    host = "localhost" if settings.host in ("0.0.0.0", "::") else shown  # noqa: S104 - compared, not bound
    _out.print(f"[bold]Visavis {version('visavis')}[/]")
    _out.print(f"  Open       [bold]{scheme}://{host}:{port}[/]")
    if settings.admin_token is not None:
        # In the fragment, which browsers send to nobody, so that it is in no log.
        fragment = f"#token={settings.admin_token}" if opens_admin else ""
        _out.print(f"  Operate    {scheme}://{host}:{port}/admin{fragment}")
    if settings.backend == "livekit":
        _out.print(f"  Cluster    {video.backend.client_url}")
    elif DEVELOPMENT_SECRET in keys.values():
        _out.print(f"  LiveKit    {scheme.replace('http', 'ws')}://{host}:{port}, key {DEVELOPMENT_KEY}, secret secret")
    if settings.backend == "embedded":
        engine = video.backend.engine
        _out.print(f"  Media      UDP {_joined(engine.udp_ports)}, TCP {_joined(engine.tcp_ports)}")
    _out.print("  Ctrl-C tells everybody and ends.")
    # Whoever started this may read a pipe.
    sys.stdout.flush()


def _allow_many_sockets() -> None:
    """Distributions start processes with a soft limit of 1024 open files, which a few hundred pages reach."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Without privileges it may be raised up to the hard limit.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _joined(ports: list[int]) -> str:
    return ", ".join(map(str, sorted(set(ports)))) or "none"


def _said(flags: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in flags.items() if value is not None}


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _fail(message: str, status: int) -> NoReturn:
    _err.print("[red]Error:[/] ", end="")
    _err.print(message, markup=False)
    raise SystemExit(status)
