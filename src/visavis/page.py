"""The built web page: `index.html` at home, in every room and at `/test`, and its assets."""

import html
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

WEB_FOLDER = Path(__file__).parent / "web"

_BASE = re.compile(r'<base href="[^"]*" ?/?>')
_ALWAYS_ASK = {"Cache-Control": "no-cache"}


class _HashedFiles(StaticFiles):
    """Files whose names change with their content: never asked for twice."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def page_routes(folder: Path = WEB_FOLDER) -> list[BaseRoute]:
    """The routes, for an application or a mount. The page finds everything relative to the prefix it is under."""
    index = folder / "index.html"

    async def page(request: Request) -> Response:
        if not index.is_file():
            return PlainTextResponse("The web page is not built: run `make` in a checkout, or install a wheel.", 503)
        prefix = html.escape(request.scope.get("root_path", ""), quote=True)
        text = _BASE.sub(f'<base href="{prefix}/" />', index.read_text(encoding="utf-8"))
        return HTMLResponse(text, headers=_ALWAYS_ASK)

    async def file(request: Request) -> Response:
        # Only what lies in the folder itself, so no path can lead out of it.
        found = folder / request.path_params["file"]
        if found.parent != folder or not found.is_file():
            return PlainTextResponse("Not Found", 404)
        return FileResponse(found, headers=_ALWAYS_ASK)

    return [
        Route("/", page, methods=["GET"]),
        Route("/r/{name:path}", page, methods=["GET"]),
        Route("/test", page, methods=["GET"]),
        Mount("/assets", _HashedFiles(directory=folder / "assets", check_dir=False)),
        Route("/{file}", file, methods=["GET"]),
    ]
