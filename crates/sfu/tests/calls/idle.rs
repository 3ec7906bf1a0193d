//! What people cost who are only there: in virtual time.

use std::time::Duration;

use str0m::media::MediaKind;
use visavis_sfu::Command;

use crate::simulation::Call;
use crate::simulation::client::AUDIO_INTERVAL;
use crate::simulation::network::Link;

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };

/// So many are in the room, with everything open, and nothing has been said for ten seconds.
fn quiet_call(people: usize, single: bool, seed: u64) -> Call {
    let mut call = Call::of(people, single, LAN, seed);
    call.run(10 * SECOND);
    call
}

#[test]
fn an_idle_worker_wakes_a_few_times_a_second_however_many_are_there() {
    let mut wakes = Vec::new();
    for people in [5, 40] {
        let mut call = quiet_call(people, false, 1);
        let before = call.wakes;
        call.run(20 * SECOND);
        wakes.push((call.wakes - before) / 20);
    }
    // Every 3 s of each connection it would be, if str0m got what it asks for.
    assert!(wakes.iter().all(|wakes| *wakes <= 5), "{wakes:?} timers a second for 5 and 40 people");
}

#[test]
fn who_came_one_by_one_wakes_it_for_nothing_but_to_be_watched() {
    let mut call = quiet_call(1, false, 1);
    for person in 1..20 {
        call.join_with(&format!("p{person}"), false);
        call.run(Duration::from_millis(310));
    }
    call.until_all_are_connected();
    call.run(10 * SECOND);
    let before = call.wakes;
    call.run(40 * SECOND);
    let wakes = call.wakes - before;
    // It would be 154 if str0m had time after 12, 24 and 48 s of each connection, though all was acknowledged.
    assert!(wakes <= 20 * 6, "{wakes} wakes in 40 s for 20 people");
}

#[test]
fn a_worker_is_calm_while_people_are_only_there_and_neither_while_they_come_nor_while_they_talk() {
    let mut call = quiet_call(3, false, 1);
    assert!(call.shard.is_calm(call.now));
    // `DataPacket { user (2) { payload (2) } }`
    assert!(call.client("p0").send_data("_reliable", &[0x12, 0x03, 0x12, 0x01, 0x2a]));
    call.run_until(SECOND, "message", |call| !call.clients["p1"].data.is_empty());
    assert!(!call.shard.is_calm(call.now));
    call.run(SECOND);
    assert!(call.shard.is_calm(call.now));
    call.join_with("p3", false);
    call.run(SECOND / 2);
    assert!(!call.shard.is_calm(call.now));
}

fn has_newcomers(call: &Call) -> bool {
    call.now < call.shard.newcomers_until()
}

#[test]
fn a_worker_has_newcomers_while_somebody_connects_or_restarts_and_not_while_people_talk() {
    for single in [false, true] {
        let mut call = Call::of(2, single, LAN, 1);
        assert!(has_newcomers(&call));
        call.publish("p0", MediaKind::Audio, "mic", 1);
        let hears = |call: &Call| !call.sections.is_empty() && call.received("p1", "TR_mic").audio > 150;
        call.run_until(20 * SECOND, "voice", hears);
        assert!(!has_newcomers(&call));
        call.join_with("p2", single);
        call.run_until(SECOND, "the description", has_newcomers);
        // It takes longer than that alone would be remembered.
        call.network.link.delay = Duration::from_millis(350);
        let since = call.now;
        while !call.clients["p2"].publisher.connected {
            assert!(has_newcomers(&call), "after {:?}", call.now - since);
            call.run(Duration::from_millis(50));
        }
        assert!(call.now - since > SECOND, "{:?}", call.now - since);
        call.network.link = LAN;
        call.run(2 * SECOND);
        assert!(!has_newcomers(&call));
    }
    let mut call = quiet_call(2, false, 1);
    call.command(Command::RestartIce { participant: "p0".into() });
    call.run_until(SECOND, "the restart", has_newcomers);
    call.run(3 * SECOND);
    assert!(!has_newcomers(&call));
    let sdp = call.client("p0").offer_restart();
    call.offer("p0", sdp);
    call.run_until(SECOND, "the client's restart", has_newcomers);
}

#[test]
fn what_is_said_after_a_silence_comes_through_a_lossy_network_without_delay() {
    for (single, seed) in (0..10).map(|seed| (seed % 2 == 1, seed)) {
        let mut call = quiet_call(2, single, seed);
        call.network.link = Link { loss: 0.3, ..LAN };
        // `DataPacket { user (2) { payload (2) } }`
        let packet = [0x12, 0x03, 0x12, 0x01, 0x2a];
        assert!(call.client("p0").send_data("_reliable", &packet));
        call.run_until(10 * SECOND, "message", |call| !call.clients["p1"].data.is_empty());
    }
}

#[test]
fn what_a_network_lost_for_seconds_is_sent_again_before_long() {
    for single in [false, true] {
        let mut call = quiet_call(2, single, 1);
        assert!(call.client("p0").send_data("_reliable", &[0x12, 0x03, 0x12, 0x01, 0x2a]));
        call.run(Duration::from_millis(1));
        // It is on its way to the server, and goes no further; SCTP tries after 1, 3, 7 and 15 s.
        call.network.link.loss = 1.0;
        call.run(9 * SECOND);
        assert!(call.clients["p1"].data.is_empty());
        call.network.link.loss = 0.0;
        call.run_until(15 * SECOND, "message", |call| !call.clients["p1"].data.is_empty());
    }
}

/// Packets a second that come to the server and go from it beside the voice of one that another hears.
fn told(call: &mut Call) -> u64 {
    const SECONDS: u32 = 5;
    let before = call.shard.stats();
    call.run(SECONDS * SECOND);
    let after = call.shard.stats();
    let voice = (SECONDS * SECOND).div_duration_f64(AUDIO_INTERVAL) as u64;
    let beside = |before: u64, after: u64| (after - before).saturating_sub(voice) / u64::from(SECONDS);
    beside(before.packets_in, after.packets_in) + beside(before.packets_out, after.packets_out)
}

#[test]
fn who_speaks_and_who_listens_are_told_and_tell_next_to_nothing_while_nobody_is_seen() {
    for single in [false, true] {
        let mut call = Call::new(LAN, 1);
        call.join_with("alice", single);
        call.join_with("bob", single);
        call.until_all_are_connected();
        call.publish("alice", MediaKind::Audio, "mic", 1);
        let hears = |call: &Call| call.sections.len() == 1 && call.received("bob", "TR_mic").audio > 50;
        call.run_until(20 * SECOND, "voice", hears);
        let beside = told(&mut call);
        assert!(beside <= 5, "{beside} packets a second beside a voice");
        call.publish("alice", MediaKind::Video, "cam", 1);
        let sees = |call: &Call| call.sections.len() == 2 && call.received("bob", "TR_cam").video.total() > 25;
        call.run_until(20 * SECOND, "picture", sees);
        call.client("alice").pause(1, true);
        // As long as the estimate may be needed again at any moment, sound keeps it going.
        let beside = told(&mut call);
        assert!(beside >= 10, "{beside} packets a second beside a voice, single: {single}");
        call.run(10 * SECOND);
        let beside = told(&mut call);
        assert!(beside <= 8, "{beside} packets a second beside a voice, a while after a picture");
        call.client("alice").pause(1, false);
        let before = call.received("bob", "TR_cam").video.total();
        call.run_until(5 * SECOND, "picture again", |call| call.received("bob", "TR_cam").video.total() > before + 25);
    }
}
