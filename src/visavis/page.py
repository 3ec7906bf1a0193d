"""The built web page: home, rooms, `/test`, `/admin` and their assets; who may embed it, and how it looks."""

import html
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from visavis.compressed import CompressedFiles, compressed_file
from visavis.theme import Theme

WEB_FOLDER = Path(__file__).parent / "web"

_BASE = re.compile(r'<base href="[^"]*" ?/?>')
_ALWAYS_ASK = {"Cache-Control": "no-cache"}
# Assets: their names change with their content.
_NEVER_ASK = {"Cache-Control": "public, max-age=31536000, immutable"}
_TITLE = re.compile(r"<title>[^<]*</title>")

_ANY_ORIGIN = "*"
_ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class PageOptions:
    """What the page may be told by whoever runs the server.

    Attributes:
        frame_ancestors: origins whose pages may show rooms in a frame, such as ``https://intranet.example.org`` or
            ``https://*.example.org``; ``*``: any. Pages of our own origin always may, the application that `Visavis` is
            mounted in among them. Nobody else may by default: a page that can be laid invisibly over another one's
            buttons gets the clicks that were meant for those.
        theme: how it looks; see `visavis.theme.load_theme`.
    """

    frame_ancestors: Sequence[str] = ()
    theme: Theme | None = None

    def __post_init__(self) -> None:
        parse_origins(self.frame_ancestors)


def parse_origins(origins: Sequence[str]) -> tuple[str, ...]:
    """Origins that can be named as frame ancestors.

    Raises:
        ValueError: one is none.
    """
    for origin in origins:
        if origin != _ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin!r} is no origin such as https://intranet.example.org, https://*.example.org or *"
            )
    return tuple(origins)


def page_routes(options: PageOptions | None = None, folder: Path = WEB_FOLDER) -> list[BaseRoute]:
    """The routes, for an application or a mount. The page finds everything relative to the prefix it is under."""
    options = options or PageOptions()
    theme = options.theme or Theme()
    only_own = {"Content-Security-Policy": "frame-ancestors 'self'"}
    embeddable = {"Content-Security-Policy": " ".join(("frame-ancestors 'self'", *options.frame_ancestors))}

    def page(headers: dict[str, str], document: str = "index.html") -> Callable[[Request], Awaitable[Response]]:
        found = folder / document

        async def answer(request: Request) -> Response:
            if not found.is_file():
                return PlainTextResponse(
                    "The web page is not built: run `make` in a checkout, or install a wheel.", 503
                )
            prefix = html.escape(request.scope.get("root_path", ""), quote=True)
            text = _BASE.sub(lambda _: f'<base href="{prefix}/" />', found.read_text(encoding="utf-8"))
            return HTMLResponse(_themed(text, theme), headers=_ALWAYS_ASK | headers)

        return answer

    async def file(request: Request) -> Response:
        # Only what lies in the folder itself, so no path can lead out of it.
        found = folder / request.path_params["file"]
        # Documents are answered by `page` alone, which says who may show them in a frame.
        if found.parent != folder or ".html" in found.suffixes or not found.is_file():
            return PlainTextResponse("Not Found", 404)
        return compressed_file(found, request.headers, _ALWAYS_ASK)

    async def logo(_: Request) -> Response:
        if theme.logo is None:
            return PlainTextResponse("Not Found", 404)
        # An SVG may hold scripts, which run where it is opened by itself: not with our origin.
        headers = _ALWAYS_ASK | {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
        return Response(theme.logo.content, media_type=theme.logo.media_type, headers=headers)

    return [
        Route("/", page(only_own), methods=["GET"]),
        Route("/r/{name:path}", page(embeddable), methods=["GET"]),
        Route("/test", page(only_own), methods=["GET"]),
        Route("/admin", page(only_own, "admin.html"), methods=["GET"]),
        Route("/theme/logo", logo, methods=["GET"]),
        Mount("/assets", CompressedFiles(folder / "assets", _NEVER_ASK)),
        Route("/{file}", file, methods=["GET"]),
    ]


def _themed(text: str, theme: Theme) -> str:
    if theme.name is not None:
        title = f"<title>{html.escape(theme.name)}</title>"
        text = _TITLE.sub(lambda _: title, text, count=1)
    # After the page's own style sheet, whose variables it sets anew.
    return text.replace("</head>", f"{theme.head()}</head>", 1)
