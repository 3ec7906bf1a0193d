"""What the tests of the engine do with it: join, wait for what it says."""

import select
import time
from collections.abc import Callable

from visavis import _sfu

MakeEngine = Callable[..., _sfu.Engine]
LOOPBACK = "127.0.0.1"
PATIENCE = 10.0


def join(engine: _sfu.Engine, participant: str, room: str = "RM_a") -> None:
    """Adds a participant as the signalling does."""
    engine.add_participant(
        room,
        participant,
        f"identity of {participant}",
        primary="subscriber",
        single=False,
        can_publish_data=True,
        hidden=False,
        agent=False,
        can_subscribe_metrics=False,
        codec_change=True,
        allow_pause=None,
        mime_types=["video/VP8", "video/H264", "audio/opus"],
        playout_delay=None,
        sync_streams=False,
    )


def next_events(engine: _sfu.Engine) -> list[_sfu.Event]:
    """Waits until the engine says something."""
    assert select.select([engine], [], [], PATIENCE)[0], "the engine said nothing"
    return engine.drain()


def offer_of(engine: _sfu.Engine, participant: str) -> _sfu.Event.Offer:
    """Waits for the first offer to a participant."""
    while True:
        for event in next_events(engine):
            if isinstance(event, _sfu.Event.Offer) and event.participant == participant:
                return event


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for what another thread does and tells nobody (the counters)."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"in vain waited for {what}"
        time.sleep(0.01)


def answer(engine: _sfu.Engine, offer: _sfu.Event.Offer, ufrag: str = "them") -> None:
    """Answers a first offer as a client does, so that its checks are answered; no DTLS follows."""
    kept = ("v=", "o=", "s=", "t=", "m=", "c=", "a=group:", "a=mid:", "a=sctp-port:", "a=max-message-size:")
    lines = [line for line in offer.sdp.splitlines() if line.startswith(kept)]
    fingerprint = ":".join(["AB"] * 32)
    lines += [f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{'p' * 24}", f"a=fingerprint:sha-256 {fingerprint}", "a=setup:active"]
    engine.subscriber_answer(offer.participant, offer.offer_id, "\r\n".join(lines) + "\r\n")
