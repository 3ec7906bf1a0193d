"""RPC of the server: a request to one participant's client, and waiting for its answer."""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from livekit.protocol import models

from visavis.media import MediaEngine, events
from visavis.signalling.session import Session

MAX_PAYLOAD_BYTES = 15_360
ACK_SECONDS = 2.0
DEFAULT_RESPONSE_SECONDS = 10.0
# More requests that one client has not answered come from a caller that does not wait for the answers.
MAX_UNANSWERED = 64
_VERSION = 1

UNSUPPORTED_METHOD: Final = 1400
RECIPIENT_NOT_FOUND: Final = 1401
REQUEST_TOO_LARGE: Final = 1402
UNSUPPORTED_SERVER: Final = 1403
UNSUPPORTED_VERSION: Final = 1404
CONNECTION_TIMEOUT: Final = 1501
RESPONSE_TIMEOUT: Final = 1502
RECIPIENT_DISCONNECTED: Final = 1503
_OWN_MESSAGES = {
    REQUEST_TOO_LARGE: "Request payload too large",
    CONNECTION_TIMEOUT: "Connection timeout",
    RESPONSE_TIMEOUT: "Response timeout",
    RECIPIENT_DISCONNECTED: "Recipient disconnected",
}


class RpcError(Exception):
    """How a request failed: by a code of LiveKit's (14xx, 15xx), or one of the client's own."""

    def __init__(self, code: int, message: str = "", data: str = "") -> None:
        self.code = code
        parts = (f"RpcError {code}", message or _OWN_MESSAGES.get(code, ""), data)
        super().__init__(": ".join(part for part in parts if part))


class Unreachable(Exception):
    """Nothing can be asked of this participant now."""


@dataclass(slots=True)
class UnansweredRpc:
    """A request that a client has not answered."""

    answer: asyncio.Future[str]
    ack_timer: asyncio.TimerHandle

    def fail(self, error: RpcError) -> None:
        """Ends the request, if it has not ended."""
        if not self.answer.done():
            self.answer.set_exception(error)


async def perform_rpc(engine: MediaEngine, session: Session, method: str, payload: str, timeout_ms: int = 0) -> str:
    """Calls a method that the participant's client has registered; returns what it answers.

    Args:
        engine: carries the request.
        session: whose client is asked.
        method: its name.
        payload: not more than 15 KiB in UTF-8.
        timeout_ms: how long the answer may take; 0: 10 s. That the client has the request, it must tell within 2 s.

    Raises:
        RpcError: the client answered with an error, or not in time, or left.
        Unreachable: the client is not connected yet, or owes too many answers.
    """
    if len(payload.encode()) > MAX_PAYLOAD_BYTES:
        raise RpcError(REQUEST_TOO_LARGE)
    if session.participant.state != models.ParticipantInfo.ACTIVE:
        raise Unreachable("data channel is not available")
    if len(session.rpcs) >= MAX_UNANSWERED:
        raise Unreachable(f"the participant has {MAX_UNANSWERED} requests to answer: wait for these")
    timeout_ms = timeout_ms or round(DEFAULT_RESPONSE_SECONDS * 1000)
    request = models.RpcRequest(
        id=str(uuid4()), method=method, payload=payload, response_timeout_ms=timeout_ms, version=_VERSION
    )
    packet = models.DataPacket(participant_identity=request.id, rpc_request=request)
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()
    rpc = UnansweredRpc(answer, loop.call_later(ACK_SECONDS, lambda: rpc.fail(RpcError(CONNECTION_TIMEOUT))))
    response_timer = loop.call_later(timeout_ms / 1000, lambda: rpc.fail(RpcError(RESPONSE_TIMEOUT)))
    session.rpcs[request.id] = rpc
    engine.perform_rpc(session.sid, request.id, packet.SerializeToString())
    try:
        return await answer
    finally:
        rpc.ack_timer.cancel()
        response_timer.cancel()
        del session.rpcs[request.id]
        engine.end_rpc(session.sid, request.id)


def replied(session: Session, event: events.RpcReply) -> None:
    """The client acknowledged or answered a request."""
    rpc = session.rpcs.get(event.request)
    if rpc is None:
        return
    rpc.ack_timer.cancel()
    packet = models.DataPacket.FromString(event.packet)
    if packet.WhichOneof("value") != "rpc_response" or rpc.answer.done():
        return
    response = packet.rpc_response
    if response.HasField("error"):
        rpc.fail(RpcError(response.error.code, response.error.message, response.error.data))
    else:
        rpc.answer.set_result(response.payload)


def hang_up(session: Session) -> None:
    """The participant is gone: it will answer nothing any more."""
    for rpc in session.rpcs.values():
        rpc.fail(RpcError(RECIPIENT_DISCONNECTED))
