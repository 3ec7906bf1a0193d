"""The ASGI application: page, API, hub and signalling under one prefix, and their life cycle."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from visavis.admin import Guard, Operated, admin_routes
from visavis.api import api_routes
from visavis.backend.base import Backend
from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions
from visavis.errors import VisavisError
from visavis.hub import HubLimits, NotificationHub
from visavis.identity import Identify
from visavis.moderation_api import moderation_routes
from visavis.page import PageOptions, page_routes
from visavis.webhooks.happenings import EventName
from visavis.webhooks.listeners import ListenerT

if TYPE_CHECKING:
    from visavis.store.store import Store

# The history's, after everybody has left.
_LAST_WORDS_SECONDS = 0.4


class Visavis:
    """A video chat service to run as it is or to mount in another Starlette or FastAPI app.

    ::

        video = Visavis(EmbeddedOptions(keys={"mykey": "a long secret"}), identify=who_is_it)
        app = FastAPI(lifespan=video.lifespan)
        app.mount("/video", video)

    Mounted apps are not told of start and stop: give `lifespan` to the host, or call `start` and `stop`. Without it the
    first request starts it, and participants are not told when the process ends.

    Args:
        options: how it runs; a backend instead, if it was made elsewhere.
        identify: says who sends a request; see `visavis.identity`.
        page: who may embed the page, and how it looks.
        admin_token: opens the operator's API and page; None: they are off.
        database_url: of the history, as ``sqlite:///history.sqlite3``; empty: none is kept.
        history_days: how long it is kept; 0: for ever.

    Raises:
        VisavisError: `INVALID_SETTING`: `database_url` is none.
    """

    def __init__(
        self,
        options: EmbeddedOptions | Backend,
        *,
        identify: Identify | None = None,
        page: PageOptions | None = None,
        admin_token: str | None = None,
        database_url: str = "",
        history_days: float = 90.0,
    ) -> None:
        self.backend: Backend = EmbeddedBackend(options) if isinstance(options, EmbeddedOptions) else options
        self._store = _open_store(database_url, history_days, self.backend) if database_url else None
        if self._store is not None:
            self.backend.recorder = self._store.recorder
        history = None if self._store is None else self._store.history
        fanout = self.backend.fanout
        self.hub = NotificationHub(fanout=fanout, limits=None if fanout is None else _LIMITS_OF_MANY)
        self._echo: asyncio.TimerHandle | None = None
        self._end_of_changes = self.backend.on_change(self._announce)
        routes = [
            *api_routes(self.backend, identify),
            *moderation_routes(self.backend),
            *self.hub.routes(),
            *self.backend.routes(),
            *admin_routes(Operated(self.backend, history, Guard(admin_token, self.backend.tries))),
            *page_routes(page),
        ]
        self._app = Starlette(routes=routes, middleware=[_CORS], lifespan=self.lifespan)

    def on(self, name: EventName) -> Callable[[ListenerT], ListenerT]:
        """Decorates a function of the host, plain or async, that is called when something happens in a room.

        ::

            @video.on("participant_joined")
            async def greet(event: WebhookEvent) -> None:
                print(event.participant.identity, "is in", event.room.name)

        Args:
            name: of LiveKit's webhook events.

        Raises:
            ValueError: there is no such event.
        """
        return self.backend.listeners.on(name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "lifespan" and scope["path"].startswith("//"):
            # Clients put "/rtc" behind whatever address they were given, one that ends in "/" too.
            scope = {**scope, "path": "/" + scope["path"].lstrip("/")}
        # The middlewares do nothing for a WebSocket, and would be there as long as it.
        await (self._app.router if scope["type"] == "websocket" else self._app)(scope, receive, send)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: object = None) -> AsyncGenerator[None]:
        """Runs it from start to stop; can be a host's `lifespan`, or be entered in one.

        Raises:
            VisavisError: `BIND_FAILED`.
        """
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    async def start(self) -> None:
        """Opens the media ports. Idempotent.

        Raises:
            VisavisError: `BIND_FAILED`.
        """
        try:
            await self.backend.start()
        except VisavisError:
            # What was opened meanwhile would keep the process from ending.
            await self.stop()
            raise

    async def check_history(self, within: float) -> None:
        """Waits until the history is open, for so many seconds at most; one that only does not answer may come later.

        Raises:
            VisavisError: `INVALID_SETTING`: somebody has to mend `database_url`, or the database.
        """
        if self._store is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._store.recorder.check()

    async def stop(self) -> None:
        """Tells every participant and page, and ends within two seconds. Idempotent."""
        self._end_of_changes()
        if self._echo is not None:
            self._echo.cancel()
        await asyncio.gather(self.backend.stop(), self.hub.aclose())
        if self._store is not None:
            await self._store.aclose(_LAST_WORDS_SECONDS)

    def _announce(self) -> None:
        self.hub.announce(True)
        if self.backend.fanout is not None and self._echo is None:
            # Who asks now may be answered by a process that does not know yet, and would not be told again.
            self._echo = asyncio.get_running_loop().call_later(_ECHO_SECONDS, self._announce_again)

    def _announce_again(self) -> None:
        self._echo = None
        self.hub.announce(True)


def _open_store(database_url: str, history_days: float, backend: Backend) -> "Store":
    # Here and not above: see `visavis.store`.
    from visavis.store.store import Store

    return Store(database_url, keep_days=history_days, owner=backend.history_owner)


# What several processes serve changes all the time, and each announcement makes every page at home fetch the list.
_LIMITS_OF_MANY = HubLimits(announce_interval=0.5)
# Within a second all processes know of a change.
_ECHO_SECONDS = 1.0

# LiveKit's: pages of any origin may use the server; a token says who may do what, cookies never.
_CORS = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["OPTIONS", "HEAD", "GET", "POST", "PATCH", "DELETE"],
    allow_headers=["*"],
    expose_headers=["*"],
    max_age=86400,
)
