"""LiveKit's RoomService: what a host application may do with rooms and the people in them.

Each method checks the caller's grants first. Those with `roomAdmin` are for exactly the room that the token names.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from livekit.protocol import models, room, rtc

from visavis.auth import Claims, VideoGrants
from visavis.rooms import Permissions
from visavis.signalling import LiveRoom, RoomRegistry, Session, data_tracks, moderation, rpc
from visavis.signalling.messages import Reason
from visavis.signalling.profile import check_attributes, checked_metadata, update_profile
from visavis.signalling.publishing import set_permissions
from visavis.signalling.subscribing import update_subscription
from visavis.twirp.protocol import Code, TwirpError

_NONCE_BYTES = 16

# What callers are told of an RPC that failed; the errors of the client's own are "internal".
_RPC_CODES: Mapping[int, Code] = {
    rpc.UNSUPPORTED_METHOD: "invalid_argument",
    rpc.RECIPIENT_NOT_FOUND: "not_found",
    rpc.REQUEST_TOO_LARGE: "invalid_argument",
    rpc.UNSUPPORTED_SERVER: "unimplemented",
    rpc.UNSUPPORTED_VERSION: "unimplemented",
    rpc.CONNECTION_TIMEOUT: "canceled",
    rpc.RESPONSE_TIMEOUT: "canceled",
    rpc.RECIPIENT_DISCONNECTED: "not_found",
}


@dataclass(frozen=True, slots=True)
class Method:
    """One method: the message it takes, and what it does."""

    request: type[Message]
    handle: Callable[[RoomRegistry, Claims | None, Any], Message | Awaitable[Message]]


def _create_room(registry: RoomRegistry, claims: Claims | None, request: room.CreateRoomRequest) -> models.Room:
    _require(claims, lambda grants: grants.room_create)
    if request.HasField("egress"):
        raise TwirpError("unimplemented", "rooms are not recorded here: leave `egress` out")
    configuration = room.RoomConfiguration(
        max_participants=request.max_participants,
        empty_timeout=request.empty_timeout,
        departure_timeout=request.departure_timeout,
        metadata=checked_metadata(request.metadata),
        agents=request.agents,
        min_playout_delay=request.min_playout_delay,
        max_playout_delay=request.max_playout_delay,
        sync_streams=request.sync_streams,
    )
    for agent in request.agents:
        checked_metadata(agent.metadata)
        check_attributes(agent.attributes)
    return registry.open_room(request.name, configuration, preset=request.room_preset).room.info()


def _list_rooms(registry: RoomRegistry, claims: Claims | None, request: room.ListRoomsRequest) -> Message:
    _require(claims, lambda grants: grants.room_list)
    names = set(request.names)
    return room.ListRoomsResponse(rooms=[live.room.info() for live in registry if not names or live.room.name in names])


def _delete_room(registry: RoomRegistry, claims: Claims | None, request: room.DeleteRoomRequest) -> Message:
    _require(claims, lambda grants: grants.room_create)
    registry.end_room(_room(registry, request.room), Reason.ROOM_DELETED)
    return room.DeleteRoomResponse()


def _list_participants(registry: RoomRegistry, claims: Claims | None, request: room.ListParticipantsRequest) -> Message:
    require_admin(claims, request.room)
    live = registry.get(request.room)
    participants = [] if live is None else [each.info() for each in live.room.participants]
    return room.ListParticipantsResponse(participants=participants)


def _get_participant(registry: RoomRegistry, claims: Claims | None, request: room.RoomParticipantIdentity) -> Message:
    require_admin(claims, request.room)
    return _session(registry, request.room, request.identity)[1].participant.info()


def _remove_participant(
    registry: RoomRegistry, claims: Claims | None, request: room.RoomParticipantIdentity
) -> Message:
    require_admin(claims, request.room)
    live, session = _session(registry, request.room, request.identity)
    live.remove(session, Reason.PARTICIPANT_REMOVED)
    return room.RemoveParticipantResponse()


def _mute_published_track(registry: RoomRegistry, claims: Claims | None, request: room.MuteRoomTrackRequest) -> Message:
    require_admin(claims, request.room)
    live, session = _session(registry, request.room, request.identity)
    if not request.muted:
        raise TwirpError("failed_precondition", "remote unmute not enabled")
    track = moderation.mute(live, session, request.track_sid)
    return room.MuteRoomTrackResponse(track=None if track is None else track.info)


def _update_participant(
    registry: RoomRegistry, claims: Claims | None, request: room.UpdateParticipantRequest
) -> Message:
    require_admin(claims, request.room)
    live, session = _session(registry, request.room, request.identity)
    if update_profile(live, session, name=request.name, metadata=request.metadata, attributes=request.attributes):
        live.refresh_token(session)
    if request.HasField("permission"):
        set_permissions(live, session, Permissions.from_message(request.permission))
        data_tracks.permissions_changed(live, session)
    return session.participant.info()


def _update_subscriptions(
    registry: RoomRegistry, claims: Claims | None, request: room.UpdateSubscriptionsRequest
) -> Message:
    require_admin(claims, request.room)
    live, session = _session(registry, request.room, request.identity)
    wish = rtc.UpdateSubscription(
        track_sids=request.track_sids, subscribe=request.subscribe, participant_tracks=request.participant_tracks
    )
    update_subscription(live, session, wish)
    return room.UpdateSubscriptionsResponse()


def _send_data(registry: RoomRegistry, claims: Claims | None, request: room.SendDataRequest) -> Message:
    require_admin(claims, request.room)
    if len(request.nonce) not in (0, _NONCE_BYTES):
        raise TwirpError(
            "invalid_argument", f"nonce should be {_NONCE_BYTES}-bytes or not present, got: {len(request.nonce)} bytes"
        )
    moderation.send_data(_room(registry, request.room), request)
    return room.SendDataResponse()


def _update_room_metadata(
    registry: RoomRegistry, claims: Claims | None, request: room.UpdateRoomMetadataRequest
) -> Message:
    require_admin(claims, request.room)
    metadata = checked_metadata(request.metadata)
    live = _room(registry, request.room)
    moderation.set_room_metadata(live, metadata)
    return live.room.info()


def _forward_or_move(
    registry: RoomRegistry,
    claims: Claims | None,
    request: room.ForwardParticipantRequest | room.MoveParticipantRequest,
) -> Message:
    grants = require_admin(claims, request.room)
    if grants.destination_room != request.destination_room:
        raise _denied()
    if request.room == request.destination_room:
        raise TwirpError("invalid_argument", "the destination is the room that the participant is in: name another")
    _session(registry, request.room, request.identity)
    # The code is livekit-server's, which has only the cloud do this.
    raise TwirpError("unknown", "not implemented: participants cannot be forwarded or moved between rooms here")


async def _perform_rpc(registry: RoomRegistry, claims: Claims | None, request: room.PerformRpcRequest) -> Message:
    require_admin(claims, request.room)
    if not request.destination_identity:
        raise TwirpError("invalid_argument", "destination identity is required")
    live, session = _session(registry, request.room, request.destination_identity)
    try:
        payload = await rpc.perform_rpc(
            live.engine, session, request.method, request.payload, request.response_timeout_ms
        )
    except rpc.Unreachable as error:
        raise TwirpError("internal", str(error)) from error
    except rpc.RpcError as error:
        raise TwirpError(_RPC_CODES.get(error.code, "internal"), str(error)) from error
    return room.PerformRpcResponse(payload=payload)


ROOM_SERVICE: Mapping[str, Method] = {
    "CreateRoom": Method(room.CreateRoomRequest, _create_room),
    "ListRooms": Method(room.ListRoomsRequest, _list_rooms),
    "DeleteRoom": Method(room.DeleteRoomRequest, _delete_room),
    "ListParticipants": Method(room.ListParticipantsRequest, _list_participants),
    "GetParticipant": Method(room.RoomParticipantIdentity, _get_participant),
    "RemoveParticipant": Method(room.RoomParticipantIdentity, _remove_participant),
    "MutePublishedTrack": Method(room.MuteRoomTrackRequest, _mute_published_track),
    "UpdateParticipant": Method(room.UpdateParticipantRequest, _update_participant),
    "UpdateSubscriptions": Method(room.UpdateSubscriptionsRequest, _update_subscriptions),
    "SendData": Method(room.SendDataRequest, _send_data),
    "UpdateRoomMetadata": Method(room.UpdateRoomMetadataRequest, _update_room_metadata),
    "PerformRpc": Method(room.PerformRpcRequest, _perform_rpc),
    "ForwardParticipant": Method(room.ForwardParticipantRequest, _forward_or_move),
    "MoveParticipant": Method(room.MoveParticipantRequest, _forward_or_move),
}


def _require(claims: Claims | None, permits: Callable[[VideoGrants], bool]) -> VideoGrants:
    if claims is None or claims.video is None or not permits(claims.video):
        raise _denied()
    return claims.video


def require_admin(claims: Claims | None, name: str) -> VideoGrants:
    """Checks that the caller may moderate exactly this room; returns its grants."""
    return _require(claims, lambda grants: grants.room_admin and grants.room == name)


def _denied() -> TwirpError:
    return TwirpError("unauthenticated", "permissions denied")


def _room(registry: RoomRegistry, name: str) -> LiveRoom:
    live = registry.get(name)
    if live is None:
        raise TwirpError("not_found", "requested room does not exist")
    return live


def _session(registry: RoomRegistry, name: str, identity: str) -> tuple[LiveRoom, Session]:
    live = registry.get(name)
    participant = None if live is None else live.room.by_identity(identity)
    if live is None or participant is None:
        raise TwirpError("not_found", "participant does not exist")
    return live, live.sessions[participant.sid]
