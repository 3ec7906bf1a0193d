"""A media core without media, for tests: it records commands, and answers negotiation as the real one would.

A test may say what the core would have said with `emit`. SDP is not looked at, except that a line ``v=0`` must be
there; media sections are told by lines ``x-media:<mid> <kind> <cid> <mime> [rid…]``.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from visavis.media import events
from visavis.media.engine import Layer, Source
from visavis.media.events import Event, Target


@dataclass(frozen=True, slots=True)
class Command:
    """One recorded call."""

    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict[str, Any])


class FakeEngine:
    """Implements `MediaEngine`. With `auto` it connects, offers and answers by itself."""

    def __init__(self, *, auto: bool = True) -> None:
        self.auto = auto
        self.commands: list[Command] = []
        self.participants: dict[str, str] = {}
        self.sequences: dict[str, int] = {}
        self.figures: dict[str, events.ParticipantFigures] = {}
        """What `report_figures` tells, by participant; nothing flows by itself."""
        self.is_closed = False
        self._media: dict[str, dict[str, events.MediaAdded]] = {}
        self._offer_ids: dict[str, int] = {}
        self._unanswered: set[str] = set()
        self._single: dict[str, dict[str, str]] = {}
        self._offer_again: set[str] = set()
        self._waiting: list[Event] = []
        self._readable, self._writable = os.pipe()
        os.set_blocking(self._readable, False)

    @property
    def udp_ports(self) -> list[int]:
        """None are bound."""
        return [0]

    @property
    def tcp_ports(self) -> list[int]:
        """None are bound."""
        return []

    @property
    def turn_ports(self) -> list[int]:
        """None are bound."""
        return []

    @property
    def udp_candidates(self) -> list[tuple[str, int]]:
        """Nothing can be reached."""
        return []

    @property
    def tcp_candidates(self) -> list[tuple[str, int]]:
        """Nothing can be reached."""
        return []

    def fileno(self) -> int:
        """See `MediaEngine`."""
        return self._readable

    def drain(self) -> list[Event]:
        """See `MediaEngine`."""
        if not self.is_closed and self._waiting:
            os.read(self._readable, 1 << 16)
        waiting, self._waiting = self._waiting, []
        return waiting

    def close(self) -> None:
        """See `MediaEngine`."""
        if not self.is_closed:
            self.is_closed = True
            os.close(self._readable)
            os.close(self._writable)

    def emit(self, *said: Event) -> None:
        """The core says something."""
        if self.is_closed:
            return
        self._waiting.extend(said)
        os.write(self._writable, b"!")

    def called(self, name: str) -> list[Command]:
        """The recorded calls of one command."""
        return [command for command in self.commands if command.name == name]

    def connect(self, participant: str, target: Target = "subscriber") -> None:
        """The participant's connection comes up."""
        self.emit(events.ConnectionChanged(participant, target, "connected", "udp"))

    # -- the port ------------------------------------------------------------------------------------------------------
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
        """See `MediaEngine`."""
        self._record(
            "add_participant",
            room,
            participant,
            identity,
            primary=primary,
            single=single,
            can_publish_data=can_publish_data,
            hidden=hidden,
            agent=agent,
            can_subscribe_metrics=can_subscribe_metrics,
            codec_change=codec_change,
            allow_pause=allow_pause,
            mime_types=mime_types,
            playout_delay=playout_delay,
            sync_streams=sync_streams,
        )
        self.participants[participant] = room
        if single:
            self._single[participant] = {}
        elif primary == "subscriber":
            self._offer(participant)

    def update_participant(
        self, participant: str, *, can_publish_data: bool, hidden: bool, agent: bool, can_subscribe_metrics: bool
    ) -> None:
        """See `MediaEngine`."""
        self._record(
            "update_participant",
            participant,
            can_publish_data=can_publish_data,
            hidden=hidden,
            agent=agent,
            can_subscribe_metrics=can_subscribe_metrics,
        )

    def remove_participant(self, participant: str) -> None:
        """See `MediaEngine`."""
        self._record("remove_participant", participant)
        is_known = self.participants.pop(participant, None) is not None
        self._waiting = [event for event in self._waiting if getattr(event, "participant", None) != participant]
        if is_known:
            figures = self.figures.pop(participant, events.ParticipantFigures(participant))
            totals = (events.TrackTotals(each.track, each.packets, each.bytes, each.lost) for each in figures.published)
            self.emit(*totals, events.ParticipantTotals(participant, figures.bytes_in, figures.bytes_out))

    def reliable_sequence(self, participant: str) -> int:
        """See `MediaEngine`."""
        return self.sequences.get(participant, 0)

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
        """See `MediaEngine`."""
        self._record("publisher_offer", participant, offer_id, sdp, codecs, stereo=stereo, no_dtx=no_dtx)
        if not self.auto or participant not in self.participants:
            return
        if not sdp.startswith("v=0"):
            self.emit(events.NegotiationFailed(participant, "publisher", "the offer is not SDP"))
            return
        before = self._media.get(participant, {})
        now: dict[str, events.MediaAdded] = {}
        for line in sdp.splitlines():
            if line.startswith("x-media:"):
                mid, kind, cid, mime, *rids = line.removeprefix("x-media:").split()
                now[mid] = events.MediaAdded(
                    participant, mid, "video" if kind == "video" else "audio", cid, mime, tuple(rids)
                )
        self._media[participant] = now
        self.emit(
            *(events.MediaRemoved(participant, mid) for mid in before if mid not in now),
            *(media for mid, media in now.items() if mid not in before),
            events.Answer(participant, offer_id, "v=0\r\n", dict(self._single.get(participant, {}))),
        )
        if participant in self._single:
            self.connect(participant, "publisher")

    def subscriber_answer(self, participant: str, answer_id: int, sdp: str) -> None:
        """See `MediaEngine`."""
        self._record("subscriber_answer", participant, answer_id, sdp)
        if not sdp.startswith("v=0"):
            self.emit(events.NegotiationFailed(participant, "subscriber", "the answer is not SDP"))
        elif self.auto:
            if self._offer_ids.get(participant) == 1:
                self.connect(participant)
            self._unanswered.discard(participant)
            if participant in self._offer_again:
                self._offer_again.discard(participant)
                self._offer(participant)

    def restart_ice(self, participant: str) -> None:
        """See `MediaEngine`."""
        self._record("restart_ice", participant)
        if participant not in self._single:
            self._offer(participant)

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
        """See `MediaEngine`."""
        self._record(
            "publish",
            participant,
            mid,
            track,
            source=source,
            muted=muted,
            layers=list(layers),
            stereo=stereo,
            stream=stream,
            trailer=trailer,
            backups=backups,
        )

    def publish_backup(self, participant: str, mid: str, track: str, *, layers: Sequence[Layer], regress: bool) -> None:
        """See `MediaEngine`."""
        self._record("publish_backup", participant, mid, track, layers=list(layers), regress=regress)

    def unpublish(self, track: str) -> None:
        """See `MediaEngine`."""
        self._record("unpublish", track)

    def set_muted(self, track: str, muted: bool) -> None:
        """See `MediaEngine`."""
        self._record("set_muted", track, muted)

    def subscribe(self, participant: str, track: str) -> None:
        """See `MediaEngine`."""
        self._record("subscribe", participant, track)
        if participant in self._single:
            self._single[participant][f"r{track}"] = track
        self._offer(participant)
        if self.auto:
            self.emit(events.TrackSubscribed(participant, track))

    def unsubscribe(self, participant: str, track: str) -> None:
        """See `MediaEngine`."""
        self._record("unsubscribe", participant, track)
        self._single.get(participant, {}).pop(f"r{track}", None)
        self._offer(participant)

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
        """See `MediaEngine`."""
        self._record(
            "set_track_settings",
            participant,
            track,
            disabled=disabled,
            quality=quality,
            width=width,
            height=height,
            fps=fps,
            priority=priority,
        )

    def send_data(self, room: str, packet: bytes, *, reliable: bool, destinations: list[str]) -> None:
        """See `MediaEngine`."""
        self._record("send_data", room, packet, reliable=reliable, destinations=destinations)

    def perform_rpc(self, participant: str, request: str, packet: bytes) -> None:
        """See `MediaEngine`."""
        self._record("perform_rpc", participant, request, packet)

    def end_rpc(self, participant: str, request: str) -> None:
        """See `MediaEngine`."""
        self._record("end_rpc", participant, request)

    def publish_data_track(self, participant: str, handle: int, track: str) -> None:
        """See `MediaEngine`."""
        self._record("publish_data_track", participant, handle, track)

    def unpublish_data_track(self, participant: str, track: str) -> None:
        """See `MediaEngine`."""
        self._record("unpublish_data_track", participant, track)

    def subscribe_data_track(self, participant: str, track: str, handle: int) -> None:
        """See `MediaEngine`."""
        self._record("subscribe_data_track", participant, track, handle)

    def unsubscribe_data_track(self, participant: str, track: str) -> None:
        """See `MediaEngine`."""
        self._record("unsubscribe_data_track", participant, track)

    def report_figures(self, request: int) -> None:
        """See `MediaEngine`."""
        told = (self.figures.get(each, events.ParticipantFigures(each)) for each in self.participants)
        self.emit(events.Figures(request, 0, tuple(told)))

    def worker_times(self) -> list[float]:
        """See `MediaEngine`."""
        return [0.0]

    def stats(self) -> dict[str, int]:
        """See `MediaEngine`."""
        return dict.fromkeys(("packets_in", "packets_out", "bytes_in", "bytes_out", "packets_dropped", "panics"), 0) | {
            "participants": len(self.participants),
            "rooms": len(set(self.participants.values())),
        }

    # -- inside --------------------------------------------------------------------------------------------------------
    def _record(self, name: str, *arguments: Any, **options: Any) -> None:
        self.commands.append(Command(name, arguments, options))

    def _offer(self, participant: str) -> None:
        if not self.auto:
            return
        if participant in self._single:
            self.emit(events.SectionsWanted(participant, 0, 0))
            return
        if participant in self._unanswered:
            self._offer_again.add(participant)
            return
        self._unanswered.add(participant)
        self._offer_ids[participant] = self._offer_ids.get(participant, 0) + 1
        self.emit(events.Offer(participant, self._offer_ids[participant], "v=0\r\n", {}))
