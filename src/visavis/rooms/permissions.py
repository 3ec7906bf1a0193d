"""What a participant may do, as its token grants it and as the others are told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from livekit.protocol import models

from visavis.auth import Claims, VideoGrants

_SOURCES: dict[str, models.TrackSource] = {
    "unknown": models.TrackSource.UNKNOWN,
    "camera": models.TrackSource.CAMERA,
    "microphone": models.TrackSource.MICROPHONE,
    "screen_share": models.TrackSource.SCREEN_SHARE,
    "screen_share_audio": models.TrackSource.SCREEN_SHARE_AUDIO,
}
_SOURCE_NAMES = {source: name for name, source in _SOURCES.items()}

_KINDS: dict[str, models.ParticipantInfo.Kind] = {
    "standard": models.ParticipantInfo.STANDARD,
    "ingress": models.ParticipantInfo.INGRESS,
    "egress": models.ParticipantInfo.EGRESS,
    "sip": models.ParticipantInfo.SIP,
    "agent": models.ParticipantInfo.AGENT,
    "connector": models.ParticipantInfo.CONNECTOR,
    "bridge": models.ParticipantInfo.BRIDGE,
}


def participant_kind(claims: Claims) -> models.ParticipantInfo.Kind:
    """The kind that the token tells; standard if it tells none or one that is not known."""
    return _KINDS.get(claims.kind, models.ParticipantInfo.STANDARD)


def kind_details(claims: Claims) -> list[models.ParticipantInfo.KindDetail]:
    """What the token tells of the kind, as far as that is known."""
    if not claims.kind_details:
        return []
    known = cast(Mapping[str, models.ParticipantInfo.KindDetail], dict(models.ParticipantInfo.KindDetail.items()))
    return [known[name.upper()] for name in claims.kind_details if name.upper() in known]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """A participant's permissions at one moment.

    Attributes:
        publish_sources: by name, so that one that nobody knows permits nothing; empty: all.
    """

    can_subscribe: bool = True
    can_publish: bool = True
    can_publish_data: bool = True
    publish_sources: frozenset[str] = frozenset()
    can_update_metadata: bool = False
    hidden: bool = False
    recorder: bool = False
    agent: bool = False
    can_subscribe_metrics: bool = False
    can_manage_agent_session: bool = False

    @classmethod
    def from_grants(cls, grants: VideoGrants) -> "Permissions":
        """Fills in LiveKit's defaults for what the token does not tell."""
        can_publish = grants.can_publish is not False
        return cls(
            can_subscribe=grants.can_subscribe is not False,
            can_publish=can_publish,
            can_publish_data=can_publish if grants.can_publish_data is None else grants.can_publish_data,
            publish_sources=frozenset(grants.can_publish_sources),
            can_update_metadata=bool(grants.can_update_own_metadata),
            hidden=grants.hidden,
            recorder=grants.recorder,
            agent=grants.agent,
            can_subscribe_metrics=grants.can_subscribe_metrics,
            can_manage_agent_session=grants.can_manage_agent_session,
        )

    @classmethod
    def from_message(cls, message: models.ParticipantPermission) -> "Permissions":
        """What a moderator sets; all of it replaces all that was."""
        return cls(
            can_subscribe=message.can_subscribe,
            can_publish=message.can_publish,
            can_publish_data=message.can_publish_data,
            publish_sources=frozenset(_source_name(source) for source in message.can_publish_sources),
            can_update_metadata=message.can_update_metadata,
            hidden=message.hidden,
            recorder=message.recorder,
            agent=message.agent,
            can_subscribe_metrics=message.can_subscribe_metrics,
            can_manage_agent_session=message.can_manage_agent_session,
        )

    def without(self, denied: frozenset[str]) -> "Permissions":
        """These permissions, but for publishing the denied sources."""
        if not denied or not self.can_publish:
            return self
        left = (self.publish_sources or frozenset(_SOURCES)) - denied
        # No source at all would read as every source.
        return replace(self, publish_sources=left, can_publish=bool(left))

    def to_grants(self, *, room: str, agent: bool) -> VideoGrants:
        """The grants of a token that joins `room` with these permissions."""
        return replace(self.put_into(VideoGrants(room_join=True, room=room)), agent=agent)

    def put_into(self, grants: VideoGrants) -> VideoGrants:
        """`grants`, with these permissions instead of those that they had."""
        return replace(
            grants,
            can_subscribe=self.can_subscribe,
            can_publish=self.can_publish,
            can_publish_data=self.can_publish_data,
            can_publish_sources=tuple(sorted(self.publish_sources)),
            can_update_own_metadata=self.can_update_metadata,
            hidden=self.hidden,
            recorder=self.recorder,
            agent=self.agent,
            can_subscribe_metrics=self.can_subscribe_metrics,
            can_manage_agent_session=self.can_manage_agent_session,
        )

    def may_publish(self, source: models.TrackSource) -> bool:
        """Whether a track of this source may be published."""
        return self.can_publish and (not self.publish_sources or _source_name(source) in self.publish_sources)

    def to_message(self) -> models.ParticipantPermission:
        """As clients read it."""
        return models.ParticipantPermission(
            can_subscribe=self.can_subscribe,
            can_publish=self.can_publish,
            can_publish_data=self.can_publish_data,
            can_publish_sources=sorted(_known_sources(self.publish_sources)),
            hidden=self.hidden,
            recorder=self.recorder,
            can_update_metadata=self.can_update_metadata,
            agent=self.agent,
            can_subscribe_metrics=self.can_subscribe_metrics,
            can_manage_agent_session=self.can_manage_agent_session,
        )


def _source_name(source: models.TrackSource) -> str:
    return _SOURCE_NAMES.get(source, "unknown")


def _known_sources(names: Iterable[str]) -> set[models.TrackSource]:
    return {_SOURCES.get(name, models.TrackSource.UNKNOWN) for name in names}
