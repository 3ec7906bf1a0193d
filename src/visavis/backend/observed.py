"""What the operator is told of rooms of this process: as JSON, from the rooms and what is observed of the media."""

from collections.abc import Mapping
from typing import Any

from livekit.protocol import models

from visavis.figures import Observation, ParticipantRates, TrackRates
from visavis.rooms import Participant, Track
from visavis.signalling import LiveRoom

Json = dict[str, Any]

_NOTHING = ParticipantRates()


def describe_room(live: LiveRoom, seen: Observation) -> Json:
    """One line of the list: the room and its sums."""
    room = live.room
    rates = [seen.participants.get(each.sid, _NOTHING) for each in room.participants]
    return {
        "sid": room.sid,
        "name": room.name,
        "startedAt": int(room.created_at * 1000),
        "maxParticipants": room.limits.max_participants,
        "people": room.people_count,
        "participants": len(rates),
        "tracks": sum(len(each.tracks.published) for each in room.participants),
        "isRecorded": room.is_recorded,
        "bitrateIn": sum(each.bitrate_in for each in rates),
        "bitrateOut": sum(each.bitrate_out for each in rates),
        "lossIn": _worst(each.loss_in for each in rates),
        "lossOut": _worst(each.loss_out for each in rates),
    }


def describe_people(live: LiveRoom, seen: Observation) -> list[Json]:
    """Everybody in a room, hidden ones too, with what they send and receive."""
    outgoing: dict[str, tuple[int, float, float | None]] = {}
    for participant in live.room.participants:
        for track, rates in seen.participants.get(participant.sid, _NOTHING).received.items():
            count, bitrate, loss = outgoing.get(track, (0, 0.0, None))
            outgoing[track] = (count + 1, bitrate + rates.bitrate, _worst((loss, rates.loss)))
    return [
        _describe_participant(live, each, seen.participants.get(each.sid, _NOTHING), outgoing)
        for each in live.room.participants
    ]


def _describe_participant(
    live: LiveRoom,
    participant: Participant,
    rates: ParticipantRates,
    outgoing: Mapping[str, tuple[int, float, float | None]],
) -> Json:
    about = participant.about
    return {
        "sid": participant.sid,
        "identity": participant.identity,
        "name": participant.name,
        "kind": models.ParticipantInfo.Kind.Name(participant.kind).lower(),
        "state": models.ParticipantInfo.State.Name(participant.state).lower(),
        "isHidden": participant.is_hidden,
        "joinedAt": int(participant.joined_at * 1000),
        "client": " ".join(filter(None, (about.sdk, about.version, about.browser, about.browser_version, about.os))),
        "bitrateIn": rates.bitrate_in,
        "bitrateOut": rates.bitrate_out,
        "packetsIn": rates.packets_in,
        "packetsOut": rates.packets_out,
        "lossIn": rates.loss_in,
        "lossOut": rates.loss_out,
        "rtt": rates.rtt,
        "estimate": rates.estimate,
        "tracks": [
            _describe_track(
                track, rates.published.get(track.sid, TrackRates()), outgoing.get(track.sid, (0, 0.0, None))
            )
            for track in participant.tracks.published.values()
        ],
        "received": [_describe_received(live, track, each) for track, each in sorted(rates.received.items())],
    }


def _describe_track(track: Track, rates: TrackRates, outgoing: tuple[int, float, float | None]) -> Json:
    info = track.info
    subscribers, bitrate_out, loss_out = outgoing
    return {
        "sid": track.sid,
        "kind": models.TrackType.Name(info.type).lower(),
        "source": models.TrackSource.Name(info.source).lower(),
        "name": info.name,
        "mimeType": info.mime_type.lower(),
        "isMuted": info.muted,
        "width": info.width,
        "height": info.height,
        "bitrateIn": rates.bitrate,
        "packetsIn": rates.packets,
        "lossIn": rates.loss,
        "subscribers": subscribers,
        "bitrateOut": bitrate_out,
        "lossOut": loss_out,
    }


def _describe_received(live: LiveRoom, track: str, rates: TrackRates) -> Json:
    publisher = live.room.publisher_of(track)
    return {
        "track": track,
        "publisher": "" if publisher is None else publisher.name or publisher.identity,
        "bitrate": rates.bitrate,
        "packets": rates.packets,
        "loss": rates.loss,
        "layer": rates.layer,
    }


def _worst(losses: Any) -> float | None:
    return max((loss for loss in losses if loss is not None), default=None)
