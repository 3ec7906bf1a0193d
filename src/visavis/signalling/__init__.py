"""LiveKit's signalling over `/rtc`: one WebSocket a participant, protobuf messages, two peer connections (v0)."""

from visavis.signalling.live_room import LiveRoom
from visavis.signalling.registry import RoomRegistry
from visavis.signalling.routes import signalling_routes
from visavis.signalling.session import Session
from visavis.signalling.whip import whip_routes

__all__ = ["LiveRoom", "RoomRegistry", "Session", "signalling_routes", "whip_routes"]
