"""Visavis: a video chat service in one process.

The parts that an application embeds: `Visavis`, the ASGI app to mount; `EmbeddedOptions`, how it runs; `User`, who a
caller is.
"""

from visavis.app import Visavis
from visavis.backend.embedded import EmbeddedBackend, EmbeddedOptions
from visavis.errors import ErrorKind, VisavisError
from visavis.identity import Identify, User

__all__ = ["EmbeddedBackend", "EmbeddedOptions", "ErrorKind", "Identify", "User", "Visavis", "VisavisError"]
