"""What the native core sends becomes values of ours: every kind of it."""

import dataclasses
from typing import Any

import pytest

from visavis import _sfu
from visavis.media import core, events

SENT: dict[str, tuple[Any, ...]] = {
    "Answer": ("PA_a", 1, "v=0", {"0": "TR_a"}),
    "SectionsWanted": ("PA_a", 1, 2),
    "Offer": ("PA_a", 1, "v=0", {"0": "TR_a"}),
    "NegotiationFailed": ("PA_a", "publisher", "no"),
    "MediaAdded": ("PA_a", "0", "video", "cid", "video/VP8", ("q", "h")),
    "MediaRemoved": ("PA_a", "0"),
    "ConnectionChanged": ("PA_a", "publisher", "connected", "udp"),
    "DataChannelsOpen": ("PA_a",),
    "TrackSubscribed": ("PA_a", "TR_a"),
    "SubscribedQuality": ("PA_a", "TR_a", (("video/VP8", 2),)),
    "StreamStateChanged": ("PA_a", "TR_a", True),
    "SubscriptionFailed": ("PA_a", "TR_a", "codec_unsupported"),
    "Speakers": ("room", {}),
    "Quality": ("room", {}),
    "RpcReply": ("PA_a", "request", b"packet"),
    "ChatPacket": ("PA_a", b"packet"),
    "ParticipantFailed": ("PA_a", "no"),
    "Figures": (7, 0, ()),
    "TrackTotals": ("TR_a", 1, 2, 3),
    "ParticipantTotals": ("PA_a", 1, 2),
}


@pytest.mark.parametrize("kind", [name for name in dir(_sfu.Event) if name[0].isupper()])
def test_every_event_of_the_core_is_known(kind: str) -> None:
    value = core._to_value(getattr(_sfu.Event, kind)(*SENT[kind]))

    assert type(value) is getattr(events, kind)
    assert tuple(getattr(value, field.name) for field in dataclasses.fields(value)) == SENT[kind]
