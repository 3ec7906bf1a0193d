//! Checks are answered as str0m answers them, by whomever, and everything that follows from one does.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use str0m::media::MediaKind;
use visavis_sfu::{Command, ConnectionState, Event};

use crate::simulation::Call;
use crate::simulation::network::Link;
use crate::simulation::peer::{Answer, Flaw, Peer};

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };
/// `DataPacket { user (2) { payload (2) } }`
const USER_PACKET: [u8; 5] = [0x12, 0x03, 0x12, 0x01, 0x2a];
/// Of browsers' checks.
const INTERVAL: Duration = Duration::from_millis(2900);

/// Alice and Bob have just come into the room.
fn new_call(single: bool, reference: bool) -> Call {
    let mut call = Call::sending_by(LAN, 1, reference);
    call.join_with("alice", single);
    call.join_with("bob", single);
    let open = |call: &Call| {
        call.events.iter().filter(|(_, event)| matches!(event, Event::DataChannelsOpen { .. })).count() == 2
    };
    call.run_until(3 * SECOND, "data channels", open);
    call.run(SECOND / 2);
    call
}

/// The same, and they have been there for a while and say nothing.
fn quiet_call(single: bool, reference: bool) -> Call {
    let mut call = new_call(single, reference);
    call.run(10 * SECOND);
    call
}

/// The same, but Bob's agent is the test, and is where it was.
fn call_by_hand(reference: bool) -> (Call, Peer) {
    let mut call = quiet_call(true, reference);
    let mut bob = Peer::instead_of(&mut call, "bob");
    // Without his client nothing is said to what the core still sends.
    call.run(SECOND / 2);
    assert!(bob.is_answered(&mut call, true));
    (call, bob)
}

fn states(call: &Call, name: &str) -> Vec<ConnectionState> {
    call.events_of(|event| match event {
        Event::ConnectionChanged { participant, state, .. } if participant == name => Some(*state),
        _ => None,
    })
}

fn assert_connected(call: &Call, name: &str) {
    assert_eq!(
        BTreeSet::from_iter(states(call, name).iter().map(|state| format!("{state:?}"))),
        ["Connected".into()].into()
    );
    assert_eq!(call.shard.stats().panics, 0);
}

#[test]
fn who_is_only_there_is_answered_for_minutes_and_can_begin_to_speak() {
    for single in [false, true] {
        let mut call = quiet_call(single, false);
        let before = call.shard.stats();
        call.run(300 * SECOND);
        let after = call.shard.stats();
        // str0m's clients check every 3 s.
        let (answered, connections) = (after.packets_out - before.packets_out, if single { 2 } else { 4 });
        assert_eq!(answered, 100 * connections);
        assert_connected(&call, "alice");
        call.publish("alice", MediaKind::Audio, "mic", 1);
        let hears = |call: &Call| call.sections.len() == 1 && call.received("bob", "TR_mic").audio > 50;
        call.run_until(3 * SECOND, "voice", hears);
    }
}

#[test]
fn who_checks_a_path_is_checked_on_it_until_one_is_nominated() {
    for reference in [false, true] {
        let mut call = Call::sending_by(LAN, 1, reference);
        call.join_with("bob", true);
        let is_described = |call: &Call| call.events.iter().any(|(_, event)| matches!(event, Event::Answer { .. }));
        call.run_until(SECOND, "an answer", is_described);
        let mut bob = Peer::instead_of(&mut call, "bob");
        let (forged, source) = (bob.check(false, Flaw::WrongPassword), bob.address);
        assert_eq!((bob.ask(&mut call, source, &forged), bob.asked.len()), (None, 0));
        for count in 1..=3 {
            bob.address.set_port(4000 + count);
            assert!(bob.is_answered(&mut call, false));
            assert_eq!(bob.asked.len(), usize::from(count));
            bob.assert_controls(&bob.asked[usize::from(count) - 1]);
        }
        assert!(bob.is_answered(&mut call, true) && bob.is_answered(&mut call, false));
        assert_eq!(bob.asked.len(), 3, "a path is nominated");
    }
}

#[test]
fn a_familiar_check_gets_the_very_bytes_that_str0m_answered_it_with() {
    let (mut call, mut bob) = call_by_hand(false);
    for source in ["10.0.1.2:4000", "10.0.1.2:4001", "[2001:db8::1]:4000"] {
        let source: SocketAddr = source.parse().expect("an address");
        let check = bob.check(true, Flaw::None);
        // The first check on a path is str0m's, the next is familiar.
        let (first, read) = bob.ask(&mut call, source, &check).expect("an answer");
        let (second, _) = bob.ask(&mut call, source, &check).expect("an answer");
        assert_eq!(first, second);
        assert_eq!(read, Answer::Success(source));
    }
}

