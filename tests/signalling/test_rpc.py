"""RPC of the server where a client does not do its part. What well-behaved ones do is in tests/conformance."""

import asyncio

import pytest
from livekit.protocol import models

from visavis.media import events
from visavis.signalling import Session, rpc
from visavis.signalling.messages import Reason


async def session_of(server, identity: str = "alice") -> Session:
    client = await server.join_active(identity)
    live = (await server.backend.registry()).get("atrium")
    assert live
    return live.sessions[client.sid]


def reply(session: Session, request: str, **value: object) -> events.RpcReply:
    return events.RpcReply(session.sid, request, models.DataPacket(**value).SerializeToString())


async def test_who_does_not_acknowledge_is_given_up(server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "ACK_SECONDS", 0.05)
    session = await session_of(server)
    with pytest.raises(rpc.RpcError, match="1501: Connection timeout"):
        await rpc.perform_rpc(server.engine, session, "m", "")
    [ended] = server.engine.called("end_rpc")
    assert ended.arguments == server.engine.called("perform_rpc")[0].arguments[:2]
    assert not session.rpcs


async def test_who_acknowledges_has_longer(server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "ACK_SECONDS", 0.05)
    session = await session_of(server)
    answer = asyncio.create_task(rpc.perform_rpc(server.engine, session, "m", "", 200))
    await asyncio.sleep(0)
    [request] = session.rpcs
    server.engine.emit(reply(session, request, rpc_ack=models.RpcAck(request_id=request)))
    with pytest.raises(rpc.RpcError, match="1502: Response timeout"):
        await answer


async def test_an_answer_needs_no_acknowledgement(server) -> None:
    session = await session_of(server)
    answer = asyncio.create_task(rpc.perform_rpc(server.engine, session, "m", "p"))
    await asyncio.sleep(0)
    [request] = session.rpcs
    response = models.RpcResponse(request_id=request, payload="fine")
    # What comes after the first answer is not listened to.
    for _ in range(2):
        server.engine.emit(reply(session, request, rpc_response=response))
    assert await answer == "fine"
    server.engine.emit(reply(session, request, rpc_response=response))


async def test_a_removed_participant_answers_nothing(server) -> None:
    session = await session_of(server)
    live = (await server.backend.registry()).get("atrium")
    assert live
    answer = asyncio.create_task(rpc.perform_rpc(server.engine, session, "m", ""))
    await asyncio.sleep(0)
    live.remove(session, Reason.PARTICIPANT_REMOVED)
    with pytest.raises(rpc.RpcError, match="1503: Recipient disconnected"):
        await answer


async def test_nobody_owes_more_than_so_many_answers(server) -> None:
    session = await session_of(server)
    owed = [asyncio.create_task(rpc.perform_rpc(server.engine, session, "m", "")) for _ in range(rpc.MAX_UNANSWERED)]
    await asyncio.sleep(0)
    with pytest.raises(rpc.Unreachable, match="requests to answer"):
        await rpc.perform_rpc(server.engine, session, "m", "")
    rpc.hang_up(session)
    assert all(isinstance(end, rpc.RpcError) for end in await asyncio.gather(*owed, return_exceptions=True))


async def test_who_is_not_connected_cannot_be_asked(serve) -> None:
    server = await serve(auto=False)
    client = await server.join("alice")
    live = (await server.backend.registry()).get("atrium")
    assert live
    with pytest.raises(rpc.Unreachable, match="data channel is not available"):
        await rpc.perform_rpc(server.engine, live.sessions[client.sid], "m", "")
