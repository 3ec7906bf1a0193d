"""LiveKit's signalling over `/rtc`: one WebSocket a participant, protobuf messages, two peer connections (v0)."""

from visavis.signalling.registry import RoomRegistry
from visavis.signalling.routes import signalling_routes

__all__ = ["RoomRegistry", "signalling_routes"]
