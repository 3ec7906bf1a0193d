"""One who does not read, and one who floods: each costs only itself."""

import os

from livekit.protocol import models, rtc

GONE = models.ParticipantInfo.DISCONNECTED


async def test_a_slow_reader_is_dropped_alone(server):
    alice = await server.join("alice")
    bob = await server.join("bob")
    bob.socket.transport.pause_reading()
    for number in range(60):
        # Not compressible, as the sockets would otherwise hold all of it.
        metadata = f"{number} {os.urandom(200_000).hex()}"
        await alice.send(update_metadata=rtc.UpdateParticipantMetadata(metadata=metadata))
        await alice.until_participant(lambda info, metadata=metadata: info.metadata == metadata)
    told = [info for response in alice.seen for info in response.update.participants if info.state == GONE]
    gone = told[0] if told else await alice.until_participant(lambda info: info.state == GONE)
    assert gone.identity == "bob"
    assert server.backend.rooms()[0].participant_count == 1
    bob.socket.transport.abort()


async def test_a_flood_lets_others_have_their_turn(server):
    alice = await server.join("alice")
    mallory = await server.join("mallory")
    flood = rtc.SignalRequest(mute=rtc.MuteTrackRequest(sid="TR_none")).SerializeToString()
    for _ in range(2000):
        await mallory.socket.send(flood)
    await alice.sync()
    await mallory.sync()
