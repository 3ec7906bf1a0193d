"""LiveKit's ids: a prefix that clients test, and twelve characters that nobody guesses."""

import secrets

from livekit.protocol import models

# shortuuid's alphabet: no character that looks like another one
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

_TRACK_LETTERS = {
    models.TrackSource.MICROPHONE: "M",
    models.TrackSource.CAMERA: "C",
    models.TrackSource.SCREEN_SHARE: "S",
    models.TrackSource.SCREEN_SHARE_AUDIO: "s",
}


def new_id(prefix: str) -> str:
    """A fresh id, e.g. ``PA_…`` for the prefix ``PA_``."""
    # One number and not twelve choices, each of which asks the system for randomness: a join makes a handful of ids.
    number, letters = secrets.randbelow(len(_ALPHABET) ** 12), ""
    for _ in range(12):
        number, digit = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[digit]
    return prefix + letters


def new_track_id(kind: models.TrackType, source: models.TrackSource) -> str:
    """A fresh track id whose first two letters tell its kind and source, as the reference's do."""
    return new_id("TR_" + ("A" if kind == models.TrackType.AUDIO else "V") + _TRACK_LETTERS.get(source, ""))
