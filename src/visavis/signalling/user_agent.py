"""What the `User-Agent` tells of a browser, for clients that do not say it themselves, as livekit-client does not.

Only what `visavis.rooms.client_codecs` asks for is recognized.
"""

import re
from dataclasses import replace

from visavis.rooms import ClientAbout

# Native ones are in no browser, whatever their HTTP library says of itself.
_IN_BROWSERS = frozenset({"", "unknown", "js", "reactnative", "react_native", "flutter", "unity"})

_FIREFOX = re.compile(r"\bFirefox/([\d.]+)")
_SAFARI = re.compile(r"\(Macintosh;.*\bVersion/([\d.]+) Safari/")


def with_browser(about: ClientAbout, user_agent: str) -> ClientAbout:
    """`about`, with browser and system from the header where the client did not tell them."""
    if about.sdk not in _IN_BROWSERS:
        return about
    browser, version = _browser(user_agent)
    return replace(
        about,
        browser=about.browser or browser,
        browser_version=about.browser_version if about.browser else version,
        os=about.os or _system(user_agent),
    )


def _browser(user_agent: str) -> tuple[str, str]:
    if (found := _FIREFOX.search(user_agent)) is not None:
        return "Firefox Mobile" if "Mobile" in user_agent else "Firefox", found[1]
    if (found := _SAFARI.search(user_agent)) is not None:
        return "Safari", found[1]
    return "", ""


def _system(user_agent: str) -> str:
    for system in ("Android", "Linux", "Mac OS X", "Windows"):
        if system in user_agent:
            return system
    return ""
