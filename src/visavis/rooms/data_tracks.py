"""A participant's data tracks: those that it publishes, and those of others that it gets."""

from dataclasses import dataclass, field

from livekit.protocol import models

_MAX_HANDLE = 0xFFFF


@dataclass(slots=True)
class DataTracks:
    """One participant's part in data tracks.

    Attributes:
        auto: subscribe to whatever nothing was said about.
        published: by the handle in the publisher's packets.
        wishes: track id → what the client said last, also for tracks that are yet to come.
        handles: track id → the handle in the subscriber's packets, for what it gets.
        refused: tracks whose publisher does not let this participant have them, and which it was told about.
    """

    auto: bool = False
    published: dict[int, models.DataTrackInfo] = field(default_factory=dict[int, models.DataTrackInfo])
    wishes: dict[str, bool] = field(default_factory=dict[str, bool])
    handles: dict[str, int] = field(default_factory=dict[str, int])
    refused: set[str] = field(default_factory=set[str])
    _last_handle: int = 0

    def wants(self, track: str) -> bool:
        """Whether the client wants this track."""
        return self.wishes.get(track, self.auto)

    def new_handle(self) -> int:
        """A handle that no track has; never one that was in use lately, as packets under it may be under way."""
        used = set(self.handles.values())
        while True:
            self._last_handle = self._last_handle % _MAX_HANDLE + 1
            if self._last_handle not in used:
                return self._last_handle

    def forget(self, track: str) -> None:
        """The track is gone for good: track ids are never used twice."""
        self.wishes.pop(track, None)
        self.handles.pop(track, None)
        self.refused.discard(track)
