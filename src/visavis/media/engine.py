# ruff: noqa: D102 - the commands are documented once, in `_sfu.pyi`
"""The port that everything in Python sees of the media core. What each command means stands in `_sfu.pyi`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from visavis.media.events import Event, Target

Source: TypeAlias = Literal["unknown", "camera", "microphone", "screen_share", "screen_share_audio"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One simulcast layer as AddTrack declared it."""

    quality: int
    width: int
    height: int
    bitrate: int


class MediaEngine(Protocol):
    """The commands of `_sfu.Engine`. Each returns at once; an unknown id does nothing, as removal always races."""

    @property
    def udp_ports(self) -> list[int]: ...
    @property
    def tcp_ports(self) -> list[int]: ...
    @property
    def turn_ports(self) -> list[int]: ...
    @property
    def udp_candidates(self) -> list[tuple[str, int]]: ...
    @property
    def tcp_candidates(self) -> list[tuple[str, int]]: ...
    def fileno(self) -> int: ...
    def drain(self) -> list[Event]: ...
    def close(self) -> None: ...
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
    ) -> None: ...
    def update_participant(
        self, participant: str, *, can_publish_data: bool, hidden: bool, agent: bool, can_subscribe_metrics: bool
    ) -> None: ...
    def remove_participant(self, participant: str) -> None: ...
    def reliable_sequence(self, participant: str) -> int: ...
    def publisher_offer(
        self,
        participant: str,
        offer_id: int,
        sdp: str,
        codecs: dict[str, str],
        *,
        stereo: list[str],
        no_dtx: list[str],
    ) -> None: ...
    def subscriber_answer(self, participant: str, answer_id: int, sdp: str) -> None: ...
    def restart_ice(self, participant: str) -> None: ...
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
    ) -> None: ...
    def publish_backup(
        self, participant: str, mid: str, track: str, *, layers: Sequence[Layer], regress: bool
    ) -> None: ...
    def unpublish(self, track: str) -> None: ...
    def set_muted(self, track: str, muted: bool) -> None: ...
    def subscribe(self, participant: str, track: str) -> None: ...
    def unsubscribe(self, participant: str, track: str) -> None: ...
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
    ) -> None: ...
    def send_data(self, room: str, packet: bytes, *, reliable: bool, destinations: list[str]) -> None: ...
    def perform_rpc(self, participant: str, request: str, packet: bytes) -> None: ...
    def end_rpc(self, participant: str, request: str) -> None: ...
    def publish_data_track(self, participant: str, handle: int, track: str) -> None: ...
    def unpublish_data_track(self, participant: str, track: str) -> None: ...
    def subscribe_data_track(self, participant: str, track: str, handle: int) -> None: ...
    def unsubscribe_data_track(self, participant: str, track: str) -> None: ...
    def report_figures(self, request: int) -> None: ...
    def worker_times(self) -> list[float]: ...
    def stats(self) -> dict[str, int]: ...
