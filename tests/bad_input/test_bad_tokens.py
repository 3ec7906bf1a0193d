"""Tokens that must not let anybody in, at signalling."""

import time
from collections.abc import Callable

import httpx
import pytest
import websockets
from livekit.protocol import rtc as signal
from wire import hand_made_token, joined, refusal, rtc_url

from servers import PEER, MediaServer

BAD_TOKENS: dict[str, Callable[[MediaServer], str | None]] = {
    "none": lambda _: None,
    "empty": lambda _: "",
    "no JWT": lambda _: "abc.def",
    "expired": lambda s: hand_made_token(s, exp=int(time.time()) - 3600),
    "wrong secret": lambda s: hand_made_token(s, secret="another secret, also long enough for it"),
    "unknown key": lambda s: hand_made_token(s, iss="stranger"),
    "alg none": lambda s: hand_made_token(s, algorithm="none"),
    "exp missing": lambda s: hand_made_token(s, exp=None),
    "not yet valid": lambda s: hand_made_token(s, nbf=int(time.time()) + 3600),
    "no grants": lambda s: hand_made_token(s, video=None),
    "may not join": lambda s: hand_made_token(s, video={"room": "r"}),
}

CASES = [case for case in BAD_TOKENS if not (PEER and case == "exp missing")]
"""livekit-server lets a token live for ever if it says nothing."""


@pytest.mark.parametrize("case", CASES)
async def test_a_bad_token_is_refused_with_401_before_the_upgrade(target: MediaServer, case: str) -> None:
    status, text = await refusal(target, BAD_TOKENS[case](target))
    assert status == 401
    assert text


@pytest.mark.parametrize("case", CASES)
async def test_validate_says_the_same_with_cors(target: MediaServer, case: str) -> None:
    url = rtc_url(target, BAD_TOKENS[case](target), "/rtc/validate", scheme="http")
    async with httpx.AsyncClient() as http:
        answer = await http.get(url, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 401
    assert answer.text
    assert answer.headers["access-control-allow-origin"] in ("*", "https://elsewhere.example")


async def test_a_token_for_one_room_does_not_open_another(target: MediaServer, room: str) -> None:
    async with joined(target, "victor", f"{room}-private") as victor, joined(target, "zoe", f"{room}-other"):
        # The address may ask for what it likes: the token's room counts.
        url = rtc_url(target, target.token("mallory", f"{room}-other"), room=f"{room}-private")
        async with websockets.connect(url) as socket:
            data = await socket.recv()
            assert isinstance(data, bytes)
            join = signal.SignalResponse.FromString(data).join
        assert join.room.name == f"{room}-other"
        assert [other.identity for other in join.other_participants] == ["zoe"]
        await victor.answers_pings()


async def test_a_header_wins_over_the_query(target: MediaServer) -> None:
    url = rtc_url(target, target.token("mallory", "r"))
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(url, additional_headers={"Authorization": "Bearer nonsense"})
    assert refused.value.response.status_code == 401
