"""Colours of a theme, so that what is written with them can be read: WCAG 2.2's contrast, and shades that reach it.

The page does the same for a colour in its address (`web/src/theme/colours.ts`); the cases of both are one file.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

READABLE = 4.5
"""The contrast that WCAG 2.2 AA asks of text (1.4.3)."""

_HEX = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


class Colour(NamedTuple):
    """A colour of sRGB, each part 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


@dataclass(frozen=True, slots=True)
class Scheme:
    """What the design puts an accent on, light or dark; the values of `web/src/design/design.css`."""

    paper: Colour
    surface: Colour
    ink: Colour
    ink_2: Colour
    accent: Colour
    towards: Colour
    """What an accent is mixed with until it stands out."""


_BLACK, _WHITE = Colour(0, 0, 0), Colour(255, 255, 255)

LIGHT = Scheme(
    paper=Colour(0xF5, 0xF4, 0xF0),
    surface=_WHITE,
    ink=Colour(0x1B, 0x1C, 0x20),
    ink_2=Colour(0x5A, 0x5B, 0x62),
    accent=Colour(0x0F, 0x6B, 0x5F),
    towards=_BLACK,
)
DARK = Scheme(
    paper=Colour(0x13, 0x14, 0x17),
    surface=Colour(0x1D, 0x1F, 0x24),
    ink=Colour(0xF1, 0xF0, 0xEC),
    ink_2=Colour(0xA9, 0xAB, 0xB3),
    accent=Colour(0x54, 0xCD, 0xB9),
    towards=_WHITE,
)


@dataclass(frozen=True, slots=True)
class Accent:
    """An accent that can be read on a scheme, and what goes with it."""

    accent: Colour
    hover: Colour
    soft: Colour
    on_accent: Colour


def parse_colour(text: str) -> Colour:
    """Reads ``#rgb`` or ``#rrggbb``.

    Raises:
        ValueError: it is none.
    """
    match = _HEX.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no colour such as #0f6b5f")
    digits = match[1] if len(match[1]) == 6 else "".join(digit * 2 for digit in match[1])
    return Colour(*(int(digits[at : at + 2], 16) for at in (0, 2, 4)))


def contrast(first: Colour, second: Colour) -> float:
    """WCAG's contrast of two colours: 1 (none) to 21."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def accent_on(given: Colour, scheme: Scheme, paper: Colour | None = None) -> Accent:
    """The accent nearest to `given` that can be read on a scheme: it is the colour of words, too, not only of surfaces.

    Args:
        given: as somebody chose it, for light and dark alike.
        scheme: where it is seen.
        paper: another background than the scheme's.
    """
    step, accent, soft = 0, given, _mixed(given, scheme.surface, 0.86)
    # Black and white themselves, the last step, can be read on any paper that is let through.
    while step < 20 and any(
        contrast(accent, behind) < READABLE for behind in (scheme.surface, paper or scheme.paper, soft)
    ):
        step += 1
        accent = _mixed(given, scheme.towards, step / 20)
        soft = _mixed(accent, scheme.surface, 0.86)
    # Of black and white, one always has 4.5 on any colour.
    on_accent = _WHITE if contrast(accent, _WHITE) >= READABLE else _BLACK
    away = _BLACK if on_accent == _WHITE else _WHITE
    return Accent(accent, _mixed(accent, away, 0.14), soft, on_accent)


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    # Rounded half up, as JavaScript does: both must come to the same colour.
    return Colour(*(int(a + (b - a) * share + 0.5) for a, b in zip(first, second, strict=True)))


def _luminance(colour: Colour) -> float:
    def linear(part: int) -> float:
        value = part / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue)
