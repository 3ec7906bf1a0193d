"""The domain: rooms, participants, their tracks and what each may do. No I/O, no clock, no media core."""

from visavis.rooms.chat import ChatLog, ChatMessage
from visavis.rooms.moderation import Moderation, RoomSettings
from visavis.rooms.names import parse_room_name
from visavis.rooms.participant import ClientAbout, Participant
from visavis.rooms.permissions import Permissions
from visavis.rooms.reservations import Reservations
from visavis.rooms.room import Room, RoomLimits
from visavis.rooms.subscriptions import SubscriptionPolicy, Subscriptions, TrackSettings
from visavis.rooms.tracks import ParkedMedia, Track

__all__ = [
    "ChatLog",
    "ChatMessage",
    "ClientAbout",
    "Moderation",
    "ParkedMedia",
    "Participant",
    "Permissions",
    "Reservations",
    "Room",
    "RoomLimits",
    "RoomSettings",
    "SubscriptionPolicy",
    "Subscriptions",
    "Track",
    "TrackSettings",
    "parse_room_name",
]
