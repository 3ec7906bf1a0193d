"""Files sent as they were compressed when the page was built: ``app.js.br`` for ``app.js``. Compresses nothing."""

import os
from collections.abc import Mapping
from mimetypes import guess_type
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

_SUFFIXES = {"br": ".br", "gzip": ".gz"}
"""By content coding, the one to prefer first."""


class CompressedFiles(StaticFiles):
    """A folder, each file in the smallest form that is there and that the client takes.

    Args:
        directory: the folder; it need not exist.
        headers: what goes with every file.
    """

    def __init__(self, directory: Path, headers: Mapping[str, str]) -> None:
        super().__init__(directory=directory, check_dir=False)
        self._headers = headers

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The answer: the file, or that it has not changed."""
        request = Headers(scope=scope)
        response = compressed_file(Path(full_path), request, self._headers, status_code)
        return NotModifiedResponse(response.headers) if self.is_not_modified(response.headers, request) else response


def compressed_file(path: Path, request: Headers, headers: Mapping[str, str], status_code: int = 200) -> FileResponse:
    """A file in the form that suits the request."""
    sent, coding = path, None
    for name, suffix in _SUFFIXES.items():
        compressed = path.with_name(path.name + suffix)
        if accepts(request.get("accept-encoding", ""), name) and compressed.is_file():
            sent, coding = compressed, name
            break
    # Of what it is, not of what it is sent in.
    media_type = guess_type(path.name)[0] or "application/octet-stream"
    sent_headers = {**headers, "Vary": "Accept-Encoding"}
    response = FileResponse(sent, status_code, sent_headers, media_type=media_type, stat_result=sent.stat())
    if coding is not None:
        response.headers["Content-Encoding"] = coding
    return response


def accepts(header: str, coding: str) -> bool:
    """Whether a client takes a content coding (RFC 9110, section 12.5.3)."""
    weights = dict(_parse(entry) for entry in header.split(","))
    return weights.get(coding, weights.get("*", 0.0)) > 0


def _parse(entry: str) -> tuple[str, float]:
    name, _, parameter = entry.partition(";")
    key, _, value = parameter.partition("=")
    if key.strip().lower() != "q":
        return name.strip().lower(), 1.0
    try:
        return name.strip().lower(), float(value)
    except ValueError:
        return name.strip().lower(), 0.0
