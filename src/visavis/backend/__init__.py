"""Where rooms live: `base` is the port that the API, the hub and the page know; the implementations stand beside it."""

from visavis.backend.base import Backend, RoomSummary

__all__ = ["Backend", "RoomSummary"]