#[test]
fn a_check_from_somebody_elses_address_is_answered_for_whom_it_names() {
    let (mut call, mut bob) = call_by_hand(false);
    let alices = call.client("alice").publisher.address;
    for nominates in [false, true, true] {
        let check = bob.check(nominates, Flaw::None);
        let (_, answer) = bob.ask(&mut call, alices, &check).expect("an answer, with Bob's password");
        assert_eq!(answer, Answer::Success(alices));
    }
}

#[test]
fn a_forged_check_from_the_right_address_gets_no_answer_and_is_no_sign_of_life() {
    for flaw in [Flaw::WrongPassword, Flaw::OtherUsername, Flaw::NoIntegrity] {
        let (mut call, mut bob) = call_by_hand(false);
        let heard = call.now;
        while call.now < heard + 14 * SECOND {
            let (check, source) = (bob.check(true, flaw), bob.address);
            assert_eq!(bob.ask(&mut call, source, &check), None, "{flaw:?}");
            call.run(INTERVAL);
        }
        assert_eq!(states(&call, "bob").last(), Some(&ConnectionState::Disconnected), "{flaw:?}");
        assert!(bob.is_answered(&mut call, false));
    }
}

#[test]
fn a_peer_that_falls_silent_is_missed_as_soon_as_ever() {
    let missed = |reference: bool| {
        let (mut call, mut bob) = call_by_hand(reference);
        for _ in 0..30 {
            call.run(INTERVAL);
            assert!(bob.is_answered(&mut call, true));
        }
        let heard = call.now;
        let mut after = Vec::new();
        for state in [ConnectionState::Disconnected, ConnectionState::Failed] {
            call.run_until(20 * SECOND, "silence", |call| states(call, "bob").last() == Some(&state));
            after.push(call.now - heard);
        }
        after
    };
    let (own, reference) = (missed(false), missed(true));
    let difference = |index: usize| own[index].abs_diff(reference[index]);
    assert!(difference(0) < SECOND / 10 && difference(1) < SECOND / 10, "{own:?} and not {reference:?}");
}

#[test]
fn media_and_data_follow_a_peer_whose_nat_forgets_it() {
    // str0m goes on sending where the peer was until nothing has come from there for 15 s, requests for keyframes, too.
    for (single, reference, patience) in [(false, false, 4), (true, false, 4), (true, true, 18)] {
        let mut call = Call::sending_by(LAN, 1, reference);
        call.join_two(single);
        call.run(30 * SECOND);
        for name in ["alice", "bob"] {
            for own in [call.clients[name].publisher.address, call.clients[name].subscriber.address] {
                call.network.rebound.push((own, SocketAddr::new(own.ip(), own.port() + 1)));
            }
        }
        call.run(patience * SECOND);
        let before = call.received("bob", "TR_cam").video.total();
        assert!(call.client("alice").send_data("_reliable", &USER_PACKET));
        let comes = |call: &Call| !call.clients["bob"].data.is_empty();
        // What is asked for again waits longer each time.
        call.run_until(if reference { 10 } else { 1 } * SECOND, "data", comes);
        call.run(30 * SECOND);
        let decoded = call.received("bob", "TR_cam").video.total() - before;
        assert!(decoded > 730, "{decoded} of 750 pictures, single: {single}, reference: {reference}");
        assert_connected(&call, "bob");
    }
}

#[test]
fn data_goes_where_the_best_nominated_path_is_while_another_is_kept_alive() {
    let (mut call, mut bob) = call_by_hand(false);
    let other = SocketAddr::new(bob.address.ip(), 4001);
    let (best, worse) = (bob.priority, bob.priority - 1);
    let mut ask = |call: &mut Call, source: SocketAddr, nominates: bool| {
        bob.priority = if source == other { worse } else { best };
        ask(call, &mut bob, source, nominates);
    };
    let address = SocketAddr::new(other.ip(), 4000);
    ask(&mut call, other, true);
    ask(&mut call, address, true);
    for _ in 0..25 {
        call.run(INTERVAL);
        ask(&mut call, address, false);
        ask(&mut call, other, false);
    }
    assert!(call.client("alice").send_data("_reliable", &USER_PACKET));
    call.network.watched = Some(other.ip());
    call.run(SECOND);
    assert_eq!(call.network.seen, [address].into());
}

/// Where Bob's data goes when he has just connected, nominates a worse path as well, and then does as `later` says.
fn data_path(later: impl Fn(&mut Call, &mut Peer, SocketAddr)) -> Vec<u16> {
    let mut call = new_call(true, false);
    let mut bob = Peer::instead_of(&mut call, "bob");
    bob.priority = 1;
    let worse = SocketAddr::new(bob.address.ip(), 4001);
    ask(&mut call, &mut bob, worse, true);
    later(&mut call, &mut bob, worse);
    assert!(call.client("alice").send_data("_reliable", &USER_PACKET));
    call.network.watched = Some(worse.ip());
    call.run(SECOND / 2);
    call.network.seen.iter().map(SocketAddr::port).collect()
}

