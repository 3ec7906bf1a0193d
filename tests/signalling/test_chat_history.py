"""What was said in a room, for who comes later: who may read it."""

import pytest
from livekit.protocol import models

from visavis.errors import ErrorKind, VisavisError
from visavis.media import events
from visavis.signalling.messages import Reason


def said(sid: str, identity: str, text: str) -> events.ChatPacket:
    """What the media core tells when a participant has said it."""
    header = models.DataStream.Header(
        stream_id="1", topic="lk.chat", text_header=models.DataStream.TextHeader(), inline_content=text.encode()
    )
    packet = models.DataPacket(participant_identity=identity, stream_header=header)
    return events.ChatPacket(sid, packet.SerializeToString())


async def test_a_late_joiner_reads_what_one_said_who_has_left(server) -> None:
    alice, bob = await server.join_active("alice", name="Alice"), await server.join_active("bob")
    server.engine.emit(said(alice.sid, "alice", "Hello"))
    await alice.sync()
    live = (await server.backend.registry()).get("atrium")
    live.remove(live.sessions[alice.sid], Reason.CLIENT_INITIATED)
    await bob.until_participant(lambda info: info.state == models.ParticipantInfo.DISCONNECTED)
    await server.join_active("carol")
    [message] = await server.backend.chat(server.token("carol"), "atrium")
    assert (message.id, message.identity, message.name, message.text) == ("1", "alice", "Alice", "Hello")
    assert 0 <= message.seconds_ago < 60


async def test_nobody_reads_it_from_outside(server) -> None:
    await server.join_active("alice")
    for token, room, kind in [
        ("no token", "atrium", ErrorKind.INVALID_TOKEN),
        (server.token("bob"), "atrium", ErrorKind.NOT_IN_ROOM),
        (server.token("alice"), "cellar", ErrorKind.WRONG_ROOM),
        (server.token("alice", "cellar"), "cellar", ErrorKind.NOT_IN_ROOM),
        (server.token("alice", room_join=False), "atrium", ErrorKind.NOT_PERMITTED),
    ]:
        with pytest.raises(VisavisError) as refused:
            await server.backend.chat(token, room)
        assert refused.value.kind == kind
    assert await server.backend.chat(server.token("alice"), "atrium") == []
