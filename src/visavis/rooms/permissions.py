"""What a participant may do, as its token grants it and as the others are told."""

from dataclasses import dataclass

from livekit.protocol import models

from visavis.auth import Claims, VideoGrants

SOURCE_NAMES: dict[str, models.TrackSource] = {
    "unknown": models.TrackSource.UNKNOWN,
    "camera": models.TrackSource.CAMERA,
    "microphone": models.TrackSource.MICROPHONE,
    "screen_share": models.TrackSource.SCREEN_SHARE,
    "screen_share_audio": models.TrackSource.SCREEN_SHARE_AUDIO,
}

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """A participant's permissions at one moment. `publish_sources` empty: all."""

    can_subscribe: bool = True
    can_publish: bool = True
    can_publish_data: bool = True
    publish_sources: frozenset[models.TrackSource] = frozenset()
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
            publish_sources=frozenset(
                SOURCE_NAMES[name] for name in grants.can_publish_sources if name in SOURCE_NAMES
            ),
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
            publish_sources=frozenset(message.can_publish_sources),
            can_update_metadata=message.can_update_metadata,
            hidden=message.hidden,
            recorder=message.recorder,
            agent=message.agent,
            can_subscribe_metrics=message.can_subscribe_metrics,
            can_manage_agent_session=message.can_manage_agent_session,
        )

    def to_grants(self, *, room: str, agent: bool) -> VideoGrants:
        """The grants of a token that joins `room` with these permissions."""
        names = {source: name for name, source in SOURCE_NAMES.items()}
        return VideoGrants(
            room_join=True,
            room=room,
            agent=agent,
            can_subscribe=self.can_subscribe,
            can_publish=self.can_publish,
            can_publish_data=self.can_publish_data,
            can_publish_sources=tuple(names[source] for source in sorted(self.publish_sources)),
            can_update_own_metadata=self.can_update_metadata,
            hidden=self.hidden,
            recorder=self.recorder,
            can_subscribe_metrics=self.can_subscribe_metrics,
            can_manage_agent_session=self.can_manage_agent_session,
        )

    def may_publish(self, source: models.TrackSource) -> bool:
        """Whether a track of this source may be published."""
        return self.can_publish and (not self.publish_sources or source in self.publish_sources)

    def to_message(self) -> models.ParticipantPermission:
        """As clients read it."""
        return models.ParticipantPermission(
            can_subscribe=self.can_subscribe,
            can_publish=self.can_publish,
            can_publish_data=self.can_publish_data,
            can_publish_sources=sorted(self.publish_sources),
            hidden=self.hidden,
            recorder=self.recorder,
            can_update_metadata=self.can_update_metadata,
            agent=self.agent,
            can_subscribe_metrics=self.can_subscribe_metrics,
            can_manage_agent_session=self.can_manage_agent_session,
        )
