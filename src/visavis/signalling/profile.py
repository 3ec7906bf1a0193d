"""What a participant tells of itself, changed by its client or by a moderator: name, metadata and attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from visavis.errors import ErrorKind, VisavisError
from visavis.signalling.session import Session

if TYPE_CHECKING:
    from visavis.signalling.live_room import LiveRoom

MAX_METADATA_BYTES = 512 << 10
MAX_ATTRIBUTES_BYTES = 64 << 10
MAX_NAME_CHARACTERS = 256


def checked_metadata(metadata: str) -> str:
    """The metadata of a participant or a room, if it is not too long.

    Raises:
        VisavisError: `INVALID_REQUEST`.
    """
    if len(metadata.encode()) > MAX_METADATA_BYTES:
        raise VisavisError(ErrorKind.INVALID_REQUEST, f"metadata size exceeds limits {MAX_METADATA_BYTES}")
    return metadata


def check_attributes(attributes: Mapping[str, str]) -> None:
    """Checks that attributes are not too long, all together.

    Raises:
        VisavisError: `INVALID_REQUEST`.
    """
    if sum(len(key.encode()) + len(value.encode()) for key, value in attributes.items()) > MAX_ATTRIBUTES_BYTES:
        raise VisavisError(ErrorKind.INVALID_REQUEST, f"attribute size exceeds limits {MAX_ATTRIBUTES_BYTES}")


def update_profile(
    room: LiveRoom, session: Session, *, name: str, metadata: str, attributes: Mapping[str, str]
) -> bool:
    """Changes what is told of a participant, and tells everybody, itself included; returns whether anything changed.

    Its token is to be refreshed then.

    Args:
        room: that it is in.
        session: whose.
        name: "" leaves it as it is; LiveKit's clients cannot clear it.
        metadata: as `name`.
        attributes: are merged; an empty value removes one.

    Raises:
        VisavisError: `INVALID_REQUEST`; nothing is changed.
    """
    participant = session.participant
    merged = {key: value for key, value in {**participant.attributes, **attributes}.items() if value}
    if len(name) > MAX_NAME_CHARACTERS:
        raise VisavisError(ErrorKind.INVALID_REQUEST, f"name length exceeds limits {MAX_NAME_CHARACTERS}")
    check_attributes(merged)
    before = (participant.name, participant.metadata)
    participant.metadata = checked_metadata(metadata) or participant.metadata
    participant.name = name or participant.name
    participant.attributes = merged
    # Attributes are told again in any case, as by livekit-server: some clients wait for them.
    if not attributes and before == (participant.name, participant.metadata):
        return False
    participant.touch()
    room.announce(participant, to_self=True)
    return True
