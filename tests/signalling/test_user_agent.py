"""Which browser and system a `User-Agent` tells of."""

import pytest

from visavis.rooms import ClientAbout
from visavis.signalling.user_agent import with_browser

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "browser", "version", "os"),
    [
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.4 Safari/605.1.15",
            "Safari",
            "18.4",
            "Mac OS X",
        ),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/128.0 Safari/537.36", "", "", "Mac OS X"),
        (
            f"Mozilla/5.0 (Linux; Android 14; wv) {WEBKIT} Version/4.0 Chrome/128 Mobile Safari/537.36",
            "",
            "",
            "Android",
        ),
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:128.0) Gecko/2010 Firefox/128.0", "Firefox", "128.0", "Linux"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0", "Firefox Mobile", "128.0", "Android"),
        ("", "", "", ""),
    ],
)
def test_the_header_tells(agent, browser, version, os):
    about = with_browser(ClientAbout(sdk="js"), agent)
    assert (about.browser, about.browser_version, about.os) == (browser, version, os)


def test_the_clients_own_word_wins():
    about = ClientAbout(sdk="flutter", browser="Chrome", browser_version="1", os="mac")
    assert with_browser(about, "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/2010 Firefox/128.0") == about
