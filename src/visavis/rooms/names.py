"""What may be the name of a room. Parsed once, at the border; inside, names are valid."""

import unicodedata

from visavis.errors import ErrorKind, VisavisError

MAX_LENGTH = 255

# They reorder the text around them, so that a name can look like another one (Unicode TR 36, section 2.7).
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def parse_room_name(text: str) -> str:
    """The name itself if it is one.

    Raises:
        VisavisError: `INVALID_ROOM_NAME`; the message says which rule is broken and what to do.
    """
    if not text.strip():
        raise _invalid("no room name: give the room a name of 1 to 255 characters")
    if len(text) > MAX_LENGTH:
        raise _invalid(f"the room name has {len(text)} characters: use at most {MAX_LENGTH}")
    if "/" in text:
        raise _invalid(f"the room name {text!r} has a '/': leave it out, names become part of addresses")
    for character in text:
        if character in _BIDI_CONTROLS:
            raise _invalid(
                f"the room name {text!r} has the text direction control U+{ord(character):04X}: leave it out"
            )
        # Cc control, Cs lone surrogate, Zl and Zp line and paragraph separators: none can be shown on one line
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise _invalid(f"the room name {text!r} has the control character U+{ord(character):04X}: leave it out")
    return text


def _invalid(message: str) -> VisavisError:
    return VisavisError(ErrorKind.INVALID_ROOM_NAME, message)
