"""Assets are sent as they were compressed when the page was built, to whoever takes that."""

import gzip
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from visavis.page import page_routes

SCRIPT = b"export const answer = 42;\n" * 100
GZIPPED = gzip.compress(SCRIPT)


@pytest.fixture
def http(tmp_path: Path) -> httpx.AsyncClient:
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "app-1.js").write_bytes(SCRIPT)
    (assets / "app-1.js.br").write_bytes(b"as brotli")
    (assets / "app-1.js.gz").write_bytes(GZIPPED)
    (assets / "picture-1.png").write_bytes(b"a picture")
    app = Starlette(routes=page_routes(folder=tmp_path))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://video.example")


async def fetch(http: httpx.AsyncClient, accepted: str, path: str = "/assets/app-1.js") -> tuple[httpx.Response, bytes]:
    """The answer, and its bytes as they were sent."""
    async with http.stream("GET", path, headers={"Accept-Encoding": accepted}) as answer:
        return answer, b"".join([chunk async for chunk in answer.aiter_raw()])


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0.5, gzip;q=1.0", "br"),
        ("gzip, deflate", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, br;q=0", "gzip"),
        ("*", "br"),
        ("*, br;q=0", "gzip"),
    ],
)
async def test_who_takes_it_gets_it_compressed(http: httpx.AsyncClient, accepted: str, coding: str) -> None:
    answer, sent = await fetch(http, accepted)
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == coding
    assert sent == {"br": b"as brotli", "gzip": GZIPPED}[coding]
    assert answer.headers["content-length"] == str(len(sent))


@pytest.mark.parametrize("accepted", ["", "identity", "deflate", "gzip;q=0, br;q=0", "gzip;q=nonsense"])
async def test_who_does_not_gets_it_plain(http: httpx.AsyncClient, accepted: str) -> None:
    answer, sent = await fetch(http, accepted)
    assert "content-encoding" not in answer.headers
    assert sent == SCRIPT


@pytest.mark.parametrize("accepted", ["br", "gzip", "identity"])
async def test_the_type_is_that_of_the_file_and_caches_keep_the_forms_apart(
    http: httpx.AsyncClient, accepted: str
) -> None:
    answer, _ = await fetch(http, accepted)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_what_has_no_compressed_form_is_sent_plain(http: httpx.AsyncClient) -> None:
    answer, sent = await fetch(http, "br, gzip", "/assets/picture-1.png")
    assert (answer.headers["content-type"], sent) == ("image/png", b"a picture")
    assert "content-encoding" not in answer.headers


async def test_a_file_beside_the_page_is_compressed_too_and_asked_for_each_time(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "embed.js").write_bytes(SCRIPT)
    (tmp_path / "embed.js.br").write_bytes(b"as brotli")
    answer, sent = await fetch(http, "br", "/embed.js")
    assert (answer.headers["content-encoding"], sent) == ("br", b"as brotli")
    assert answer.headers["cache-control"] == "no-cache"


async def test_each_form_is_revalidated_by_its_own_tag(http: httpx.AsyncClient) -> None:
    compressed, plain = [(await fetch(http, accepted))[0].headers["etag"] for accepted in ("br", "identity")]
    assert compressed != plain
    again = await http.get("/assets/app-1.js", headers={"Accept-Encoding": "br", "If-None-Match": compressed})
    assert (again.status_code, again.headers["vary"]) == (304, "Accept-Encoding")
    other = await http.get("/assets/app-1.js", headers={"Accept-Encoding": "identity", "If-None-Match": compressed})
    assert other.status_code == 200


async def test_no_path_leads_out_of_the_folder(http: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "index.html.gz").write_bytes(b"not an asset")
    for path in ("/assets/../index.html", "/assets/%2e%2e/index.html"):
        assert (await http.get(path)).status_code in (404, 503)
