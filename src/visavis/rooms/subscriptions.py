"""Who wants to receive which track, and whom a publisher lets receive."""

from dataclasses import dataclass, field

from livekit.protocol import rtc


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """What a subscriber wants of one track; see `_sfu.Engine.set_track_settings`."""

    disabled: bool = False
    quality: int | None = None
    width: int = 0
    height: int = 0
    fps: int = 0


@dataclass(slots=True)
class Subscriptions:
    """One participant's wishes and what became of them.

    Attributes:
        auto: subscribe to whatever nothing was said about.
        wishes: track id → what the client said last; kept until it leaves, also for tracks that are yet to come.
        active: tracks that the core was told to send.
        refused: tracks whose publisher does not let this participant have them, and which it was told about.
        settings: track id → the last settings, also for tracks that are yet to come.
    """

    auto: bool
    wishes: dict[str, bool] = field(default_factory=dict[str, bool])
    active: set[str] = field(default_factory=set[str])
    refused: set[str] = field(default_factory=set[str])
    settings: dict[str, TrackSettings] = field(default_factory=dict[str, TrackSettings])

    def wants(self, track: str) -> bool:
        """Whether the client wants this track."""
        return self.wishes.get(track, self.auto)

    def forget(self, track: str) -> None:
        """The track is gone for good: track ids are never used twice."""
        self.wishes.pop(track, None)
        self.active.discard(track)
        self.refused.discard(track)
        self.settings.pop(track, None)


@dataclass(frozen=True, slots=True)
class SubscriptionPolicy:
    """Whom a publisher lets receive its tracks. Each message replaces the one before."""

    all_participants: bool = True
    all_tracks: frozenset[str] = frozenset()
    """Identities and participant ids that may have every track."""
    tracks: frozenset[tuple[str, str]] = frozenset()
    """(identity or participant id, track id)."""

    @classmethod
    def from_message(cls, message: rtc.SubscriptionPermission) -> "SubscriptionPolicy":
        """Reads the client's message."""
        everything: set[str] = set()
        single: set[tuple[str, str]] = set()
        for permission in message.track_permissions:
            who = permission.participant_identity or permission.participant_sid
            if permission.all_tracks:
                everything.add(who)
            single.update((who, track) for track in permission.track_sids)
        return cls(message.all_participants, frozenset(everything), frozenset(single))

    def allows(self, identity: str, sid: str, track: str) -> bool:
        """Whether the participant may receive the track."""
        if self.all_participants or identity in self.all_tracks or sid in self.all_tracks:
            return True
        return (identity, track) in self.tracks or (sid, track) in self.tracks
