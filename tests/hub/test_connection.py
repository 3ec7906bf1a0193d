"""One connection in made-up time: timers, limits, the end."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from visavis.hub import protocol
from visavis.hub.connection import Connection, HubLimits, Transport

HANDSHAKE = '{"protocol":"json","version":1}\x1e'


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Bench:
    def __init__(self, transport: Transport | None, *, handshake: bool, **limits: Any) -> None:
        self.clock = Clock()
        self.calls: list[protocol.Invocation] = []
        self.ends = 0
        self.connection = Connection(
            "id",
            "token",
            limits=HubLimits(**limits),
            clock=self.clock,
            on_invocation=lambda _, call: self.calls.append(call),
            on_over=self._on_over,
        )
        if transport is not None:
            self.ticket = self.connection.serve(transport)
        if handshake:
            self.connection.receive(HANDSHAKE)
            assert self.taken() == [{}]

    def _on_over(self, _: Connection) -> None:
        self.ends += 1

    def after(self, seconds: float) -> list[dict[str, Any]]:
        self.clock.now += seconds
        self.connection.tick()
        return self.taken()

    def taken(self) -> list[dict[str, Any]]:
        return [json.loads(record) for record in self.connection.take().split("\x1e")[:-1]]


MakeBench = Callable[..., Bench]


@pytest.fixture
def bench() -> MakeBench:
    def make(transport: Transport | None = Transport.WEB_SOCKETS, *, handshake: bool = True, **limits: Any) -> Bench:
        return Bench(transport, handshake=handshake, **limits)

    return make


async def test_pings_after_fifteen_seconds_without_another_message(bench: MakeBench) -> None:
    it = bench()
    assert it.after(14.9) == []
    assert it.after(0.2) == [{"type": 6}]
    it.connection.receive('{"type":6}\x1e')
    assert it.after(14) == []
    it.connection.send(protocol.invocation("T"))
    it.connection.receive('{"type":6}\x1e')
    assert len(it.after(2)) == 1
    assert it.after(14) == [{"type": 6}]


async def test_a_silent_client_is_closed_after_thirty_seconds(bench: MakeBench) -> None:
    it = bench()
    it.after(29)
    assert it.after(1.1) == [{"type": 7, "error": "Connection closed with an error."}]
    assert it.connection.is_finished


async def test_any_message_of_the_client_is_a_sign_of_life(bench: MakeBench) -> None:
    it = bench()
    for _ in range(4):
        it.after(20)
        it.connection.receive('{"type":6}\x1e')
    assert it.connection.is_open


async def test_no_handshake_within_fifteen_seconds_is_told_and_closed(bench: MakeBench) -> None:
    it = bench(handshake=False)
    assert it.after(14) == []
    assert it.after(1.1) == [{"error": "Handshake was canceled."}]
    assert it.connection.is_finished


async def test_a_negotiated_connection_that_nobody_takes_is_forgotten(bench: MakeBench) -> None:
    it = bench(None, handshake=False)
    it.after(15.1)
    assert it.ends == 1


async def test_a_polling_client_is_neither_pinged_nor_timed_out_while_it_polls(bench: MakeBench) -> None:
    it = bench(Transport.LONG_POLLING)
    assert it.after(89) == []
    assert it.connection.is_open


async def test_a_polling_client_that_does_not_come_back_is_dropped(bench: MakeBench) -> None:
    it = bench(Transport.LONG_POLLING)
    it.connection.leave(it.ticket)
    it.after(14)
    assert it.connection.is_open
    it.after(1.1)
    assert it.ends == 1


async def test_a_newer_poll_takes_over_and_the_older_ones_leaving_means_nothing(bench: MakeBench) -> None:
    it = bench(Transport.LONG_POLLING)
    newer = it.connection.serve(Transport.LONG_POLLING)
    assert it.ticket.is_set()
    it.connection.leave(it.ticket)
    assert it.connection.is_served
    it.connection.leave(newer)
    assert not it.connection.is_served


async def test_a_socket_that_goes_ends_the_connection(bench: MakeBench) -> None:
    it = bench()
    it.connection.leave(it.ticket)
    it.connection.drop()
    assert it.ends == 1


async def test_a_client_with_too_much_waiting_is_dropped(bench: MakeBench) -> None:
    it = bench(max_waiting=8)
    for n in range(8):
        it.connection.send(protocol.completion(str(n)))
    assert it.connection.is_open
    it.connection.send(protocol.completion("9"))
    assert it.ends == 1


async def test_announcements_do_not_pile_up_for_a_slow_client(bench: MakeBench) -> None:
    it = bench(max_waiting=8)
    for _ in range(1000):
        it.connection.announce(protocol.invocation("RoomsUpdated", True))
        it.connection.announce(protocol.invocation("RoomsUpdated", False))
    assert it.connection.is_open
    assert len(it.taken()) <= 4


async def test_a_client_that_does_not_read_is_dropped_even_if_it_pings(bench: MakeBench) -> None:
    it = bench()
    it.connection.announce(protocol.invocation("RoomsUpdated", True))
    for _ in range(5):
        it.clock.now += 7
        it.connection.receive('{"type":6}\x1e')
        it.connection.tick()
    assert it.ends == 1


async def test_bad_json_after_the_handshake_closes_with_an_error(bench: MakeBench) -> None:
    it = bench()
    it.connection.receive('{"type":\x1e{"type":1,"target":"T","arguments":[]}\x1e')
    assert it.taken() == [{"type": 7, "error": "Connection closed with an error."}]
    assert it.calls == []


async def test_messages_behind_the_handshake_in_one_piece_are_taken(bench: MakeBench) -> None:
    it = bench(handshake=False)
    it.connection.receive(HANDSHAKE + '{"type":1,"target":"T","arguments":[]}\x1e')
    assert [call.target for call in it.calls] == ["T"]


async def test_nothing_is_sent_before_the_handshake(bench: MakeBench) -> None:
    it = bench(handshake=False)
    it.connection.announce(protocol.invocation("RoomsUpdated", True))
    assert it.taken() == []


async def test_a_closing_connection_that_cannot_say_goodbye_is_dropped(bench: MakeBench) -> None:
    it = bench()
    it.connection.close()
    it.clock.now += 5.1
    it.connection.tick()
    assert it.ends == 1


async def test_the_clients_own_close_ends_it(bench: MakeBench) -> None:
    it = bench()
    it.connection.receive('{"type":7}\x1e')
    assert it.ends == 1
