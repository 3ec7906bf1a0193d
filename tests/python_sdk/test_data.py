"""Everything that is not media, between PyPI `livekit` clients: data, names, RPC, streams."""

import asyncio
import hashlib
import random
from typing import Any

import pytest
from caller import Caller, Join
from livekit import rtc

FENCE = b"fence"


def payloads(caller: Caller, topic: str) -> list[bytes]:
    return [packet.data for (packet,) in caller.all("data_received") if packet.topic == topic]


class TestPackets:
    async def test_reliable_data_reaches_all_others_whole_and_in_order(
        self, alice: Caller, bob: Caller, carol: Caller
    ) -> None:
        sent = [random.Random(n).randbytes(1 + n * 150) for n in range(100)]
        for data in sent:
            await alice.me.publish_data(data, topic="numbers")
        for other in (bob, carol):
            await other.until(lambda other=other: len(payloads(other, "numbers")) == len(sent), "100 packets")
            assert payloads(other, "numbers") == sent
        assert not alice.all("data_received")
        (packet,) = bob.all("data_received")[0]
        assert packet.participant.identity == "alice"
        assert packet.kind == rtc.DataPacketKind.KIND_RELIABLE

    async def test_lossy_data_arrives_on_a_good_network(self, alice: Caller, bob: Caller) -> None:
        sent = {f"{n}".encode() for n in range(50)}
        for data in sent:
            await alice.me.publish_data(data, reliable=False, topic="quick")
            await asyncio.sleep(0)  # the client hands it over on its own thread
        await bob.until(lambda: len(payloads(bob, "quick")) >= 45, "45 of 50 lossy packets")
        assert set(payloads(bob, "quick")) <= sent
        assert all(packet.kind == rtc.DataPacketKind.KIND_LOSSY for (packet,) in bob.all("data_received"))

    @pytest.mark.parametrize("reliable", [True, False])
    async def test_data_for_some_reaches_only_them(
        self, alice: Caller, bob: Caller, carol: Caller, reliable: bool
    ) -> None:
        await alice.me.publish_data("for bob", reliable=reliable, destination_identities=["bob"], topic="secret")
        await alice.me.publish_data("for nobody", reliable=reliable, destination_identities=["nobody"], topic="secret")
        await bob.until(lambda: payloads(bob, "secret"), "the packet for bob")
        await alice.me.publish_data(FENCE, reliable=reliable, topic="all")
        for other in (bob, carol):
            await other.until(lambda other=other: payloads(other, "all"), "the packet for all")
        assert payloads(bob, "secret") == [b"for bob"]
        assert payloads(carol, "secret") == []

    async def test_data_both_ways_at_once(self, alice: Caller, bob: Caller) -> None:
        async def talk(one: Caller) -> None:
            for n in range(50):
                await one.me.publish_data(f"{one.identity} {n}", topic="talk")

        await asyncio.gather(talk(alice), talk(bob))
        for one, other in [(alice, bob), (bob, alice)]:
            await one.until(lambda one=one: len(payloads(one, "talk")) == 50, "50 packets")
            assert payloads(one, "talk") == [f"{other.identity} {n}".encode() for n in range(50)]

    async def test_who_may_not_publish_data_is_not_heard(self, alice: Caller, join: Join) -> None:
        mute = await join("mute", can_publish_data=False)
        await alice.sees(mute)
        await mute.me.publish_data("psst", topic="mute")
        talker = await join("talker")
        await alice.sees(talker)
        await talker.me.publish_data(FENCE, topic="mute")
        await alice.until(lambda: payloads(alice, "mute"), "the packet of who may")
        assert payloads(alice, "mute") == [FENCE]


class TestNames:
    async def test_name_metadata_and_attributes_reach_the_others(self, alice: Caller, bob: Caller) -> None:
        await alice.me.set_name("Alice A.")
        await alice.me.set_metadata('{"hat": "red"}')
        await alice.me.set_attributes({"hand": "up", "mood": "good"})
        await bob.event("participant_name_changed", lambda p, _, new: (p.identity, new) == ("alice", "Alice A."))
        await bob.event("participant_metadata_changed", lambda p, _, new: new == '{"hat": "red"}')
        changed, _ = await bob.event("participant_attributes_changed")
        assert changed == {"hand": "up", "mood": "good"}
        seen = bob.remote(alice)
        assert (seen.name, seen.metadata) == ("Alice A.", '{"hat": "red"}')

    async def test_an_attribute_is_changed_alone_and_removed_by_an_empty_value(
        self, alice: Caller, bob: Caller
    ) -> None:
        await alice.me.set_attributes({"hand": "up", "mood": "good"})
        await bob.event("participant_attributes_changed", lambda changed, _: "mood" in changed)
        mark = bob.now()
        await alice.me.set_attributes({"hand": ""})
        await bob.event("participant_attributes_changed", lambda changed, _: changed == {"hand": ""}, since=mark)
        await bob.until(lambda: bob.remote(alice).attributes == {"mood": "good"}, "the attributes that are left")

    async def test_a_late_joiner_sees_them(self, alice: Caller, join: Join) -> None:
        await alice.me.set_name("Alice A.")
        await alice.me.set_metadata("meta")
        await alice.me.set_attributes({"hand": "up"})
        await alice.event("participant_attributes_changed")
        dave = await join("dave", name="Dave")
        seen = await dave.sees(alice)
        assert (seen.name, seen.metadata, seen.attributes) == ("Alice A.", "meta", {"hand": "up"})
        assert (await alice.sees(dave)).name == "Dave"


