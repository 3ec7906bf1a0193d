"""Who wants to receive which track, and whom a publisher lets receive."""

from collections.abc import Callable
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
    priority: int = 0


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
    """Whom a publisher lets receive its tracks: people, so that who comes back may still. Each message replaces all."""

    all_participants: bool = True
    all_tracks: frozenset[str] = frozenset()
    """Identities that may have every track."""
    tracks: frozenset[tuple[str, str]] = frozenset()
    """(identity, track id)."""

    @classmethod
    def from_message(
        cls, message: rtc.SubscriptionPermission, identity_of: Callable[[str], str | None]
    ) -> "SubscriptionPolicy":
        """Reads the client's message.

        Args:
            message: names people by identity or by participant id. Of what it says twice of somebody, the last counts.
            identity_of: the identity of a participant id; None if nobody has it.

        Raises:
            ValueError: it names nobody.
        """
        if message.all_participants:
            return cls()
        last: dict[str, rtc.TrackPermission] = {}
        for permission in message.track_permissions:
            if not permission.participant_identity and not permission.participant_sid:
                raise ValueError("a permission for nobody")
            who = permission.participant_identity or identity_of(permission.participant_sid)
            if who is not None:
                last[who] = permission
        return cls(
            False,
            frozenset(who for who, permission in last.items() if permission.all_tracks),
            frozenset((who, track) for who, permission in last.items() for track in permission.track_sids),
        )

    def allows(self, identity: str, track: str) -> bool:
        """Whether this person may receive the track."""
        return self.all_participants or identity in self.all_tracks or (identity, track) in self.tracks