fn ask(call: &mut Call, peer: &mut Peer, source: SocketAddr, nominates: bool) {
    let check = peer.check(nominates, Flaw::None);
    assert!(peer.ask(call, source, &check).is_some());
}

#[test]
fn of_what_is_nominated_at_the_beginning_the_best_counts_and_later_the_latest() {
    let keeps = |call: &mut Call, bob: &mut Peer, _: SocketAddr| {
        for _ in 0..5 {
            call.run(INTERVAL);
            assert!(bob.is_answered(call, false));
        }
    };
    let better = data_path(|_, _, _| {});
    assert_eq!(better.len(), 1);
    assert_ne!(better, [4001]);
    assert_eq!(data_path(keeps), better, "who checks everything, as Firefox");
    let moves = |call: &mut Call, bob: &mut Peer, worse: SocketAddr| {
        keeps(call, bob, worse);
        ask(call, bob, worse, true);
    };
    assert_eq!(data_path(moves), [4001], "who nominates another later");
    let loses = |call: &mut Call, bob: &mut Peer, worse: SocketAddr| {
        for _ in 0..4 {
            call.run(INTERVAL);
            ask(call, bob, worse, false);
        }
    };
    assert_eq!(data_path(loses), [4001], "who hears nothing on the better one");
}

#[test]
fn after_a_restart_the_new_credentials_are_in_force_alone() {
    let mut call = quiet_call(true, false);
    let mut old = Peer::of(&mut call, "bob");
    assert!(old.is_answered(&mut call, true) && old.is_answered(&mut call, false));
    let sdp = call.client("bob").offer_restart();
    call.offer("bob", sdp);
    let mut new = Peer::instead_of(&mut call, "bob");
    assert_ne!((&old.username, &old.password), (&new.username, &new.password));
    for _ in 0..10 {
        assert!(new.is_answered(&mut call, true));
        assert!(!old.is_answered(&mut call, true));
        call.run(INTERVAL);
    }
    assert_connected(&call, "bob");
}

#[derive(Debug, Clone)]
struct Step {
    /// Milliseconds before it.
    wait: u64,
    port: u16,
    nominates: bool,
    flaw: Flaw,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let flaw = prop_oneof![
        20 => Just(Flaw::None),
        1 => Just(Flaw::WrongPassword),
        1 => Just(Flaw::OtherUsername),
        1 => Just(Flaw::RoleConflict(0)),
        1 => Just(Flaw::RoleConflict(u64::MAX)),
        1 => Just(Flaw::NoRole),
        1 => Just(Flaw::NoPriority),
        1 => Just(Flaw::TwoUsernames),
        1 => Just(Flaw::Required),
        2 => Just(Flaw::Optional),
        1 => Just(Flaw::Software),
        1 => Just(Flaw::NoFingerprint),
        1 => Just(Flaw::WrongFingerprint),
        1 => Just(Flaw::NoIntegrity),
        1 => (1_usize..60).prop_map(Flaw::Short),
        1 => (1_usize..40).prop_map(Flaw::Long),
    ];
    let wait = prop_oneof![4 => Just(2900), 2 => Just(0), 1 => Just(710), 1 => Just(7130), 1 => Just(12_370)];
    let port = prop_oneof![5 => Just(4000), 1 => Just(4001)];
    let step = (wait, port, any::<bool>(), flaw);
    proptest::collection::vec(
        step.prop_map(|(wait, port, nominates, flaw)| Step { wait, port, nominates, flaw }),
        1..40,
    )
}

/// What came of the steps: what was answered, what the core told of Bob, and what it counted.
fn played(steps: &[Step], reference: bool) -> (Vec<Option<Answer>>, Vec<ConnectionState>, [u64; 2]) {
    let (mut call, mut bob) = call_by_hand(reference);
    call.vanish("alice");
    call.command(Command::RemoveParticipant { participant: "alice".into() });
    call.run(SECOND / 10);
    let before = call.shard.stats();
    let mut answers = Vec::new();
    for step in steps {
        call.run(Duration::from_millis(step.wait));
        let check = bob.check(step.nominates, step.flaw);
        let answer = bob.ask(&mut call, SocketAddr::new(bob.address.ip(), step.port), &check);
        answers.push(answer.map(|(_, answer)| answer));
    }
    call.run(3 * SECOND);
    let after = call.shard.stats();
    let counts = [after.packets_in - before.packets_in, after.bytes_in - before.bytes_in];
    assert_eq!(after.panics, 0);
    (answers, states(&call, "bob"), counts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_checked_the_answer_is_what_str0m_says(steps in steps()) {
        prop_assert_eq!(played(&steps, false), played(&steps, true));
    }
}
