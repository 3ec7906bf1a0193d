"""What rooms in a LiveKit cluster stand on: the way there and back, keys, clock, version, and what processes share."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, cast

import aiohttp
import httpx
import uvicorn
from google.protobuf.message import DecodeError
from livekit.protocol import rtc
from livekit.protocol.webhook import WebhookEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from visavis.auth import LEEWAY_SECONDS, Claims, KeyRing, VideoGrants
from visavis.backend.livekit.livekit_backend import LiveKitBackend
from visavis.backend.livekit.receiver import PATH, Receiver
from visavis.backend.livekit.shared import LocalShared, Shared
from visavis.backend.livekit.throwaway import ThrowAway
from visavis.config import Settings
from visavis.doctor.finding import Finding, doubtful, failed, left_out, well
from visavis.errors import ErrorKind, VisavisError
from visavis.rest import telling_errors
from visavis.server import listen

MIN_VERSION = (1, 9, 1)
"""The first to tell of participants whose connection never came up."""
WEBHOOK_SECONDS = 10.0

_ASK_SECONDS = 5.0
# Half of what either side forgives.
_SKEW_SECONDS = LEEWAY_SECONDS / 2


async def examine(settings: Settings, keys: Mapping[str, str]) -> AsyncGenerator[Finding]:
    """Tries all of them."""
    try:
        backend = LiveKitBackend(settings.livekit_options(keys))
    except VisavisError as error:
        yield failed("settings", error.message)
        return
    throw_away = ThrowAway(next(iter(keys.values())))
    try:
        is_reached = False
        async for finding, reached in _way_there(backend.cluster.url):
            is_reached = is_reached or reached
            yield finding
        if not is_reached:
            yield left_out("keys, version, webhook", "the cluster does not answer")
        else:
            async for finding in _inside(settings, backend, throw_away):
                yield finding
        yield await _redis(settings, backend.shared)
    finally:
        await backend.shared.aclose()
        await backend.cluster.aclose()


async def glance(backend: LiveKitBackend) -> AsyncGenerator[Finding]:
    """Tries what keeps a server from nothing: the clock and the version. Nothing, if the cluster does not answer."""
    is_reached = False
    async for finding, reached in _way_there(backend.cluster.url):
        is_reached = is_reached or reached
        if finding.leg == "clock":
            yield finding
    if is_reached:
        yield await _version(backend, ThrowAway(next(iter(backend.options.keys.values()))))


async def _way_there(url: str) -> AsyncGenerator[tuple[Finding, bool]]:
    """The address and the clock; and whether somebody answers."""
    web = url.replace("ws", "http", 1) if url.startswith("ws") else url
    try:
        async with httpx.AsyncClient(timeout=_ASK_SECONDS) as http:
            before = time.time()
            answer = await http.get(web)
            after = time.time()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = str(error) or type(error).__name__
        yield (
            failed(
                "cluster",
                f"{url} does not answer ({said}): see that it runs, and that livekit_url (LIVEKIT_URL) is where this "
                "machine reaches it",
            ),
            False,
        )
        return
    yield well("cluster", f"{url} answers in {round((after - before) * 1000)} ms"), True
    told = answer.headers.get("date")
    if told is None:
        yield left_out("clock", "what answers there does not tell its time"), True
        return
    # It is told to the second.
    skew = parsedate_to_datetime(told).timestamp() + 0.5 - (before + after) / 2
    ahead = "ahead" if skew > 0 else "behind"
    said = f"the cluster's clock is {abs(skew):.0f} s {ahead} of this machine's"
    if abs(skew) > LEEWAY_SECONDS:
        yield failed("clock", f"{said}, and {LEEWAY_SECONDS} s are forgiven: have NTP set both"), True
    elif abs(skew) > _SKEW_SECONDS:
        yield doubtful("clock", f"{said}; {LEEWAY_SECONDS} s are forgiven: have NTP set both"), True
    else:
        yield well("clock", "the clocks agree"), True


async def _inside(settings: Settings, backend: LiveKitBackend, throw_away: ThrowAway) -> AsyncGenerator[Finding]:
    try:
        rooms = await backend.cluster.rooms()
    except VisavisError as error:
        yield failed("keys", error.message)
        yield left_out("version, webhook", "the cluster does not let us in")
        return
    yield well("keys", f"the cluster takes the API key {next(iter(backend.options.keys))!r}; it has {len(rooms)} rooms")
    yield await _version(backend, throw_away)
    yield await _webhook(settings, backend, throw_away)


async def _version(backend: LiveKitBackend, throw_away: ThrowAway) -> Finding:
    """Joins as a client does, for only clients are told the version."""
    room = throw_away.name("doctor")
    grants = VideoGrants(room_join=True, room=room, hidden=True, can_publish=False, can_subscribe=False)
    configuration = {"emptyTimeout": 1, "departureTimeout": 1}
    token = backend.keys.mint(Claims(identity="doctor", video=grants, room_config=configuration), ttl=60)
    url = backend.client_url or ""
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(_ASK_SECONDS):
            query = {"access_token": token, "protocol": "16", "sdk": "python", "auto_subscribe": "0"}
            async with session.ws_connect(f"{url}/rtc", params=query) as socket:
                joined = rtc.SignalResponse.FromString(await socket.receive_bytes()).join
    except (aiohttp.ClientError, OSError, TimeoutError, DecodeError, TypeError) as error:
        # What aiohttp says of a refusal has the address with the token in it.
        is_refused = isinstance(error, aiohttp.WSServerHandshakeError)
        said = f"HTTP {error.status}" if is_refused else str(error) or type(error).__name__
        return failed(
            "version",
            f"clients do not get in at {url} ({said}): set livekit_client_url to where they reach the cluster",
        )
    finally:
        with contextlib.suppress(VisavisError):
            await backend.cluster.delete_room(room)
    version = joined.server_info.version or joined.server_version
    if _numbers(version) < MIN_VERSION:
        least = ".".join(map(str, MIN_VERSION))
        return failed("version", f"the cluster at {url} runs LiveKit {version or '?'}: upgrade it to {least} or newer")
    return well("version", f"clients get in at {url}, to LiveKit {version}")


async def _webhook(settings: Settings, backend: LiveKitBackend, throw_away: ThrowAway) -> Finding:
    """Makes a room that nobody sees, and waits for word of it: here, from the running server, or through Redis."""
    room, arrived = throw_away.name("doctor"), asyncio.Event()
    refused: list[str] = []

    def hear(message: Mapping[str, object]) -> None:
        event = message.get("event")
        if isinstance(event, dict) and cast(dict[str, Any], event).get("room", {}).get("name") == room:
            arrived.set()

    def heard(event: WebhookEvent) -> None:
        if event.room.name == room:
            arrived.set()

    try:
        async with contextlib.AsyncExitStack() as stack:
            with contextlib.suppress(VisavisError):
                await backend.shared.start(hear, lambda: None)
            by = await stack.enter_async_context(_listening(settings, backend.keys, heard, refused))
            if by is None:
                asking = asyncio.create_task(_ask_running(settings, room, arrived))
                stack.callback(asking.cancel)
            # Whoever listens to Redis listens before the room is made.
            await asyncio.sleep(0.2)
            await backend.cluster.create_room(room, empty_timeout=10)
            began = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WEBHOOK_SECONDS):
                    await arrived.wait()
            took = time.monotonic() - began
    except VisavisError as error:
        return failed("webhook", error.message)
    finally:
        with contextlib.suppress(VisavisError):
            await backend.cluster.delete_room(room)
    if arrived.is_set():
        return well("webhook", f"word of a room that was made came in {round(took * 1000)} ms")
    key = next(iter(backend.options.keys))
    if refused:
        return failed("webhook", f"a webhook came, but {refused[-1]}: set webhook.api_key of livekit-server to {key!r}")
    where = f"port {settings.port} here" if by is not None else "the server that runs here, or through Redis"
    return failed(
        "webhook",
        f"no webhook has come within {WEBHOOK_SECONDS:.0f} s to {where}: in livekit-server's configuration set "
        f"webhook.urls to this service's address and {PATH}, and webhook.api_key to {key!r}",
    )


@contextlib.asynccontextmanager
async def _listening(
    settings: Settings, keys: KeyRing, heard: Callable[[WebhookEvent], None], refused: list[str]
) -> AsyncGenerator[object | None]:
    """Serves the endpoint in the place of the server, unless that runs; then it is None."""

    async def happened(_: WebhookEvent, __: bool) -> None:
        """Nothing is to be done."""

    receiver = Receiver(keys, LocalShared(), heard=heard, happened=happened)

    async def receive(request: Request) -> Response:
        try:
            return await receiver(request)
        except VisavisError as error:
            refused.append(error.message)
            raise

    try:
        socket = listen(settings.host, settings.port)
    except VisavisError as error:
        if error.kind is not ErrorKind.BIND_FAILED:
            raise
        yield None
        return
    app = Starlette(routes=[Route(PATH, telling_errors(receive), methods=["POST"])])
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            lifespan="off",
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
        )
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    try:
        yield server
    finally:
        server.should_exit = True
        await serving


async def _ask_running(settings: Settings, room: str, arrived: asyncio.Event) -> None:
    """Asks the server that runs here whether word has come."""
    scheme = "http" if settings.tls_cert is None else "https"
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    shown = f"[{host}]" if ":" in host else host
    # Its certificate is for its name, and not for this address.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with httpx.AsyncClient(base_url=f"{scheme}://{shown}:{settings.port}", verify=context) as http:
        while not arrived.is_set():
            with contextlib.suppress(httpx.HTTPError, ValueError):
                if (await http.get(f"{PATH}/{room}")).json().get("arrived"):
                    arrived.set()
            await asyncio.sleep(0.1)


async def _redis(settings: Settings, shared: Shared) -> Finding:
    if settings.redis_url is None:
        return left_out("redis", "redis_url is not set: that is right for one process, and for no more")
    try:
        await shared.check()
        number = await shared.change("doctor", _count, seconds=60)
    except VisavisError as error:
        return failed("redis", error.message)
    return well("redis", f"it answers, and keeps what it is told ({number})")


def _count(value: bytes | None) -> tuple[bytes, int]:
    number = int(value or b"0") + 1
    return str(number).encode(), number


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.removeprefix("v").split("-")[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())
