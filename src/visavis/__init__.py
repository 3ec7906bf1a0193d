"""Visavis: a video chat service in one process.

The parts that an application embeds: `Visavis`, the ASGI app to mount; `EmbeddedOptions`, how it runs; `User`, who a
caller is; `PageOptions` and `load_theme`, who may embed the page and how it looks.
"""

from visavis.app import Visavis
from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions
from visavis.errors import ErrorKind, VisavisError
from visavis.identity import Identify, User
from visavis.page import PageOptions
from visavis.theme import Theme, load_theme

__all__ = [
    "EmbeddedBackend",
    "EmbeddedOptions",
    "ErrorKind",
    "Identify",
    "PageOptions",
    "Theme",
    "User",
    "Visavis",
    "VisavisError",
    "load_theme",
]
