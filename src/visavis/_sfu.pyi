"""The seam between Python and the Rust media core. Thin, hand-kept, checked by `stubtest`.

Python decides, Rust carries. Every method is a small command that returns at once (it is queued for the worker
thread that owns the room); what the core has to say comes back as events, in batches: wait until `fileno()` is
readable, then call `drain()`.

Ids are LiveKit's, as strings: room ``RM_…``, participant ``PA_…``, track ``TR_…``. A participant id is unique over the
whole engine and never used twice. A command that names an unknown (already gone) id does nothing: removal always races.
"""

from typing import Literal, TypeAlias, final

Target: TypeAlias = Literal["publisher", "subscriber"]
Kind: TypeAlias = Literal["audio", "video"]

__version__: str

def public_address(servers: list[tuple[str, int]], *, local: str, within: float) -> str:
    """The address that packets from `local` have at the first STUN server that answers, asked in `within` seconds.

    Raises:
        OSError: none has answered, or there is no way to any.
    """

@final
class Engine:
    """Sockets, worker threads and rooms. One for a process."""

    def __init__(
        self,
        *,
        udp: list[tuple[str, int]],
        tcp: list[tuple[str, int]],
        node_ips: list[str],
        workers: int = 0,
        room_share: int = 50,
        initial_bitrate: int = 1_000_000,
        turn_secret: bytes | None = None,
        turn_certificate: tuple[bytes, bytes] | None = None,
        turn_tcp: list[tuple[str, int]] = ...,
    ) -> None:
        """Binds the sockets and starts the threads.

        Args:
            udp: addresses to bind for media over UDP; port 0 picks one.
            tcp: addresses to listen on for ICE-TCP; may be empty.
            node_ips: the addresses put into ICE candidates, with the bound ports.
            workers: worker threads, 0 for one per core. A room begins on one of them.
            room_share: participants of one room that one worker takes before others take some, too; 0: all.
            initial_bitrate: bit/s assumed for a subscriber until the estimate says otherwise.
            turn_secret: serves TURN on the media ports, with passwords made of it (see `signalling.ice_servers`);
                None: no TURN.
            turn_certificate: chain and key, in PEM: TURN within TLS, too, on all TCP ports.
            turn_tcp: more addresses to listen on for TURN over TCP and TLS.

        Raises:
            OSError: an address cannot be bound; the message names it.
            ValueError: an address cannot be parsed, there is no udp address or no node_ip, or the certificate is none.
        """

    @property
    def udp_ports(self) -> list[int]: ...
    @property
    def tcp_ports(self) -> list[int]: ...
    @property
    def turn_ports(self) -> list[int]: ...
    @property
    def udp_candidates(self) -> list[tuple[str, int]]:
        """The addresses that clients are told to send media to."""

    @property
    def tcp_candidates(self) -> list[tuple[str, int]]:
        """The addresses that clients are told to connect to for ICE-TCP."""

    def fileno(self) -> int:
        """A descriptor that is readable while events wait, but for `DataChannelsOpen`, which comes with the next."""

    def drain(self) -> list[Event]:
        """All waiting events, oldest first; makes `fileno()` unreadable. Events of one participant keep their order."""

    def close(self) -> None:
        """Closes every connection (DTLS close_notify where possible), stops the threads. Twice is fine."""

    # -- participants -------------------------------------------------------------------------------------------------
    def add_participant(
        self,
        room: str,
        participant: str,
        identity: str,
        *,
        primary: Target,
        single: bool,
        can_publish_data: bool,
        hidden: bool,
        agent: bool,
        can_subscribe_metrics: bool,
        codec_change: bool,
        allow_pause: bool | None,
        mime_types: list[str],
        playout_delay: tuple[int, int] | None,
        sync_streams: bool,
    ) -> None:
        """Makes the participant's connections. The room is made with its first participant, and goes with its last.

        With ``primary="subscriber"`` the subscriber connection's first `Offer` (it carries the three data channels)
        follows within about 10 ms; subscriptions asked for before that are part of it.

        Args:
            single: the client has one connection, the publisher's, which then is the primary one, and makes all
                offers: `Answer` tells what it receives where, and `SectionsWanted` asks for another offer.
            can_publish_data: whether its data packets go anywhere.
            hidden: its data packets name no sender.
            agent: it may send transcriptions, and chat and text streams in another's name.
            can_subscribe_metrics: it gets the others' metrics.
            codec_change: its client goes on when what a section carries comes in another codec; one that does not gets
                another section then.
            allow_pause: a picture that does not fit its bandwidth even in the lowest layer is held back
                (`StreamStateChanged`), or only its lowest temporal layer is sent; False: it comes whatever it costs;
                None: it is held back where it would not come through, and take the sound with it. Who has no
                retransmission (RTX) gets it in any case, as without that nobody finds out that there is room again.
            mime_types: what may be negotiated, in order of preference, e.g. ``["video/VP8", "audio/opus"]``.
            playout_delay: shortest and longest time in ms (0: not told) that it holds pictures back; None: as it likes.
            sync_streams: tracks of one publisher and stream are told as one stream, so that it plays them in sync.
        """

    def update_participant(
        self, participant: str, *, can_publish_data: bool, hidden: bool, agent: bool, can_subscribe_metrics: bool
    ) -> None: ...
    def remove_participant(self, participant: str) -> None:
        """Drops its connections, tracks and subscriptions. No more events about it follow but the totals."""

    def reliable_sequence(self, participant: str) -> int:
        """The highest `DataPacket.sequence` received from it on the reliable channel (0: none). Does not wait."""

    # -- negotiation --------------------------------------------------------------------------------------------------
    def publisher_offer(
        self,
        participant: str,
        offer_id: int,
        sdp: str,
        codecs: dict[str, str],
        *,
        stereo: list[str],
        no_dtx: list[str],
    ) -> None:
        """A client's offer on its publisher connection.

        Answered by `MediaAdded` and `MediaRemoved` for what changed, then exactly one `Answer` or `NegotiationFailed`.

        Args:
            codecs: msid track id (the SDP's cid) → mime type wanted by AddTrack; goes first in the answer.
            stereo: msid track ids of audio in two channels; the answer asks for them.
            no_dtx: msid track ids of audio whose silence is sent, too; of other audio the answer asks not to.
        """

    def subscriber_answer(self, participant: str, answer_id: int, sdp: str) -> None:
        """The client's answer to the last `Offer`. `answer_id` 0 means "not told"."""

    def restart_ice(self, participant: str) -> None:
        """New ICE credentials on the subscriber connection: an `Offer` follows (after the pending answer, if any).

        Nothing happens to a client with a single connection: it restarts that itself.
        """

    # -- publishing ---------------------------------------------------------------------------------------------------
    def publish(
        self,
        participant: str,
        mid: str,
        track: str,
        *,
        source: Literal["unknown", "camera", "microphone", "screen_share", "screen_share_audio"],
        muted: bool,
        layers: list[Layer],
        stereo: bool,
        stream: str,
        trailer: bytes,
        backups: list[str],
    ) -> None:
        """Gives the media section `mid` (told by `MediaAdded`) its track id; from now on it can be subscribed to.

        Subscribers who cannot decode its codec wait for the first of the `backups` (mime types) that they can;
        `SubscribedQuality` tells that it is wanted.

        Args:
            stream: the name of its stream, for who has `sync_streams`.
            trailer: of an encrypted track: ends the frames that the core puts in, so that clients do not decrypt them.
        """

    def publish_backup(self, participant: str, mid: str, track: str, *, layers: list[Layer], regress: bool) -> None:
        """The media section `mid` carries the track, too, in one of its backup codecs.

        With `regress` all subscribers go over to this codec when its media comes, and stay with it.
        """

    def unpublish(self, track: str) -> None: ...
    def set_muted(self, track: str, muted: bool) -> None:
        """Stops or resumes forwarding; on resuming video a keyframe is requested."""

    # -- subscribing --------------------------------------------------------------------------------------------------
    def subscribe(self, participant: str, track: str) -> None:
        """Adds the track to the participant's subscriber connection; an `Offer` follows (batched, one outstanding).

        A codec that the participant's connection lacks gives `SubscriptionFailed`.
        """

    def unsubscribe(self, participant: str, track: str) -> None:
        """Stops forwarding at once; the media section goes inactive with the next `Offer` and is recycled later."""

    def set_track_settings(
        self,
        participant: str,
        track: str,
        *,
        disabled: bool,
        quality: int | None,
        width: int,
        height: int,
        fps: int,
        priority: int,
    ) -> None:
        """What the subscriber wants of a track. May come before `subscribe`: kept until then.

        Args:
            quality: LiveKit's VideoQuality 0 low, 1 medium, 2 high; None: not told. `width` > 0 wins over it.
            fps: highest frame rate wanted; 0: all.
            priority: 1 is served first where bandwidth is short; 0: not told, screens first and cameras last.
        """

    # -- data ---------------------------------------------------------------------------------------------------------
    def send_data(self, room: str, packet: bytes, *, reliable: bool, destinations: list[str]) -> None:
        """Sends a serialized `livekit.DataPacket` from the server to participant ids, or with none to all in the room.

        Not more than 65535 bytes; a longer one goes nowhere (logged). Reliable data waits for who reads slowly, up to
        8 MiB for each; who lets more pile up gets `ParticipantFailed`. Lossy data is dropped where much waits.
        """

    def perform_rpc(self, participant: str, request: str, packet: bytes) -> None:
        """Sends a serialized `livekit.DataPacket` with the RPC request of that id to one participant.

        Its acknowledgement and its response come as `RpcReply` and go to nobody else, once each, until `end_rpc`.
        Goes nowhere before `DataChannelsOpen`.
        """

    def end_rpc(self, participant: str, request: str) -> None:
        """The response is not waited for any more. With the response, a request ends by itself."""

    def publish_data_track(self, participant: str, handle: int, track: str) -> None:
        """Opens a data track: packets on the participant's `_data_track` channel with this handle belong to it."""

    def unpublish_data_track(self, participant: str, track: str) -> None: ...
    def subscribe_data_track(self, participant: str, track: str, handle: int) -> None:
        """Sends a data track of the same room to a participant, under a handle of its own."""

    def unsubscribe_data_track(self, participant: str, track: str) -> None: ...

    # -- observation --------------------------------------------------------------------------------------------------
    def report_figures(self, request: int) -> None:
        """Asks for the figures of everybody: each worker answers with one `Figures` of this `request`."""

    def worker_times(self) -> list[float]:
        """Seconds of processor time that each worker has used since start; a second old where nothing happens."""

    def stats(self) -> dict[str, int]:
        """Counters since start, summed over workers.

        ``packets_in``, ``packets_out``, ``bytes_in``, ``bytes_out``, ``packets_dropped`` (unroutable or malformed),
        ``participants``, ``rooms``, ``panics``.
        """

