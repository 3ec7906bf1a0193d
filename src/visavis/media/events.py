"""What the media core says, as plain values: the events of `_sfu.pyi`, without needing the compiled module.

What each means stands in `_sfu.pyi`. A closed set: match on `Event`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Target: TypeAlias = Literal["publisher", "subscriber"]
Kind: TypeAlias = Literal["audio", "video"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a client's offer."""

    participant: str
    offer_id: int
    sdp: str
    mid_to_track: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer of the subscriber connection."""

    participant: str
    offer_id: int
    sdp: str
    mid_to_track: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SectionsWanted:
    """A client with a single connection must make an offer."""

    participant: str
    audios: int
    videos: int


@dataclass(frozen=True, slots=True)
class NegotiationFailed:
    """A description was refused."""

    participant: str
    target: Target
    reason: str


@dataclass(frozen=True, slots=True)
class MediaAdded:
    """A media section began to send."""

    participant: str
    mid: str
    kind: Kind
    cid: str
    mime_type: str
    rids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaRemoved:
    """A media section stopped sending."""

    participant: str
    mid: str


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """A connection came up, lost contact or failed."""

    participant: str
    target: Target
    state: Literal["connected", "disconnected", "failed"]
    protocol: Literal["udp", "tcp", ""] = ""


@dataclass(frozen=True, slots=True)
class DataChannelsOpen:
    """Data can reach the participant."""

    participant: str


@dataclass(frozen=True, slots=True)
class TrackSubscribed:
    """Media of a track can flow to a subscriber."""

    participant: str
    track: str


@dataclass(frozen=True, slots=True)
class SubscribedQuality:
    """The highest quality that anybody wants of a track, for each of its codecs."""

    participant: str
    track: str
    codecs: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class StreamStateChanged:
    """A subscriber's bandwidth does not hold a track any more, or the track flows again."""

    participant: str
    track: str
    paused: bool


@dataclass(frozen=True, slots=True)
class SubscriptionFailed:
    """A subscription cannot be had."""

    participant: str
    track: str
    reason: Literal["codec_unsupported", "track_not_found"]


@dataclass(frozen=True, slots=True)
class Speakers:
    """Changed levels of speakers."""

    room: str
    levels: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Quality:
    """Changed connection qualities."""

    room: str
    qualities: Mapping[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])


@dataclass(frozen=True, slots=True)
class RpcReply:
    """A participant acknowledged or answered the server's RPC request; `packet` is a `livekit.DataPacket`."""

    participant: str
    request: str
    packet: bytes


@dataclass(frozen=True, slots=True)
class ChatPacket:
    """A participant sent part of the room's chat; `packet` is a `livekit.DataPacket`."""

    participant: str
    packet: bytes


@dataclass(frozen=True, slots=True)
class ParticipantFailed:
    """The core dropped a participant."""

    participant: str
    reason: str


@dataclass(frozen=True, slots=True)
class PublishedFigures:
    """What came of a track, counted since it was published."""

    track: str
    packets: int
    bytes: int
    lost: int


@dataclass(frozen=True, slots=True)
class ReceivedFigures:
    """What went to a subscriber of a track, counted since it subscribed."""

    track: str
    packets: int
    bytes: int
    loss: float | None = None
    layer: int | None = None


@dataclass(frozen=True, slots=True)
class ParticipantFigures:
    """What came from a participant and went to it, counted since it joined."""

    participant: str
    packets_in: int = 0
    bytes_in: int = 0
    packets_out: int = 0
    bytes_out: int = 0
    rtt: float | None = None
    estimate: int | None = None
    published: tuple[PublishedFigures, ...] = ()
    received: tuple[ReceivedFigures, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """One worker's answer to `report_figures`."""

    request: int
    worker: int
    participants: tuple[ParticipantFigures, ...]


@dataclass(frozen=True, slots=True)
class TrackTotals:
    """A track ended."""

    track: str
    packets: int
    bytes: int
    lost: int


@dataclass(frozen=True, slots=True)
class ParticipantTotals:
    """A participant ended; told even of one that was removed."""

    participant: str
    bytes_in: int
    bytes_out: int


RoomEvent: TypeAlias = (
    Answer
    | Offer
    | SectionsWanted
    | NegotiationFailed
    | MediaAdded
    | MediaRemoved
    | ConnectionChanged
    | DataChannelsOpen
    | TrackSubscribed
    | SubscribedQuality
    | StreamStateChanged
    | SubscriptionFailed
    | Speakers
    | Quality
    | RpcReply
    | ChatPacket
    | ParticipantFailed
)
"""What the rooms act on."""

Totals: TypeAlias = TrackTotals | ParticipantTotals

Event: TypeAlias = RoomEvent | Figures | Totals
