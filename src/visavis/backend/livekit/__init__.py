"""Rooms in a LiveKit cluster: this process is one of any number in front of it, and keeps nothing that others need.

Loaded only where `backend` is ``livekit``: it brings aiohttp and redis.
"""

from visavis.backend.livekit.livekit_backend import LiveKitBackend
from visavis.backend.livekit.options import LiveKitOptions

__all__ = ["LiveKitBackend", "LiveKitOptions"]
