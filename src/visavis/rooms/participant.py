"""One participant of a room: who it is, what it may do, what it publishes and receives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from livekit.protocol import models

from visavis.auth import Claims, VideoGrants
from visavis.rooms.client_codecs import DisabledCodecs
from visavis.rooms.data_tracks import DataTracks
from visavis.rooms.ids import new_id
from visavis.rooms.moderation import without_reserved
from visavis.rooms.permissions import Permissions, kind_details, participant_kind
from visavis.rooms.subscriptions import SubscriptionPolicy, Subscriptions
from visavis.rooms.tracks import TrackBook
from visavis.wire import delimited

State = models.ParticipantInfo.State

_SOUNDS = frozenset({models.TrackSource.MICROPHONE, models.TrackSource.SCREEN_SHARE_AUDIO})
_DEPENDENT_KINDS = frozenset({models.ParticipantInfo.AGENT, models.ParticipantInfo.EGRESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAbout:
    """What the client told about itself on connecting; mirrored to the others where they need it."""

    protocol: int = 0
    client_protocol: int = 0
    capabilities: tuple[models.ClientInfo.Capability, ...] = ()
    auto_subscribe: bool = True
    auto_subscribe_data_track: bool = False
    adaptive_stream: bool = False
    allow_pause: bool | None = None
    single_connection: bool = False
    sdk: str = ""
    version: str = ""
    browser: str = ""
    browser_version: str = ""
    os: str = ""
    device_model: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def is_firefox(self) -> bool:
        """Whether the client runs in Firefox, mobile or not."""
        return self.browser.lower() in ("firefox", "firefox mobile")

    @property
    def follows_codec_changes(self) -> bool:
        """Whether it goes on when what it receives comes in another codec; pion's readers are made for one."""
        return self.sdk not in ("", "unknown", "go")


class Standing(NamedTuple):
    """What one participant counts as in its room: 1 or 0 each."""

    person: int
    shown_person: int
    shown_publisher: int
    recording: int
    hidden: int


