"""What the operator sees and does: the same whatever backend the rooms live in, but for figures."""

from typing import Any

from caller import Caller
from livekit import rtc
from room_stage import Stage, publish

from clusters import ADMIN_TOKEN
from media import MICROPHONE


async def ask(stage: Stage, method: str, path: str, **options: Any) -> Any:
    answer = await stage.call(method, f"/api/admin{path}", ADMIN_TOKEN, **options)
    return answer.status_code, answer.json()


async def test_the_operator_sees_rooms_people_and_tracks(stage: Stage) -> None:
    maker: Caller = await stage.enter("maker")
    track = await publish(maker)

    # A cluster counts a moment later what it has told the participant already.
    async def with_people() -> Any:
        _, overview = await ask(stage, "GET", "/overview")
        return overview if overview["rooms"] >= 1 and overview["people"] >= 1 else None

    async def with_track() -> Any:
        _, rooms = await ask(stage, "GET", "/rooms")
        return next((room for room in rooms if room["name"] == stage.room and room["tracks"] == 1), None)

    overview = await stage.until(with_people)
    assert overview["hasFigures"] is (stage.video.name == "embedded")
    listed = await stage.until(with_track)
    _, room = await ask(stage, "GET", f"/rooms/{stage.room}")
    assert listed.keys() == room.keys() - {"people"} | {"people"}
    assert (listed["people"], listed["tracks"], listed["maxParticipants"]) == (1, 1, 50)
    [person] = room["people"]
    assert (person["identity"], person["name"], person["kind"], person["state"]) == (
        "maker",
        "Maker",
        "standard",
        "active",
    )
    [told] = person["tracks"]
    assert (told["sid"], told["kind"], told["source"], told["isMuted"]) == (track, "audio", "microphone", False)


async def test_the_operator_mutes_removes_and_ends(stage: Stage) -> None:
    maker, guest = await stage.enter("maker"), await stage.enter("guest")
    track = await publish(guest)
    await maker.track_of(guest, MICROPHONE)
    path = f"/rooms/{stage.room}"
    assert (await ask(stage, "POST", f"{path}/mute", json={"identity": "guest", "track": track}))[0] == 200
    await maker.event("track_muted", lambda who, _: who.identity == "guest")
    assert (await ask(stage, "POST", f"{path}/remove", json={"identity": "guest"}))[0] == 200
    assert await guest.event("disconnected") == (rtc.DisconnectReason.PARTICIPANT_REMOVED,)
    assert (await ask(stage, "POST", f"{path}/end"))[0] == 200
    assert await maker.event("disconnected") == (rtc.DisconnectReason.ROOM_DELETED,)


async def test_what_is_gone_is_told_with_words(stage: Stage) -> None:
    await stage.enter("maker")
    for path, body, expected in (
        ("nowhere/end", {}, (404, "room_not_found")),
        (f"{stage.room}/remove", {"identity": "nobody"}, (403, "not_in_room")),
        (f"{stage.room}/mute", {"identity": "nobody", "track": "TR_none"}, (403, "not_in_room")),
        (f"{stage.room}/mute", {"identity": "maker", "track": "TR_none"}, (404, "track_not_found")),
    ):
        status, answer = await ask(stage, "POST", f"/rooms/{path}", json=body)
        assert (status, answer["error"]) == expected
    assert (await ask(stage, "GET", "/rooms/nowhere"))[0] == 404
