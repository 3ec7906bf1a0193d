"""Who waits before a room: bounded, seen only while it asks, told once."""

import pytest

from visavis.errors import ErrorKind, VisavisError
from visavis.rooms.waiting_room import MAX_POLLS, MAX_SHOWN_NAME, MAX_WAITING, PATIENCE_SECONDS, Verdict, WaitingRoom


def ask(room: WaitingRoom, holder: str, *, now: float = 0, name: str = "", woken: list[str] | None = None):
    """Begins a question and returns what ends it."""
    woken = [] if woken is None else woken

    def wake() -> None:
        woken.append(holder)

    room.knock(holder, identity=holder, name=name, now=now, wake=wake)
    return lambda at: room.stop_asking(holder, now=at, wake=wake)


def names(room: WaitingRoom, now: float) -> list[str]:
    return [knock.id for knock in room.waiting(now)]


def test_who_asks_waits_in_the_order_of_coming():
    room = WaitingRoom()
    ask(room, "alice", now=1)
    ask(room, "bob", now=2)
    ask(room, "alice", now=3)
    assert [(knock.id, knock.since) for knock in room.waiting(4)] == [("alice", 1), ("bob", 2)]


def test_who_asks_no_more_is_forgotten_after_a_moment():
    room = WaitingRoom()
    stop = ask(room, "alice", now=0)
    assert names(room, 1000) == ["alice"]
    stop(1000)
    assert names(room, 1000 + PATIENCE_SECONDS - 1) == ["alice"]
    again = ask(room, "alice", now=1000 + PATIENCE_SECONDS - 1)
    assert names(room, 2000) == ["alice"]
    again(2000)
    assert names(room, 2000 + PATIENCE_SECONDS) == []


def test_with_two_questions_one_may_end():
    room = WaitingRoom()
    first, _ = ask(room, "alice"), ask(room, "alice")
    first(0)
    first(0)
    assert names(room, 1000) == ["alice"]


@pytest.mark.parametrize(("is_admitted", "verdict"), [(True, Verdict.ADMITTED), (False, Verdict.REFUSED)])
def test_a_verdict_wakes_whom_it_is_about_and_stays(is_admitted: bool, verdict: Verdict):
    room, woken = WaitingRoom(), []
    for holder in ("alice", "bob"):
        ask(room, holder, woken=woken)
    assert room.verdict("alice") is Verdict.WAITING
    assert room.decide("alice", is_admitted=is_admitted) == 1
    assert (woken, names(room, 0)) == (["alice"], ["bob"])
    assert (room.verdict("alice"), room.verdict("bob")) == (verdict, Verdict.WAITING)
    assert room.admits("alice") is is_admitted
    assert room.decide(None, is_admitted=is_admitted) == 1
    assert room.decide("carol", is_admitted=is_admitted) == 0


def test_all_ask_anew_where_the_reason_to_wait_is_gone():
    room, woken = WaitingRoom(), []
    ask(room, "alice", woken=woken)
    room.disperse()
    assert (woken, len(room), room.verdict("alice")) == (["alice"], 0, Verdict.WAITING)


def test_not_too_many_wait_and_none_too_often():
    room = WaitingRoom()
    for n in range(MAX_WAITING):
        ask(room, f"p{n}")
    with pytest.raises(VisavisError, match=f"{MAX_WAITING} people wait") as refused:
        ask(room, "alice")
    assert refused.value.kind is ErrorKind.TOO_MANY_REQUESTS
    for _ in range(MAX_POLLS - 1):
        ask(room, "p0")
    with pytest.raises(VisavisError, match=f"{MAX_POLLS} requests"):
        ask(room, "p0")
    room.decide("p1", is_admitted=False)
    ask(room, "alice")


def test_names_are_cut_to_what_can_be_shown():
    room = WaitingRoom()
    ask(room, "alice", name="A\u202el\nice " + "x" * 500)
    [knock] = room.waiting(0)
    assert knock.name.startswith("Alice xxx")
    assert len(knock.name) == MAX_SHOWN_NAME


def test_refusals_are_not_kept_without_end():
    room = WaitingRoom()
    for n in range(1001):
        ask(room, f"p{n}")
        room.decide(f"p{n}", is_admitted=False)
    assert (room.verdict("p0"), room.verdict("p1000")) == (Verdict.WAITING, Verdict.REFUSED)
