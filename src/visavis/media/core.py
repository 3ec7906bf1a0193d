"""The Rust core behind the port `MediaEngine`: the only module that imports `visavis._sfu`."""

from collections.abc import Sequence

from visavis import _sfu
from visavis.media import events
from visavis.media.engine import Layer, Source


class CoreEngine:
    """`_sfu.Engine` with plain values at both ends. Its commands are documented there."""

    def __init__(
        self,
        *,
        udp: list[tuple[str, int]],
        tcp: list[tuple[str, int]],
        node_ips: list[str],
        workers: int = 0,
        room_share: int = 50,
        turn_secret: bytes | None = None,
        turn_certificate: tuple[bytes, bytes] | None = None,
        turn_tcp: Sequence[tuple[str, int]] = (),
    ) -> None:
        self._engine = _sfu.Engine(
            udp=udp,
            tcp=tcp,
            node_ips=node_ips,
            workers=workers,
            room_share=room_share,
            turn_secret=turn_secret,
            turn_certificate=turn_certificate,
            turn_tcp=list(turn_tcp),
        )
        self.fileno = self._engine.fileno
        self.close = self._engine.close
        self.add_participant = self._engine.add_participant
        self.update_participant = self._engine.update_participant
        self.remove_participant = self._engine.remove_participant
        self.reliable_sequence = self._engine.reliable_sequence
        self.publisher_offer = self._engine.publisher_offer
        self.subscriber_answer = self._engine.subscriber_answer
        self.restart_ice = self._engine.restart_ice
        self.unpublish = self._engine.unpublish
        self.set_muted = self._engine.set_muted
        self.subscribe = self._engine.subscribe
        self.unsubscribe = self._engine.unsubscribe
        self.set_track_settings = self._engine.set_track_settings
        self.send_data = self._engine.send_data
        self.perform_rpc = self._engine.perform_rpc
        self.end_rpc = self._engine.end_rpc
        self.publish_data_track = self._engine.publish_data_track
        self.unpublish_data_track = self._engine.unpublish_data_track
        self.subscribe_data_track = self._engine.subscribe_data_track
        self.unsubscribe_data_track = self._engine.unsubscribe_data_track
        self.report_figures = self._engine.report_figures
        self.worker_times = self._engine.worker_times
        self.stats = self._engine.stats

    @property
    def udp_ports(self) -> list[int]:
        """The bound UDP ports."""
        return self._engine.udp_ports

    @property
    def tcp_ports(self) -> list[int]:
        """The bound ICE-TCP ports."""
        return self._engine.tcp_ports

    @property
    def turn_ports(self) -> list[int]:
        """The bound TCP ports that are for TURN alone."""
        return self._engine.turn_ports

    @property
    def udp_candidates(self) -> list[tuple[str, int]]:
        """See `_sfu.Engine`."""
        return self._engine.udp_candidates

    @property
    def tcp_candidates(self) -> list[tuple[str, int]]:
        """See `_sfu.Engine`."""
        return self._engine.tcp_candidates

    def publish(
        self,
        participant: str,
        mid: str,
        track: str,
        *,
        source: Source,
        muted: bool,
        layers: Sequence[Layer],
        stereo: bool,
        stream: str,
        trailer: bytes,
        backups: list[str],
    ) -> None:
        """See `_sfu.Engine.publish`."""
        self._engine.publish(
            participant,
            mid,
            track,
            source=source,
            muted=muted,
            layers=_to_layers(layers),
            stereo=stereo,
            stream=stream,
            trailer=trailer,
            backups=backups,
        )

    def publish_backup(self, participant: str, mid: str, track: str, *, layers: Sequence[Layer], regress: bool) -> None:
        """See `_sfu.Engine.publish_backup`."""
        self._engine.publish_backup(participant, mid, track, layers=_to_layers(layers), regress=regress)

    def drain(self) -> list[events.Event]:
        """See `_sfu.Engine.drain`."""
        return [_to_value(event) for event in self._engine.drain()]


def _to_layers(layers: Sequence[Layer]) -> list[_sfu.Layer]:
    return [_sfu.Layer(layer.quality, layer.width, layer.height, layer.bitrate) for layer in layers]


def _to_value(event: _sfu.Event) -> events.Event:
    match event:
        # In the order of how many there are of each in a join: the match goes through them one by one.
        case _sfu.Event.ConnectionChanged(participant, target, state, protocol):
            return events.ConnectionChanged(participant, target, state, protocol)
        case _sfu.Event.Answer(participant, offer_id, sdp, mid_to_track):
            return events.Answer(participant, offer_id, sdp, mid_to_track)
        case _sfu.Event.Offer(participant, offer_id, sdp, mid_to_track):
            return events.Offer(participant, offer_id, sdp, mid_to_track)
        case _sfu.Event.DataChannelsOpen(participant):
            return events.DataChannelsOpen(participant)
        case _sfu.Event.SectionsWanted(participant, audios, videos):
            return events.SectionsWanted(participant, audios, videos)
        case _sfu.Event.NegotiationFailed(participant, target, reason):
            return events.NegotiationFailed(participant, target, reason)
        case _sfu.Event.MediaAdded(participant, mid, kind, cid, mime_type, rids):
            return events.MediaAdded(participant, mid, kind, cid, mime_type, tuple(rids))
        case _sfu.Event.MediaRemoved(participant, mid):
            return events.MediaRemoved(participant, mid)
        case _sfu.Event.TrackSubscribed(participant, track):
            return events.TrackSubscribed(participant, track)
        case _sfu.Event.SubscribedQuality(participant, track, codecs):
            return events.SubscribedQuality(participant, track, tuple(codecs))
        case _sfu.Event.SubscriptionFailed(participant, track, reason):
            return events.SubscriptionFailed(participant, track, reason)
        case _sfu.Event.StreamStateChanged(participant, track, paused):
            return events.StreamStateChanged(participant, track, paused)
        case _sfu.Event.Speakers(room, levels):
            return events.Speakers(room, levels)
        case _sfu.Event.Quality(room, qualities):
            return events.Quality(room, qualities)
        case _sfu.Event.RpcReply(participant, request, packet):
            return events.RpcReply(participant, request, packet)
        case _sfu.Event.ChatPacket(participant, packet):
            return events.ChatPacket(participant, packet)
        case _sfu.Event.ParticipantFailed(participant, reason):
            return events.ParticipantFailed(participant, reason)
        case _sfu.Event.Figures(request, worker, participants):
            return events.Figures(request, worker, tuple(map(_to_figures, participants)))
        case _sfu.Event.TrackTotals(track, packets, bytes, lost):
            return events.TrackTotals(track, packets, bytes, lost)
        case _sfu.Event.ParticipantTotals(participant, bytes_in, bytes_out):
            return events.ParticipantTotals(participant, bytes_in, bytes_out)
        case _:
            raise TypeError(f"the core sent {event!r}, which this version does not know: build both from one source")


def _to_figures(told: _sfu.ParticipantFigures) -> events.ParticipantFigures:
    return events.ParticipantFigures(
        told.participant,
        packets_in=told.packets_in,
        bytes_in=told.bytes_in,
        packets_out=told.packets_out,
        bytes_out=told.bytes_out,
        rtt=told.rtt,
        estimate=told.estimate,
        published=tuple(
            events.PublishedFigures(each.track, each.packets, each.bytes, each.lost) for each in told.published
        ),
        received=tuple(
            events.ReceivedFigures(each.track, each.packets, each.bytes, each.loss, each.layer)
            for each in told.received
        ),
    )
