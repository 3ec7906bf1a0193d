"""One participant's signalling session: who it is, the socket it has now, and the times that decide its end."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from visavis.media import Target
from visavis.rooms import Participant
from visavis.signalling.outlet import Outlet

if TYPE_CHECKING:
    from visavis.signalling.rpc import UnansweredRpc


class Session:
    """Lives from join to leave, across resumes; `outlet` is None while its socket is away."""

    def __init__(self, participant: Participant, outlet: Outlet, *, now: float) -> None:
        """A session that has just joined; `now` is of the monotonic clock, as all times here are."""
        self.participant = participant
        self.outlet: Outlet | None = outlet
        has_two = participant.permissions.can_subscribe and not participant.about.single_connection
        self.primary: Target = "subscriber" if has_two else "publisher"
        self.joined_at = now
        self.last_heard = now
        self.token_sent_at = now
        self.socket_lost_at: float | None = None
        self.media_lost_at: float | None = None
        self.failed_at: float | None = None
        self.resume_until: float | None = None
        self.was_connected = False
        self.unanswered_offer: bytes | None = None
        self.announces_nothing = False
        """Whether all that its client sends is a track, without an AddTrack."""
        self.simulated_loss: Literal["at once", "when told"] | None = None
        """How the client loses the socket that it resumes with until `simulated_until`, if it wants to try that."""
        self.simulated_until = 0.0
        self.rpcs: dict[str, UnansweredRpc] = {}
        """What the server asked of the client and waits for, by the request's id."""
        self.unknown_wishes: dict[str, float] = {}
        """Tracks that the client asked for and that do not exist: track id → since when."""

    @property
    def sid(self) -> str:
        """The participant id."""
        return self.participant.sid

    @property
    def protocol(self) -> int:
        """The version of the signal protocol that the client speaks."""
        return self.participant.about.protocol

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it is due within seconds."""
        return (
            self.was_connected
            and self.media_lost_at is None
            and self.failed_at is None
            and self.resume_until is None
            and not self.unknown_wishes
        )

    def send(self, frame: bytes) -> None:
        """Queues a frame; dropped while the socket is away, as a resume tells the whole state anew."""
        if self.outlet is not None:
            self.outlet.send(frame)

    def send_all(self, frames: Iterable[bytes]) -> None:
        """Queues several frames."""
        for frame in frames:
            self.send(frame)
