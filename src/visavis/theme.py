"""How an installation looks: its name, its logo and a few of the page's CSS variables, from a TOML file.

It is written into the page itself, so that the first paint has it. docs/embedding.md lists what can be set.
"""

import html
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from visavis.colours import DARK, LIGHT, READABLE, Colour, Scheme, accent_on, contrast, parse_colour

_LOGO_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".avif": "image/avif",
}
MAX_LOGO_BYTES = 1 << 20
LONGEST_NAME = 40

_RADIUS = re.compile(r"([0-9]{1,2})px")
_LARGEST_RADIUS = 32
_FONT = re.compile(r"[A-Za-z0-9 ,'\"_-]{1,200}")


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture, as it is served."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Theme:
    """A checked theme.

    Attributes:
        name: of the installation; None: Visavis.
        logo: in the place of Visavis' own.
        css: a style sheet that sets variables; empty: none.
    """

    name: str | None = None
    logo: Logo | None = None
    css: str = ""

    def head(self) -> str:
        """What goes to the end of the page's `<head>`."""
        parts: list[str] = []
        if self.name is not None:
            parts.append(f'<meta name="application-name" content="{html.escape(self.name, quote=True)}" />')
        if self.logo is not None:
            parts.append('<meta name="visavis-logo" content="./theme/logo" />')
        if self.css:
            parts.append(f'<style id="theme">{self.css}</style>')
        return "".join(parts)


def _colour(text: str) -> str:
    return str(parse_colour(text))


def _radius(text: str) -> str:
    match = _RADIUS.fullmatch(text)
    if match is None or int(match[1]) > _LARGEST_RADIUS:
        raise ValueError(f"{text!r} is no radius from 0px to {_LARGEST_RADIUS}px")
    return text


def _font(text: str) -> str:
    if not _FONT.fullmatch(text) or any(text.count(quote) % 2 for quote in "'\""):
        raise ValueError(f"{text!r} is no list of font names such as \"Inter, 'Noto Sans', sans-serif\"")
    return text


_ColourText = Annotated[str, AfterValidator(_colour)]


class _SchemeFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    accent: _ColourText | None = None
    background: _ColourText | None = None


class _ThemeFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)] | None = None
    logo: str | None = None
    accent: _ColourText | None = None
    radius: Annotated[str, AfterValidator(_radius)] | None = None
    font: Annotated[str, AfterValidator(_font)] | None = None
    light: _SchemeFile = _SchemeFile()
    dark: _SchemeFile = _SchemeFile()


def load_theme(path: Path) -> Theme:
    """Reads a theme.

    Raises:
        ValueError: what is wrong in it, in words.
    """
    try:
        read = _ThemeFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ValueError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} is not TOML: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            raise ValueError(f"{name} is nothing that a theme sets; see docs/embedding.md") from error
        raise ValueError(f"{name}: {problem['msg'].removeprefix('Value error, ')}") from error
    logo = None if read.logo is None else _read_logo(path.parent / read.logo)
    return Theme(read.name, logo, _css(read))


def _read_logo(path: Path) -> Logo:
    media_type = _LOGO_TYPES.get(path.suffix.lower())
    if media_type is None:
        raise ValueError(f"logo: {path.name!r} is no picture: take one of {', '.join(_LOGO_TYPES)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"logo: cannot read {str(path)!r}: {error.strerror}") from error
    if len(content) > MAX_LOGO_BYTES:
        raise ValueError(f"logo: {path.name!r} has {len(content)} bytes: at most {MAX_LOGO_BYTES} are served")
    return Logo(content, media_type)


def _css(read: _ThemeFile) -> str:
    both: list[str] = []
    if read.radius is not None:
        both += [f"--radius:{read.radius}", f"--radius-small:calc({read.radius} * 0.6)"]
    if read.font is not None:
        both.append(f"--font:{read.font}")
    light = _variables("light", LIGHT, read.light, read.accent)
    dark = _variables("dark", DARK, read.dark, read.accent)
    rules = [f":root{{{';'.join(both + light)}}}"] if both or light else []
    if dark:
        body = ";".join(dark)
        rules.append(f"@media (prefers-color-scheme:dark){{:root:not([data-theme='light']){{{body}}}}}")
        rules.append(f":root[data-theme='dark']{{{body}}}")
    return "".join(rules)


def _variables(name: str, scheme: Scheme, own: _SchemeFile, accent: str | None) -> list[str]:
    variables: list[str] = []
    paper: Colour | None = None
    if own.background is not None:
        paper = parse_colour(own.background)
        if contrast(paper, scheme.ink_2) < READABLE:
            raise ValueError(
                f"{name}.background: words could not be read on {own.background}: take a "
                f"{'lighter' if scheme is LIGHT else 'darker'} one"
            )
        variables.append(f"--paper:{paper}")
    chosen = own.accent or accent
    if chosen is not None:
        made = accent_on(parse_colour(chosen), scheme, paper)
        variables += [
            f"--accent:{made.accent}",
            f"--accent-hover:{made.hover}",
            f"--accent-soft:{made.soft}",
            f"--on-accent:{made.on_accent}",
        ]
    elif paper is not None:
        # The design's own accent is made for the design's own paper.
        variables.append(f"--accent:{accent_on(scheme.accent, scheme, paper).accent}")
    return variables
