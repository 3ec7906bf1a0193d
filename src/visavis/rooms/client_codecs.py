"""Codecs that some clients offer and cannot really use: they are told so, and nothing of these is negotiated."""

from collections.abc import Iterable
from dataclasses import dataclass

from livekit.protocol import models

# Later Safaris announce VP9 and send pictures that others cannot decode.
_LAST_SAFARI_WITH_VP9 = (18, 3)


@dataclass(frozen=True, slots=True)
class DisabledCodecs:
    """Mime types in lower case.

    Attributes:
        everywhere: neither sent nor received.
        publishing: received, but not sent.
    """

    everywhere: frozenset[str] = frozenset()
    publishing: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *, browser: str, browser_version: str, os: str, device_model: str) -> "DisabledCodecs":
        """LiveKit's list; the names as clients tell them, in whatever case."""
        browser, os = browser.lower(), os.lower()
        if browser == "safari":
            has_vp9 = _version(browser_version) <= _LAST_SAFARI_WITH_VP9
            return cls(frozenset({"video/av1"}), frozenset() if has_vp9 else frozenset({"video/vp9"}))
        # Firefox on these systems announces an encoder that it has not.
        is_firefox = browser in ("firefox", "firefox mobile") and os in ("linux", "android")
        is_xiaomi = device_model.lower() == "xiaomi 2201117ti" and os == "android"
        return cls(publishing=frozenset({"video/h264"})) if is_firefox or is_xiaomi else cls()

    def receivable(self, mime_types: Iterable[str]) -> tuple[str, ...]:
        """Those of `mime_types` that the client may be sent."""
        return tuple(mime for mime in mime_types if mime.lower() not in self.everywhere)

    def publishable(self, mime_types: Iterable[str]) -> tuple[str, ...]:
        """Those of `mime_types` that the client may send."""
        return tuple(mime for mime in self.receivable(mime_types) if mime.lower() not in self.publishing)

    def to_configuration(self, mime_types: Iterable[str]) -> models.ClientConfiguration | None:
        """As clients are told; None if there is nothing to tell.

        Args:
            mime_types: what there is, in the usual spelling.
        """
        if not self.everywhere and not self.publishing:
            return None
        there_is = list(mime_types)
        disabled = models.DisabledCodecs(
            codecs=[models.Codec(mime=mime) for mime in there_is if mime.lower() in self.everywhere],
            publish=[models.Codec(mime=mime) for mime in there_is if mime.lower() in self.publishing],
        )
        return models.ClientConfiguration(disabled_codecs=disabled)


def _version(text: str) -> tuple[int, int]:
    parts = [int(part) if part.isascii() and part.isdigit() else 0 for part in text.split(".")[:2]]
    return (parts[0], parts[1] if len(parts) > 1 else 0)
