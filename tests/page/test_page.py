"""The page as it is served: who may embed it, its theme, and where it looks for its parts."""

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from visavis.page import PageOptions, page_routes
from visavis.theme import Logo, Theme

INDEX = '<html><head><base href="./" /><title>Visavis</title></head><body></body></html>'


def client(tmp_path: Path, options: PageOptions | None = None) -> httpx.AsyncClient:
    (tmp_path / "index.html").write_text(INDEX)
    app = Starlette(routes=[Mount("/video", routes=page_routes(options, tmp_path))])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://video.example/video")


def ancestors(answer: httpx.Response) -> str:
    """Who may embed what was answered."""
    assert answer.status_code == 200
    return answer.headers["content-security-policy"]


async def test_only_our_own_origin_embeds_the_page_by_default(tmp_path: Path) -> None:
    http = client(tmp_path)
    for path in ("/", "/r/atrium"):
        assert ancestors(await http.get(path)) == "frame-ancestors 'self'"


async def test_no_other_address_gives_a_document_without_saying_who_may_embed_it(tmp_path: Path) -> None:
    (tmp_path / "admin.html").write_text(INDEX)
    (tmp_path / "admin.html.br").write_bytes(b"")
    (tmp_path / "favicon.svg").write_text("<svg/>")
    http = client(tmp_path)
    for path in ("/index.html", "/admin.html", "/admin.html.br"):
        assert (await http.get(path)).status_code == 404
    assert (await http.get("/favicon.svg")).status_code == 200


async def test_rooms_are_embedded_by_those_who_are_named_and_home_is_not(tmp_path: Path) -> None:
    http = client(tmp_path, PageOptions(frame_ancestors=("https://a.example", "https://*.b.example:8443")))
    named = "frame-ancestors 'self' https://a.example https://*.b.example:8443"
    assert ancestors(await http.get("/r/atrium")) == named
    assert ancestors(await http.get("/")) == "frame-ancestors 'self'"


@pytest.mark.parametrize(
    "origin", ["a.example", "https://a.example/", "javascript:1", "https://a.example; script-src x", "'none'", ""]
)
def test_what_is_no_origin_is_refused_by_name(origin: str) -> None:
    with pytest.raises(ValueError, match="is no origin such as"):
        PageOptions(frame_ancestors=(origin,))


async def test_a_theme_is_in_the_page_from_the_first_byte(tmp_path: Path) -> None:
    theme = Theme("Acme <Meet>", Logo(b"<svg/>", "image/svg+xml"), ":root{--accent:#112233}")
    http = client(tmp_path, PageOptions(theme=theme))
    text = (await http.get("/r/atrium")).text
    assert "<title>Acme &lt;Meet&gt;</title>" in text
    assert '<meta name="application-name" content="Acme &lt;Meet&gt;" />' in text
    assert '<style id="theme">:root{--accent:#112233}</style></head>' in text
    assert '<meta name="visavis-logo" content="./theme/logo" />' in text
    logo = await http.get("/theme/logo")
    assert (logo.content, logo.headers["content-type"]) == (b"<svg/>", "image/svg+xml")
    assert logo.headers["content-security-policy"] == "sandbox"


async def test_without_a_theme_the_page_is_as_it_was_built(tmp_path: Path) -> None:
    http = client(tmp_path)
    assert (await http.get("/")).text == INDEX.replace('href="./"', 'href="/video/"')
    assert (await http.get("/theme/logo")).status_code == 404
