"""LiveKit's AgentDispatchService: asking for agents in a room."""

from collections.abc import Mapping

from google.protobuf.message import Message
from livekit.protocol import agent_dispatch as messages

from visavis.agents import AgentDispatcher
from visavis.auth import Claims
from visavis.signalling import RoomRegistry
from visavis.signalling.profile import check_attributes, checked_metadata
from visavis.twirp.protocol import TwirpError
from visavis.twirp.room_service import Method, require_admin


def agent_dispatch_service(agents: AgentDispatcher) -> Mapping[str, Method]:
    """Its methods."""

    def create(registry: RoomRegistry, claims: Claims | None, request: messages.CreateAgentDispatchRequest) -> Message:
        require_admin(claims, request.room)
        checked_metadata(request.metadata)
        check_attributes(request.attributes)
        return agents.create(registry.open_room(request.room), request)

    def delete(registry: RoomRegistry, claims: Claims | None, request: messages.DeleteAgentDispatchRequest) -> Message:
        require_admin(claims, request.room)
        deleted = agents.delete(request.room, request.dispatch_id)
        if deleted is None:
            raise TwirpError("not_found", "dispatch ID not found")
        return deleted

    def listed(registry: RoomRegistry, claims: Claims | None, request: messages.ListAgentDispatchRequest) -> Message:
        require_admin(claims, request.room)
        return messages.ListAgentDispatchResponse(agent_dispatches=agents.listed(request.room, request.dispatch_id))

    return {
        "CreateDispatch": Method(messages.CreateAgentDispatchRequest, create),
        "DeleteDispatch": Method(messages.DeleteAgentDispatchRequest, delete),
        "ListDispatch": Method(messages.ListAgentDispatchRequest, listed),
    }