@final
class Layer:
    """One layer, of simulcast or of a scalable stream, as AddTrack declared it."""

    def __init__(self, quality: int, width: int, height: int, bitrate: int) -> None: ...

@final
class ParticipantFigures:
    """Of one participant, counted since it joined. Bytes are of whole datagrams of any kind."""

    participant: str
    packets_in: int
    bytes_in: int
    packets_out: int
    bytes_out: int
    rtt: float | None
    """Seconds, as its latest reports tell; None: it receives nothing."""
    estimate: int | None
    """Bit/s that the way to it is taken to hold."""
    published: list[PublishedFigures]
    received: list[ReceivedFigures]

@final
class PublishedFigures:
    """Of a track as it comes, all layers and codecs together, counted since it was published. Bytes are of payload."""

    track: str
    packets: int
    bytes: int
    lost: int
    """Packets that never came, not even when they were asked for again."""

@final
class ReceivedFigures:
    """Of a track as it goes to a subscriber, counted since it subscribed; payload, without retransmissions."""

    track: str
    packets: int
    bytes: int
    loss: float | None
    """Share that the subscriber missed, as it reported within the last five seconds; None: it did not."""
    layer: int | None
    """The layer that flows; None: none does."""

class Event:
    """What the core says. A closed set: match on the subclasses."""

    @final
    class Answer(Event):
        """`mid_to_track` names the track of each section that sends to a client with a single connection."""

        __match_args__ = ("participant", "offer_id", "sdp", "mid_to_track")
        participant: str
        offer_id: int
        sdp: str
        mid_to_track: dict[str, str]

    @final
    class Offer(Event):
        """The subscriber connection's offer; `mid_to_track` names the track of each section that sends."""

        __match_args__ = ("participant", "offer_id", "sdp", "mid_to_track")
        participant: str
        offer_id: int
        sdp: str
        mid_to_track: dict[str, str]

    @final
    class SectionsWanted(Event):
        """A client with a single connection must make an offer, with so many more sections to receive with."""

        __match_args__ = ("participant", "audios", "videos")
        participant: str
        audios: int
        videos: int

    @final
    class NegotiationFailed(Event):
        """A description was refused; `reason` says what was wrong with it. The connection is as it was before."""

        __match_args__ = ("participant", "target", "reason")
        participant: str
        target: Target
        reason: str

    @final
    class MediaAdded(Event):
        """A section of the publisher connection began to send. Answer with `Engine.publish` when its track is known."""

        __match_args__ = ("participant", "mid", "kind", "cid", "mime_type", "rids")
        participant: str
        mid: str
        kind: Kind
        cid: str
        """The msid's track id; the client's name for the track ("" if the SDP has none)."""
        mime_type: str
        """The codec that the answer puts first, e.g. ``video/VP8``."""
        rids: list[str]
        """Simulcast rids, lowest layer first (index = spatial layer): ``q h f`` and ``2 1 0`` by name, others in the
        order of the SDP's send list; empty: one encoding."""

    @final
    class MediaRemoved(Event):
        """A section stopped sending (direction changed, or rejected)."""

        __match_args__ = ("participant", "mid")
        participant: str
        mid: str

    @final
    class ConnectionChanged(Event):
        __match_args__ = ("participant", "target", "state", "protocol")
        participant: str
        target: Target
        state: Literal["connected", "disconnected", "failed"]
        """connected: ICE and DTLS are up. disconnected: ICE lost contact (may come back). failed: it will not."""
        protocol: Literal["udp", "tcp", ""]

    @final
    class DataChannelsOpen(Event):
        """Both the reliable and the lossy channel that carry data to this participant are open."""

        __match_args__ = ("participant",)
        participant: str

    @final
    class TrackSubscribed(Event):
        """The track's section is negotiated and connected: media can flow to this subscriber."""

        __match_args__ = ("participant", "track")
        participant: str
        track: str

    @final
    class SubscribedQuality(Event):
        """The highest quality that anybody wants of a published track has changed; `participant` is its publisher.

        More is told at once, less after five seconds, nothing while the track is muted, and all again after that.
        """

        __match_args__ = ("participant", "track", "codecs")
        participant: str
        track: str
        codecs: list[tuple[str, int | None]]
        """Mime type and LiveKit's VideoQuality for each codec, first the primary; None: nobody wants any."""

    @final
    class StreamStateChanged(Event):
        """A subscriber's bandwidth does not hold a video track any more, or the track flows again."""

        __match_args__ = ("participant", "track", "paused")
        participant: str
        track: str
        paused: bool

    @final
    class SubscriptionFailed(Event):
        __match_args__ = ("participant", "track", "reason")
        participant: str
        track: str
        reason: Literal["codec_unsupported", "track_not_found"]

    @final
    class Speakers(Event):
        """Every 400 ms, only if something changed: participant id → level 0..1; 0 means "stopped speaking"."""

        __match_args__ = ("room", "levels")
        room: str
        levels: dict[str, float]

    @final
    class Quality(Event):
        """Every 5 s, only changes: participant id → (quality, score).

        The quality is LiveKit's (0 poor, 1 good, 2 excellent, 3 lost), the score 0..100.
        """

        __match_args__ = ("room", "qualities")
        room: str
        qualities: dict[str, tuple[int, float]]

    @final
    class RpcReply(Event):
        """The participant acknowledged or answered a request of `perform_rpc`; `packet` is its `livekit.DataPacket`."""

        __match_args__ = ("participant", "request", "packet")
        participant: str
        request: str
        packet: bytes

    @final
    class ChatPacket(Event):
        """The participant sent everyone a packet of chat: of a text stream on `lk.chat`, or one on `lk-chat-topic`.

        `packet` is the `livekit.DataPacket` as the others get it. Not more than 60 at once and 10 a second for each.
        """

        __match_args__ = ("participant", "packet")
        participant: str
        packet: bytes

    @final
    class ParticipantFailed(Event):
        """The core dropped this participant alone: it misbehaved, or handling it hit a bug (logged). Remove it."""

        __match_args__ = ("participant", "reason")
        participant: str
        reason: str

    @final
    class Figures(Event):
        """One worker's answer to `report_figures`."""

        __match_args__ = ("request", "worker", "participants")
        request: int
        worker: int
        participants: list[ParticipantFigures]

    @final
    class TrackTotals(Event):
        """A published track ended: what came of it in all, as `PublishedFigures` counts."""

        __match_args__ = ("track", "packets", "bytes", "lost")
        track: str
        packets: int
        bytes: int
        lost: int

    @final
    class ParticipantTotals(Event):
        """A participant ended: the bytes of all its datagrams. The one event that follows its removal."""

        __match_args__ = ("participant", "bytes_in", "bytes_out")
        participant: str
        bytes_in: int
        bytes_out: int
