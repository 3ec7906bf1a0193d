"""The engine's life: binding, ports, events behind a descriptor, commands of all kinds, the end."""

import gc
import select
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sfu_engines import LOOPBACK, MakeEngine, join, next_events, offer_of, until

from visavis import _sfu


def test_version_is_the_packages() -> None:
    assert _sfu.__version__.count(".") == 2


def test_binds_the_ports_it_is_told(make_engine: MakeEngine) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind((LOOPBACK, 0))
        tcp.bind((LOOPBACK, 0))
        ports = udp.getsockname()[1], tcp.getsockname()[1]
    engine = make_engine(udp=[(LOOPBACK, ports[0])], tcp=[(LOOPBACK, ports[1])])
    assert (engine.udp_ports, engine.tcp_ports) == ([ports[0]], [ports[1]])


def test_port_0_picks_ports_and_tcp_may_be_absent(make_engine: MakeEngine) -> None:
    engine = make_engine(udp=[(LOOPBACK, 0), (LOOPBACK, 0)], tcp=[])
    assert len(set(engine.udp_ports)) == 2
    assert engine.tcp_ports == []


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_port_that_is_taken_is_named(make_engine: MakeEngine, protocol: str) -> None:
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(type=kind) as taken:
        taken.bind((LOOPBACK, 0))
        if protocol == "tcp":
            taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot bind {protocol.upper()} 127\.0\.0\.1:{port}: .*in use"):
            make_engine(**{protocol: [(LOOPBACK, port)]})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"udp": []}, "no udp address"),
        ({"node_ips": []}, "no node_ip"),
        ({"udp": [("localhost", 0)]}, '"localhost" is no IP address'),
        ({"tcp": [("1.2.3", 0)]}, '"1.2.3" is no IP address'),
        ({"node_ips": ["my host"]}, '"my host" is no IP address'),
    ],
)
def test_what_is_no_address_is_named(make_engine: MakeEngine, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_engine(**settings)


def test_a_node_ip_of_the_wrong_kind_is_refused(make_engine: MakeEngine) -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1:0.*no node address of the same kind"):
        make_engine(node_ips=["2001:db8::1"])


def test_the_descriptor_is_readable_exactly_while_events_wait(engine: _sfu.Engine) -> None:
    assert select.select([engine], [], [], 0)[0] == []
    assert engine.drain() == []
    join(engine, "PA_a")
    events = next_events(engine)
    assert [type(event) for event in events] == [_sfu.Event.Offer]
    assert select.select([engine], [], [], 0)[0] == []


def test_an_offer_has_the_data_channels_and_our_address(engine: _sfu.Engine) -> None:
    join(engine, "PA_a")
    match offer_of(engine, "PA_a"):
        case _sfu.Event.Offer(participant, offer_id, sdp, mid_to_track):
            assert (participant, mid_to_track) == ("PA_a", {})
            assert offer_id > 0
            assert "m=application" in sdp
            assert f"127.0.0.1 {engine.udp_ports[0]} typ host" in sdp
            assert f"127.0.0.1 {engine.tcp_ports[0]} typ host tcptype passive" in sdp


def test_rooms_are_spread_over_workers_and_their_ufrags_tell(make_engine: MakeEngine) -> None:
    engine = make_engine(workers=3)
    prefixes: list[str] = []
    for number in range(3):
        join(engine, f"PA_{number}", f"RM_{number}")
        sdp = offer_of(engine, f"PA_{number}").sdp
        prefixes.append(sdp.split("a=ice-ufrag:")[1][:2])
    assert sorted(prefixes) == ["00", "01", "02"]


def test_a_large_room_is_spread_over_workers(make_engine: MakeEngine) -> None:
    engine = make_engine(workers=2, room_share=2)
    prefixes: list[str] = []
    for number in range(6):
        join(engine, f"PA_{number}")
        prefixes.append(offer_of(engine, f"PA_{number}").sdp.split("a=ice-ufrag:")[1][:2])
    assert prefixes[:4] == ["00", "00", "01", "01"]
    assert sorted(prefixes[4:]) == ["00", "01"]
    until(lambda: engine.stats()["participants"] == 6, "the last one to be counted")
    assert engine.stats()["rooms"] == 1
    for number in range(6):
        engine.remove_participant(f"PA_{number}")
    until(lambda: engine.stats()["rooms"] == 0, "the room to end on both")
    assert engine.stats()["panics"] == 0


def test_no_events_follow_about_who_was_removed(engine: _sfu.Engine) -> None:
    join(engine, "PA_gone")
    engine.remove_participant("PA_gone")
    join(engine, "PA_here")
    seen = [event.participant for event in next_events(engine) if isinstance(event, _sfu.Event.Offer)]
    while "PA_here" not in seen:
        seen += [event.participant for event in next_events(engine) if isinstance(event, _sfu.Event.Offer)]
    assert "PA_gone" not in seen


def test_commands_for_unknown_ids_do_nothing(engine: _sfu.Engine) -> None:
    engine.update_participant("PA_no", can_publish_data=True, hidden=True, agent=False, can_subscribe_metrics=False)
    engine.remove_participant("PA_no")
    engine.publisher_offer("PA_no", 1, "v=0", {}, stereo=[], no_dtx=[])
    engine.subscriber_answer("PA_no", 0, "v=0")
    engine.restart_ice("PA_no")
    engine.publish(
        "PA_no", "0", "TR_no", source="camera", muted=False, layers=[], stereo=False, stream="", trailer=b"", backups=[]
    )
    engine.publish_backup("PA_no", "1", "TR_no", layers=[], regress=True)
    engine.unpublish("TR_no")
    engine.set_muted("TR_no", True)
    engine.subscribe("PA_no", "TR_no")
    engine.unsubscribe("PA_no", "TR_no")
    engine.set_track_settings("PA_no", "TR_no", disabled=False, quality=None, width=0, height=0, fps=0, priority=0)
    engine.send_data("RM_no", b"", reliable=True, destinations=["PA_no"])
    assert engine.reliable_sequence("PA_no") == 0
    join(engine, "PA_a")
    offer_of(engine, "PA_a")
    assert engine.stats()["panics"] == 0


def test_words_of_the_seam_are_checked(engine: _sfu.Engine) -> None:
    cinema: Any = "cinema"
    with pytest.raises(ValueError, match='"cinema" is no source'):
        engine.publish(
            "PA_a", "0", "TR_a", source=cinema, muted=False, layers=[], stereo=False, stream="", trailer=b"", backups=[]
        )


def test_an_offer_that_is_no_sdp_fails_alone(engine: _sfu.Engine) -> None:
    join(engine, "PA_a")
    join(engine, "PA_b")
    engine.publisher_offer("PA_a", 7, "this is no SDP\r\n" * 50, {}, stereo=[], no_dtx=[])
    waiting = {"PA_a", "PA_b"}
    failure: _sfu.Event.NegotiationFailed | None = None
    while waiting or failure is None:
        for event in next_events(engine):
            if isinstance(event, _sfu.Event.NegotiationFailed):
                failure = event
            elif isinstance(event, _sfu.Event.Offer):
                waiting.discard(event.participant)
    assert (failure.participant, failure.target) == ("PA_a", "publisher")
    assert failure.reason


def test_stats_count_rooms_and_participants(engine: _sfu.Engine) -> None:
    names = {"packets_in", "packets_out", "bytes_in", "bytes_out", "packets_dropped", "participants", "rooms", "panics"}
    assert set(engine.stats()) == names
    for number in range(5):
        join(engine, f"PA_{number}", f"RM_{number % 2}")
    until(lambda: (engine.stats()["participants"], engine.stats()["rooms"]) == (5, 2), "5 participants in 2 rooms")
    for number in range(5):
        engine.remove_participant(f"PA_{number}")
    until(lambda: (engine.stats()["participants"], engine.stats()["rooms"]) == (0, 0), "all being gone")


@pytest.mark.parametrize("tcp", [[], [(LOOPBACK, 0)]])
@pytest.mark.parametrize("participants", [0, 200])
def test_close_is_quick_idempotent_and_frees_the_ports(
    make_engine: MakeEngine, tcp: list[tuple[str, int]], participants: int
) -> None:
    engine = make_engine(tcp=tcp)
    for number in range(participants):
        join(engine, f"PA_{number}", f"RM_{number % 20}")
    if participants:
        next_events(engine)
    port = engine.udp_ports[0]
    started = time.monotonic()
    engine.close()
    assert time.monotonic() - started < 0.5
    engine.close()
    join(engine, "PA_late")
    with socket.socket(type=socket.SOCK_DGRAM) as again:
        again.bind((LOOPBACK, port))


def test_threads_end_with_the_engine() -> None:
    def threads() -> int:
        # By their names: what others of this process start and end is not the engine's doing.
        names = [task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm")]
        return sum(name.startswith("visavis-") for name in names)

    before = threads()
    engine = _sfu.Engine(udp=[(LOOPBACK, 0)], tcp=[(LOOPBACK, 0)], node_ips=[LOOPBACK], workers=4)
    until(lambda: threads() == before + 6, "the threads to have their names")
    del engine
    gc.collect()
    until(lambda: threads() == before, "the threads to end")


def test_commands_may_come_from_several_threads(engine: _sfu.Engine) -> None:
    def load(number: int) -> None:
        for turn in range(50):
            join(engine, f"PA_{number}_{turn}", f"RM_{turn % 3}")
            if turn % 2:
                engine.remove_participant(f"PA_{number}_{turn}")

    threads = [threading.Thread(target=load, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: engine.stats()["participants"] == 100, "the 100 that stay")
    assert engine.stats()["panics"] == 0
