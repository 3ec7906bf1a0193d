"""The server API: what a host application may do with rooms and the people in them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from livekit import api
from livekit.protocol import models
from livekit.protocol import room as protocol
from livekit.protocol import rtc as signal
from participant import Join, Participant
from wiretap import Call, carries

from media import playing_tone
from servers import MediaServer

SERVICE = "/twirp/livekit.RoomService"
LONG = "x" * (512 * 1024 + 1)

GRANT_OF: dict[str, str] = {
    "CreateRoom": "room_create",
    "ListRooms": "room_list",
    "DeleteRoom": "room_create",
    **dict.fromkeys(
        (
            "ListParticipants",
            "GetParticipant",
            "RemoveParticipant",
            "MutePublishedTrack",
            "UpdateParticipant",
            "UpdateSubscriptions",
            "SendData",
            "UpdateRoomMetadata",
            "PerformRpc",
            "ForwardParticipant",
            "MoveParticipant",
        ),
        "room_admin",
    ),
}
GRANTS = ("room_create", "room_list", "room_admin", "room_join", "room_record")


class Caller:
    """Calls methods with whatever grants a test gives, and shows the raw answers."""

    def __init__(self, server: MediaServer, http: httpx.AsyncClient) -> None:
        self._server = server
        self._http = http

    async def post(
        self, method: str, body: dict[str, Any] | bytes, content_type: str = "application/json", **grants: Any
    ) -> httpx.Response:
        token = api.AccessToken(self._server.api_key, self._server.api_secret)
        token = token.with_identity("moderator").with_grants(api.VideoGrants(**grants)).to_jwt()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self._http.post(f"{SERVICE}/{method}", content=content, headers=headers)


@pytest.fixture
async def caller(server: MediaServer) -> AsyncIterator[Caller]:
    async with httpx.AsyncClient(base_url=server.http_url, timeout=10) as http:
        yield Caller(server, http)


@pytest.fixture
async def moderator(server: MediaServer) -> AsyncIterator[api.LiveKitAPI]:
    """The PyPI client, which gives itself the grants that it needs."""
    async with api.LiveKitAPI(server.http_url, server.api_key, server.api_secret) as client:
        yield client


def failed(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/json"


# -- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", GRANT_OF)
async def test_each_method_wants_its_grant(caller: Caller, room: str, method: str) -> None:
    for grant in GRANTS:
        if grant != GRANT_OF[method]:
            answer = await caller.post(
                method, {"room": room, "name": room, "identity": "a"}, room=room, **{grant: True}
            )
            failed(answer, 401, "unauthenticated")
            assert answer.json()["msg"] == "permissions denied"


@pytest.mark.parametrize("method", [method for method, grant in GRANT_OF.items() if grant == "room_admin"])
async def test_an_admin_is_one_of_its_own_room_only(caller: Caller, room: str, method: str) -> None:
    failed(
        await caller.post(method, {"room": room, "identity": "a"}, room_admin=True, room="other"),
        401,
        "unauthenticated",
    )


@pytest.mark.parametrize("method", ["ForwardParticipant", "MoveParticipant"])
async def test_moving_wants_a_grant_of_the_destination(caller: Caller, room: str, method: str) -> None:
    grants: dict[str, Any] = {"room_admin": True, "room": room, "destination_room": "there"}
    body = {"room": room, "identity": "a", "destination_room": "elsewhere"}
    failed(await caller.post(method, body, **grants), 401, "unauthenticated")
    grants["destination_room"] = body["destination_room"] = room
    failed(await caller.post(method, body, **grants), 400, "invalid_argument")


async def test_every_method_is_in_the_table(caller: Caller) -> None:
    service = protocol.DESCRIPTOR.services_by_name["RoomService"]
    assert {method.name for method in service.methods} == set(GRANT_OF)
    for method in GRANT_OF:
        assert (await caller.post(method, {})).json()["code"] == "unauthenticated"


async def test_without_a_good_token(server: MediaServer) -> None:
    async with httpx.AsyncClient(base_url=server.http_url) as http:
        failed(await http.post(f"{SERVICE}/ListRooms", json={}), 401, "unauthenticated")
        for header in ("Bearer nonsense", "nonsense"):
            answer = await http.post(f"{SERVICE}/ListRooms", json={}, headers={"Authorization": header})
            assert answer.status_code == 401
            assert answer.headers["content-type"].startswith("text/plain")


# -- how --------------------------------------------------------------------------------------------------------------


async def test_what_is_no_call(caller: Caller, server: MediaServer) -> None:
    failed(await caller.post("Nothing", {}, room_list=True), 404, "bad_route")
    failed(await caller.post("ListRooms", {}, "text/plain", room_list=True), 404, "bad_route")
    failed(await caller.post("ListRooms", b"{", room_list=True), 400, "malformed")
    failed(await caller.post("ListRooms", {"names": 5}, room_list=True), 400, "malformed")
    failed(await caller.post("ListRooms", b"[]", room_list=True), 400, "malformed")
    failed(await caller.post("ListRooms", b"\xff\xff", "application/protobuf", room_list=True), 400, "malformed")
    async with httpx.AsyncClient(base_url=server.http_url) as http:
        failed(await http.get(f"{SERVICE}/ListRooms"), 404, "bad_route")
        assert (await http.post("/twirp/livekit.Nothing/Nothing", json={})).status_code == 404


async def test_json_is_read_in_both_spellings_and_written_with_proto_names(caller: Caller, room: str) -> None:
    for body in ({"name": room, "emptyTimeout": 77}, {"name": room, "empty_timeout": 77, "unknown": 1}):
        answer = await caller.post("CreateRoom", body, "application/json; charset=utf-8", room_create=True)
        assert answer.json()["empty_timeout"] == 77
        assert answer.json()["num_participants"] == 0


@pytest.mark.parametrize("method", ["Egress/ListEgress", "Ingress/ListIngress", "SIP/ListSIPTrunk"])
async def test_services_that_one_process_has_not(server: MediaServer, method: str) -> None:
    token = api.AccessToken(server.api_key, server.api_secret).with_sip_grants(api.SIPGrants(admin=True, call=True))
    token = token.with_grants(api.VideoGrants(room_record=True, ingress_admin=True))
    async with httpx.AsyncClient(base_url=server.http_url) as http:
        path = f"/twirp/livekit.{method}"
        failed(await http.post(path, json={}), 401, "unauthenticated")
        answer = await http.post(path, json={}, headers={"Authorization": f"Bearer {token.to_jwt()}"})

    # livekit-server wants Redis for them, and says so as an internal error.
    assert answer.json()["code"] in {"internal", "unimplemented"}


# -- rooms ------------------------------------------------------------------------------------------------------------


async def test_a_room_is_made_listed_and_deleted(moderator: api.LiveKitAPI, room: str) -> None:
    wanted = api.CreateRoomRequest(name=room, empty_timeout=55, departure_timeout=33, max_participants=3, metadata="m")
    made = await moderator.room.create_room(wanted)
    assert made.sid.startswith("RM_")
    assert (made.name, made.empty_timeout, made.departure_timeout) == (room, 55, 33)
    assert (made.max_participants, made.metadata, made.num_participants) == (3, "m", 0)
    again = await moderator.room.create_room(api.CreateRoomRequest(name=room))
    assert (again.sid, again.empty_timeout, again.metadata) == (made.sid, 55, "m")

    listed = await moderator.room.list_rooms(api.ListRoomsRequest(names=[room, "another"]))
    assert [each.sid for each in listed.rooms] == [made.sid]
    assert made.sid in [each.sid for each in (await moderator.room.list_rooms(api.ListRoomsRequest())).rooms]

    await moderator.room.delete_room(api.DeleteRoomRequest(room=room))
    assert not (await moderator.room.list_rooms(api.ListRoomsRequest(names=[room]))).rooms


async def test_a_made_room_has_its_metadata_for_who_joins(moderator: api.LiveKitAPI, join: Join, room: str) -> None:
    made = await moderator.room.create_room(api.CreateRoomRequest(name=room, metadata="agenda"))
    assert ((await join("alice")).joined.room.sid, "agenda") == (made.sid, "agenda")


async def test_wrong_rooms(caller: Caller, room: str) -> None:
    admin: dict[str, Any] = {"room_admin": True, "room": room, "room_create": True}
    failed(await caller.post("CreateRoom", {"name": "x" * 300}, **admin), 400, "invalid_argument")
    failed(await caller.post("CreateRoom", {"name": room, "metadata": LONG}, **admin), 400, "invalid_argument")
    failed(await caller.post("CreateRoom", {"name": room, "roomPreset": "no"}, **admin), 400, "invalid_argument")
    failed(await caller.post("DeleteRoom", {"room": room}, **admin), 404, "not_found")
    failed(await caller.post("UpdateRoomMetadata", {"room": room}, **admin), 404, "not_found")
    failed(await caller.post("UpdateRoomMetadata", {"room": room, "metadata": LONG}, **admin), 400, "invalid_argument")
    assert (await caller.post("ListParticipants", {"room": room}, **admin)).json() == {"participants": []}


async def test_deleting_a_room_ends_its_call(moderator: api.LiveKitAPI, alice: Participant, room: str) -> None:
    await moderator.room.delete_room(api.DeleteRoomRequest(room=room))
    assert (await alice.until("leave")).reason == models.DisconnectReason.ROOM_DELETED


async def test_room_metadata_is_told_to_all(moderator: api.LiveKitAPI, alice: Participant, room: str) -> None:
    changed = await moderator.room.update_room_metadata(api.UpdateRoomMetadataRequest(room=room, metadata="new"))
    assert changed.metadata == "new"
    await alice.until("room_update", lambda update: update.room.metadata == "new")


# -- people -----------------------------------------------------------------------------------------------------------


async def test_participants_are_listed(
    moderator: api.LiveKitAPI, alice: Participant, bob: Participant, room: str
) -> None:
    listed = await moderator.room.list_participants(api.ListParticipantsRequest(room=room))
    assert {each.identity for each in listed.participants} == {"alice", "bob"}
    info = await moderator.room.get_participant(api.RoomParticipantIdentity(room=room, identity="alice"))
    assert info.sid == alice.joined.participant.sid


@pytest.mark.parametrize("method", ["GetParticipant", "RemoveParticipant", "UpdateParticipant"])
async def test_nobody_of_that_name(caller: Caller, alice: Participant, room: str, method: str) -> None:
    body = {"room": room, "identity": "nobody", "metadata": "m"}
    failed(await caller.post(method, body, room_admin=True, room=room), 404, "not_found")


async def test_nothing_is_done_to_nobody(caller: Caller, room: str) -> None:
    body = {"room": room, "identity": "nobody", "destination_identity": "nobody", "destination_room": "there"}
    methods = ["MutePublishedTrack", "UpdateSubscriptions", "PerformRpc", "ForwardParticipant", "MoveParticipant"]
    grants: dict[str, Any] = {"room_admin": True, "room": room, "destination_room": "there"}

    answers = await asyncio.gather(*(caller.post(method, body, **grants) for method in [*methods, "SendData"]))

    # livekit-server waits three seconds for somebody to answer: "unavailable".
    assert {answer.json()["code"] for answer in answers} <= {"not_found", "unavailable"}


async def test_a_removed_participant_is_told_and_so_are_the_others(
    moderator: api.LiveKitAPI, alice: Participant, bob: Participant, room: str
) -> None:
    await moderator.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="alice"))
    leave = await alice.until("leave")
    assert leave.reason == models.DisconnectReason.PARTICIPANT_REMOVED
    assert leave.action == signal.LeaveRequest.DISCONNECT
    gone = await bob.update_about("alice", lambda info: info.state == models.ParticipantInfo.DISCONNECTED)
    assert gone.disconnect_reason == models.DisconnectReason.PARTICIPANT_REMOVED


async def test_a_profile_is_changed_for_all(
    moderator: api.LiveKitAPI, alice: Participant, bob: Participant, room: str
) -> None:
    request = api.UpdateParticipantRequest(
        room=room, identity="alice", name="Alice", metadata="m", attributes={"a": "1", "b": "2"}
    )
    assert (await moderator.room.update_participant(request)).name == "Alice"
    for witness in (alice, bob):
        # livekit-server tells each change by itself.
        info = await witness.update_about("alice", lambda info: dict(info.attributes) == {"a": "1", "b": "2"})
        assert (info.name, info.metadata) == ("Alice", "m")
    await alice.until("refresh_token")

    less = api.UpdateParticipantRequest(room=room, identity="alice", attributes={"a": ""})
    assert (await moderator.room.update_participant(less)).metadata == "m"
    await bob.update_about("alice", lambda info: dict(info.attributes) == {"b": "2"})


@pytest.mark.parametrize(
    "change",
    [{"metadata": LONG}, {"name": "x" * 257}, {"attributes": {"a": "x" * (64 * 1024)}}],
    ids=lambda c: next(iter(c)),
)
async def test_a_profile_has_limits(caller: Caller, alice: Participant, room: str, change: dict[str, Any]) -> None:
    body = {"room": room, "identity": "alice", **change}
    failed(await caller.post("UpdateParticipant", body, room_admin=True, room=room), 400, "invalid_argument")


async def test_permissions_change_at_once(
    moderator: api.LiveKitAPI, alice: Participant, bob: Participant, room: str
) -> None:
    permission = models.ParticipantPermission(can_subscribe=True, can_publish=False, can_publish_data=True)
    request = api.UpdateParticipantRequest(room=room, identity="alice", permission=permission)
    assert not (await moderator.room.update_participant(request)).permission.can_publish
    for witness in (alice, bob):
        await witness.update_about("alice", lambda info: not info.permission.can_publish)
    await alice.send(add_track=signal.AddTrackRequest(cid="c", type=models.TrackType.AUDIO))
    assert (await alice.until("request_response")).reason == signal.RequestResponse.NOT_ALLOWED


async def test_who_may_no_longer_publish_stops(moderator: api.LiveKitAPI, call: Call, join: Join, room: str) -> None:
    alice, wire = await call("alice")
    bob = await join("bob")
    async with playing_tone(alice, 440):
        await bob.update_about("alice", lambda info: len(info.tracks) == 1)
        permission = models.ParticipantPermission(can_subscribe=True, can_publish=False)
        request = api.UpdateParticipantRequest(room=room, identity="alice", permission=permission)
        await moderator.room.update_participant(request)
        await bob.update_about("alice", lambda info: not info.tracks)
        await wire.update_about("alice", lambda info: not info.permission.can_publish)


# -- tracks and data --------------------------------------------------------------------------------------------------


async def test_a_track_is_muted_for_all_and_not_unmuted(
    moderator: api.LiveKitAPI, caller: Caller, call: Call, join: Join, room: str
) -> None:
    alice, wire = await call("alice")
    bob = await join("bob")
    async with playing_tone(alice, 440) as published:
        await bob.update_about("alice", lambda info: len(info.tracks) == 1)
        request = api.MuteRoomTrackRequest(room=room, identity="alice", track_sid=published.sid, muted=True)
        assert (await moderator.room.mute_published_track(request)).track.muted
        told = await wire.until("mute")
        assert (told.sid, told.muted) == (published.sid, True)
        await bob.update_about("alice", lambda info: bool(info.tracks) and info.tracks[0].muted)
        body = {"room": room, "identity": "alice", "track_sid": published.sid, "muted": False}
        failed(await caller.post("MutePublishedTrack", body, room_admin=True, room=room), 412, "failed_precondition")
        body |= {"muted": True, "track_sid": "TR_none"}
        assert not (await caller.post("MutePublishedTrack", body, room_admin=True, room=room)).json().get("track")


async def test_subscriptions_are_changed_for_somebody(moderator: api.LiveKitAPI, call: Call, room: str) -> None:
    alice, _ = await call("alice")
    _, wire = await call("bob")
    async with playing_tone(alice, 440) as published:
        await wire.described(carries(published.sid))
        for wanted in (False, True):
            request = api.UpdateSubscriptionsRequest(
                room=room, identity="bob", track_sids=[published.sid], subscribe=wanted
            )
            await moderator.room.update_subscriptions(request)
            # One asked for before the other was carried out may cancel it: livekit-server compares what is wanted last.
            await wire.described(carries(published.sid) if wanted else carries())


async def test_data_of_nobody_reaches_all_or_the_named(moderator: api.LiveKitAPI, call: Call, room: str) -> None:
    alice, _ = await call("alice")
    bob, _ = await call("bob")

    async def send(text: str, **to: Any) -> None:
        request = api.SendDataRequest(room=room, data=text.encode(), kind=models.DataPacket.RELIABLE, topic="t", **to)
        await moderator.room.send_data(request)

    await send("to bob", destination_identities=["bob"])
    await send("to nobody", destination_identities=["nobody"])
    await send("to all")
    for who, wanted in ((alice, ["to all"]), (bob, ["to bob", "to all"])):
        await who.event("data_received", lambda packet: packet.data == b"to all")
        packets = [packet for (packet,) in who.all("data_received")]
        assert [packet.data.decode() for packet in packets] == wanted
        assert {(packet.participant, packet.topic) for packet in packets} == {(None, "t")}


async def test_a_nonce_has_16_bytes(caller: Caller, alice: Participant, room: str) -> None:
    body = {"room": room, "data": "aGk=", "nonce": "aGk="}
    failed(await caller.post("SendData", body, room_admin=True, room=room), 400, "invalid_argument")
