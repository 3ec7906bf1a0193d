"""Room names: what is one, and what people are told if it is not."""

import pytest

from visavis.errors import ErrorKind, VisavisError
from visavis.rooms import parse_room_name


@pytest.mark.parametrize("name", ["a", "Küche 2", "会議室", "a" * 255, "👩‍👩‍👧", "حجرة", "a.b-c_d?#%"])
def test_names(name):
    assert parse_room_name(name) == name


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "1 to 255"),
        (" \t", "1 to 255"),
        ("a" * 256, "256 characters: use at most 255"),
        ("a/b", "'/'"),
        ("a\x00b", "control character U+0000"),
        ("a\nb", "control character U+000A"),
        ("a\x7fb", "control character U+007F"),
        ("a\u0085b", "control character U+0085"),
        ("a\u2028b", "control character U+2028"),
        ("a\ud800b", "control character U+D800"),
        ("a\u202eb", "direction control U+202E"),
        ("a\u2066b", "direction control U+2066"),
        ("a\u200fb", "direction control U+200F"),
    ],
)
def test_what_is_none(name, says):
    with pytest.raises(VisavisError) as refused:
        parse_room_name(name)
    assert says in refused.value.message
    assert (refused.value.kind, refused.value.status) == (ErrorKind.INVALID_ROOM_NAME, 400)
