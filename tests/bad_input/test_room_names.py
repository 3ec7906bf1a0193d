"""Names that no room may have, through signalling and through the API."""

from urllib.parse import quote

import httpx
import pytest
from wire import as_json, hand_made_token, joined, refusal

from servers import PEER, MediaServer

BAD_NAMES = {
    "empty": "",
    "only spaces": "   ",
    "256 characters": "r" * 256,
    "10 000 characters": "r" * 10_000,
    "a slash": "a/b",
    "a line break": "a\nb",
    "a null": "a\0b",
    "an escape": "a\x1b[31mb",
    "text turned round": "safe\u202egnp.exe",
    "a direction mark": "room\u200f",
    "an isolate": "\u2067room\u2069",
    "a line separator": "a\u2028b",
}
GOOD_NAMES = {
    "255 characters": "r" * 255,
    "other alphabets": "Комната 会议室 غرفة",
    "an emoji family": "👨‍👩‍👧 party",
    "punctuation": "a?b&c=d#e %2F \\ ..",
}
ours = pytest.mark.skipif(bool(PEER), reason="stricter than livekit-server, and the API is ours")


@ours
@pytest.mark.parametrize("case", BAD_NAMES)
async def test_signalling_refuses_it_with_400_and_says_why(target: MediaServer, case: str) -> None:
    token = hand_made_token(target, video={"roomJoin": True, "room": BAD_NAMES[case]})
    status, text = await refusal(target, token)
    assert status == 400
    assert "room" in text


@pytest.mark.parametrize("case", GOOD_NAMES)
async def test_signalling_takes_what_only_looks_odd(target: MediaServer, case: str) -> None:
    async with joined(target, "alice", GOOD_NAMES[case]) as alice:
        await alice.answers_pings()


@ours
@pytest.mark.parametrize("case", [case for case in BAD_NAMES if case != "empty"])
async def test_the_token_api_refuses_it_with_400_and_says_why(target: MediaServer, case: str) -> None:
    async with httpx.AsyncClient(base_url=target.http_url) as http:
        answer = await http.get("/api/video/token", params={"room": BAD_NAMES[case], "identity": "mallory"})
    _is_clear(answer)


@ours
@pytest.mark.parametrize("case", [case for case in BAD_NAMES if case not in ("empty", "a slash")])
async def test_the_exchange_api_refuses_it_with_400_and_says_why(target: MediaServer, case: str) -> None:
    bearer = {"Authorization": f"Bearer {hand_made_token(target, video={'roomJoin': True})}"}
    async with httpx.AsyncClient(base_url=target.http_url) as http:
        answer = await http.post(f"/api/video/rooms/{quote(BAD_NAMES[case], safe='')}/token", headers=bearer)
    _is_clear(answer)


@ours
async def test_a_slash_in_the_exchange_path_is_no_way_in(target: MediaServer) -> None:
    bearer = {"Authorization": f"Bearer {hand_made_token(target, video={'roomJoin': True})}"}
    async with httpx.AsyncClient(base_url=target.http_url) as http:
        for name in ("a/b", "a%2Fb", "..%2F..%2Fetc"):
            assert (await http.post(f"/api/video/rooms/{name}/token", headers=bearer)).status_code in (400, 404, 405)
        assert (await http.post("/api/video/rooms//token", headers=bearer)).status_code in (400, 404, 405)


@ours
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"video": {"roomJoin": True, "room": "elsewhere"}}, 403),
        ({"video": {"roomJoin": True}, "secret": "another secret, also long enough for it"}, 401),
        ({"video": {"roomJoin": True}, "exp": 1_000_000_000}, 401),
        ({"video": {"roomJoin": True}, "exp": None}, 401),
        ({"video": {"roomJoin": True}, "algorithm": "none"}, 401),
    ],
)
async def test_the_exchange_wants_a_good_token_that_names_no_other_room(
    target: MediaServer, changes: dict[str, object], status: int
) -> None:
    async with httpx.AsyncClient(base_url=target.http_url) as http:
        bearer = {"Authorization": f"Bearer {hand_made_token(target, **changes)}"}
        answer = await http.post("/api/video/rooms/atrium/token", headers=bearer)
        assert answer.status_code == status
        assert as_json(answer.text)["message"]
        assert (await http.post("/api/video/rooms/atrium/token")).status_code == 401


def _is_clear(answer: httpx.Response) -> None:
    assert answer.status_code == 400
    assert "room" in as_json(answer.text)["message"]
