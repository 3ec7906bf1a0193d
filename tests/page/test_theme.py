"""Themes from files: what they set, what is refused, and that words can be read in each."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from visavis.colours import DARK, LIGHT, READABLE, Scheme, accent_on, contrast, parse_colour
from visavis.theme import MAX_LOGO_BYTES, Theme, load_theme

CHECKOUT = Path(__file__).parents[2]
ACCENTS = json.loads((CHECKOUT / "web/src/theme/accents.json").read_text())

Load = Callable[[str], Theme]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    (tmp_path / "logo.svg").write_bytes(b"<svg/>")
    (tmp_path / "large.png").write_bytes(bytes(MAX_LOGO_BYTES + 1))

    def loaded(text: str) -> Theme:
        path = tmp_path / "theme.toml"
        path.write_text(text)
        return load_theme(path)

    return loaded


@pytest.mark.parametrize("case", ACCENTS, ids=lambda case: f"{case['given']} {case['scheme']}")
def test_every_accent_can_be_read_and_read_on(case: dict[str, str]) -> None:
    scheme = LIGHT if case["scheme"] == "light" else DARK
    made = accent_on(parse_colour(case["given"]), scheme)
    for behind in (scheme.paper, scheme.surface, made.soft):
        assert contrast(made.accent, behind) >= READABLE
    for accent in (made.accent, made.hover):
        assert contrast(accent, made.on_accent) >= READABLE
    # The page comes to the same: web/src/theme/colours.test.ts.
    assert [str(made.accent), str(made.hover), str(made.soft), str(made.on_accent)] == [
        case[name] for name in ("accent", "hover", "soft", "onAccent")
    ]


@pytest.mark.parametrize(("side", "scheme"), [(0, LIGHT), (1, DARK)], ids=["light", "dark"])
def test_schemes_are_those_of_the_design(side: int, scheme: Scheme) -> None:
    css = (CHECKOUT / "web/src/design/design.css").read_text()
    for name in ("paper", "surface", "ink", "ink_2", "accent"):
        found = re.search(rf"--{name.replace('_', '-')}: light-dark\((\S+), (\S+)\);", css)
        assert found is not None
        assert str(getattr(scheme, name)) == found[1 + side]


def test_one_accent_serves_light_and_dark(load: Load) -> None:
    css = load('accent = "#f2c200"').css
    assert ":root{--accent:#796100;" in css
    assert ":root[data-theme='dark']{--accent:#f2c200;" in css


def test_a_file_sets_all_that_is_documented(load: Load) -> None:
    theme = load(
        """
        name = "Acme Meet"
        logo = "logo.svg"
        radius = "8px"
        font = "Inter, 'Noto Sans', sans-serif"
        [light]
        accent = "#7a1fa2"
        background = "#fff"
        [dark]
        background = "#000000"
        """
    )
    assert theme.name == "Acme Meet"
    assert theme.logo is not None
    assert theme.logo.media_type == "image/svg+xml"
    light, _, dark = theme.css.partition("@media (prefers-color-scheme:dark)")
    for rule in ("--radius:8px", "--font:Inter, 'Noto Sans', sans-serif", "--paper:#ffffff", "--accent:#7a1fa2"):
        assert rule in light
    assert dark.startswith("{:root:not([data-theme='light']){--paper:#000000;")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("accent = 'red'", "accent: 'red' is no colour such as #0f6b5f"),
        ("accent = 5", "accent: "),
        ("acent = '#123'", "acent is nothing that a theme sets"),
        ("[dark]\nbackground = '#eee'", "dark.background: words could not be read on #eeeeee: take a darker one"),
        ("[light]\nbackground = '#888'", "light.background: words could not be read on #888888: take a lighter one"),
        ("radius = '33px'", "radius: '33px' is no radius from 0px to 32px"),
        ("font = 'x;} body {'", "font: "),
        ('font = "it\'s"', "font: "),
        ("name = ''", "name: "),
        ("logo = 'logo.html'", "logo: 'logo.html' is no picture"),
        ("logo = 'none.png'", "logo: cannot read"),
        ("logo = 'large.png'", f"logo: 'large.png' has {MAX_LOGO_BYTES + 1} bytes"),
        ("accent = ", "is not TOML"),
    ],
)
def test_a_wrong_theme_is_refused_by_name(load: Load, text: str, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)):
        load(text)