class Participant:
    """One session of an identity in a room: a new one for each join, the same one across resumes."""

    def __init__(self, claims: Claims, about: ClientAbout, *, joined_at: float) -> None:
        """Joins nobody to anything yet.

        Args:
            claims: of a verified token that grants `room_join`.
            about: what its client told.
            joined_at: seconds since the epoch.
        """
        self.sid = new_id("PA_")
        self.claims = claims
        self.about = about
        self.joined_at = joined_at
        self.recount: Callable[[Participant], None] | None = None
        """Called when its standing may have changed; set by its room."""
        self.name = claims.name
        self.metadata = about.metadata or claims.metadata
        # What a host has signed is its word; what comes from clients, by a refreshed token too, says nothing for us.
        signed = claims.attributes if claims.holder is None else without_reserved(claims.attributes)
        told = {**signed, **without_reserved(about.attributes)}
        self.attributes = {key: value for key, value in told.items() if value}
        self.kind = participant_kind(claims)
        self.permit(Permissions.from_grants(claims.video or VideoGrants()), frozenset())
        self.disabled_codecs = DisabledCodecs.of(
            browser=about.browser, browser_version=about.browser_version, os=about.os, device_model=about.device_model
        )
        self.tracks = TrackBook()
        self.data_tracks = DataTracks(auto=about.auto_subscribe_data_track)
        self.subscriptions = Subscriptions(auto=about.auto_subscribe)
        self.subscription_policy = SubscriptionPolicy()
        self.disconnect_reason = models.DisconnectReason.UNKNOWN_REASON
        self._state = models.ParticipantInfo.JOINING
        self._has_published = False
        self._version = 0
        self._info: models.ParticipantInfo | None = None
        self._encoded: tuple[int, bytes] | None = None

    @property
    def identity(self) -> str:
        """Who it is; unique in the room."""
        return self.claims.identity

    def permit(self, granted: Permissions, denied_sources: frozenset[str]) -> None:
        """Sets what it may do now.

        Args:
            granted: by its token, or by the host since.
            denied_sources: that it may not publish all the same, because moderators do not let anybody.
        """
        self.granted = granted
        self.denied_sources = denied_sources
        self.permissions = granted.without(denied_sources)
        self._told_permissions = self.permissions.to_message()
        if self.recount is not None:
            self.recount(self)

    def may_publish(self, source: models.TrackSource, kind: models.TrackType) -> bool:
        """Whether a track of this source may be published."""
        if self.denied_sources and (kind == models.TrackType.AUDIO) != (source in _SOUNDS):
            # Sound is not to come as a camera where microphones are denied.
            source = models.TrackSource.UNKNOWN
        return self.permissions.may_publish(source)

    @property
    def state(self) -> State:
        """Goes forward only."""
        return self._state

    @property
    def is_hidden(self) -> bool:
        """Whether the others are never told about it."""
        return self.permissions.hidden

    @property
    def is_dependent(self) -> bool:
        """Agents and recorders: they neither count nor keep a room alive."""
        return self.kind in _DEPENDENT_KINDS or self.permissions.agent or self.permissions.recorder

    @property
    def is_restrictable(self) -> bool:
        """Whether moderators may deny it what they deny to all: agents, recorders and callers by phone need theirs."""
        return self.kind == models.ParticipantInfo.STANDARD and not self.is_dependent

    @property
    def is_agent(self) -> bool:
        """Whether it may speak and write for others."""
        return self.kind == models.ParticipantInfo.AGENT or self.permissions.agent

    @property
    def is_recording(self) -> bool:
        """Whether its presence means that the room is recorded."""
        return self.kind == models.ParticipantInfo.EGRESS or self.permissions.recorder

    @property
    def is_publisher(self) -> bool:
        """Whether it has published anything in this session."""
        return self._has_published or bool(self.tracks.published or self.data_tracks.published)

    def advance(self, state: State) -> bool:
        """Goes to `state` if that is forward; returns whether it was."""
        if state <= self._state:
            return False
        self._state = state
        self.touch()
        return True

    def touch(self) -> None:
        """Something that the others are told has changed: the next `info` carries a higher version."""
        self._has_published = self.is_publisher
        self._version += 1
        self._info = self._encoded = None
        if self.recount is not None:
            self.recount(self)

    @property
    def standing(self) -> Standing:
        """What it counts as now."""
        is_person, is_hidden = not self.is_dependent, self.is_hidden
        return Standing(
            person=is_person,
            shown_person=is_person and not is_hidden,
            # An agent that speaks does count here.
            shown_publisher=self.is_publisher and not is_hidden,
            recording=self.is_recording,
            hidden=is_hidden,
        )

    def info(self) -> models.ParticipantInfo:
        """All that the others are told, always complete: clients take a missing track as unpublished.

        The message is shared and must not be changed.
        """
        if self._info is None:
            self._info = models.ParticipantInfo(
                sid=self.sid,
                identity=self.identity,
                state=self._state,
                tracks=[track.info for track in self.tracks.published.values()],
                data_tracks=self.data_tracks.published.values(),
                metadata=self.metadata,
                joined_at=int(self.joined_at),
                joined_at_ms=int(self.joined_at * 1000),
                name=self.name,
                version=self._version,
                permission=self._told_permissions,
                is_publisher=self.is_publisher,
                kind=self.kind,
                kind_details=kind_details(self.claims),
                attributes=self.attributes,
                disconnect_reason=self.disconnect_reason,
                client_protocol=self.about.client_protocol,
                capabilities=self.about.capabilities,
            )
        return self._info

    def encoded(self, number: int) -> bytes:
        """`info` as the field of this number in a message: serialized once, however many join and are told of it."""
        if self._encoded is None or self._encoded[0] != number:
            self._encoded = (number, delimited(number, self.info().SerializeToString()))
        return self._encoded[1]

    def current_claims(self) -> Claims:
        """The claims of a fresh token for this participant as it is now, without expiry."""
        return replace(
            self.claims,
            name=self.name,
            metadata=self.metadata,
            attributes=dict(self.attributes),
            video=self.granted.put_into(self.claims.video or VideoGrants()),
            expires_at=0,
        )