class TestRpc:
    async def test_a_call_is_answered(self, alice: Caller, bob: Caller) -> None:
        @bob.me.register_rpc_method("double")
        async def double(call: rtc.RpcInvocationData) -> str:
            return f"{call.caller_identity}:{call.payload * 2}"

        answer = await alice.me.perform_rpc(destination_identity="bob", method="double", payload="ab")
        assert answer == "alice:abab"

    async def test_a_large_payload_passes(self, alice: Caller, bob: Caller) -> None:
        @bob.me.register_rpc_method("echo")
        async def echo(call: rtc.RpcInvocationData) -> str:
            return call.payload

        text = "x" * 14_000
        assert await alice.me.perform_rpc(destination_identity="bob", method="echo", payload=text) == text

    async def test_the_handlers_own_error_comes_back(self, alice: Caller, bob: Caller) -> None:
        @bob.me.register_rpc_method("fail")
        async def fail(call: rtc.RpcInvocationData) -> str:
            raise rtc.RpcError(1234, "not today", data="why")

        with pytest.raises(rtc.RpcError) as failure:
            await alice.me.perform_rpc(destination_identity="bob", method="fail", payload="")
        assert (failure.value.code, failure.value.message, failure.value.data) == (1234, "not today", "why")

    async def test_an_unknown_method_is_told(self, alice: Caller, bob: Caller) -> None:
        with pytest.raises(rtc.RpcError) as failure:
            await alice.me.perform_rpc(destination_identity="bob", method="nope", payload="")
        assert failure.value.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD


class TestStreams:
    async def test_a_long_text_arrives_whole(self, alice: Caller, bob: Caller) -> None:
        received = self._texts(bob)
        text = "Ünïcode ⇄ " * 8_000
        await alice.me.send_text(text, topic="t", attributes={"a": "1"})
        identity, info, content = await asyncio.wait_for(received, 10)
        assert (identity, content) == ("alice", text)
        assert info.attributes["a"] == "1"

    async def test_text_comes_piece_by_piece(self, alice: Caller, bob: Caller) -> None:
        pieces: asyncio.Queue[str] = asyncio.Queue()

        async def read(reader: rtc.TextStreamReader) -> None:
            async for piece in reader:
                pieces.put_nowait(piece)

        tasks: list[asyncio.Task[None]] = []
        bob.room.register_text_stream_handler("t", lambda r, _: tasks.append(asyncio.create_task(read(r))))
        writer = await alice.me.stream_text(topic="t")
        for word in ["one ", "two ", "three"]:
            await writer.write(word)
            assert await asyncio.wait_for(pieces.get(), 5) == word
        await writer.aclose()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)

    async def test_a_file_of_bytes_arrives_whole(self, alice: Caller, bob: Caller, tmp_path: Any) -> None:
        data = random.Random(1).randbytes(500_000)
        path = tmp_path / "picture.bin"
        path.write_bytes(data)
        received: asyncio.Future[tuple[str | None, bytes]] = asyncio.get_running_loop().create_future()

        async def read(reader: rtc.ByteStreamReader) -> None:
            received.set_result((reader.info.name, b"".join([chunk async for chunk in reader])))

        tasks: list[asyncio.Task[None]] = []
        bob.room.register_byte_stream_handler("f", lambda r, _: tasks.append(asyncio.create_task(read(r))))
        await alice.me.send_file(str(path), topic="f")
        name, content = await asyncio.wait_for(received, 15)
        assert name == "picture.bin"
        assert hashlib.sha256(content).digest() == hashlib.sha256(data).digest()

    async def test_a_stream_for_one_is_not_seen_by_another(self, alice: Caller, bob: Caller, carol: Caller) -> None:
        for_bob, for_carol = self._texts(bob), self._texts(carol)
        await alice.me.send_text("only bob", topic="t", destination_identities=["bob"])
        assert (await asyncio.wait_for(for_bob, 10))[2] == "only bob"
        await alice.me.send_text("both", topic="t")
        assert (await asyncio.wait_for(for_carol, 10))[2] == "both"

    @staticmethod
    def _texts(caller: Caller) -> "asyncio.Future[tuple[str, rtc.TextStreamInfo, str]]":
        """The first text that arrives: from whom, about it, content."""
        first: asyncio.Future[tuple[str, rtc.TextStreamInfo, str]] = asyncio.get_running_loop().create_future()

        async def read(reader: rtc.TextStreamReader, identity: str) -> None:
            content = await reader.read_all()
            if not first.done():
                first.set_result((identity, reader.info, content))

        tasks: list[asyncio.Task[None]] = []
        caller.room.register_text_stream_handler("t", lambda r, who: tasks.append(asyncio.create_task(read(r, who))))
        return first
