//! Calls of clients with one peer connection, alone and together with those that have two.

use std::time::Duration;

use str0m::media::MediaKind::{Audio, Video};
use visavis_sfu::{Command, Event, Target};

use crate::simulation::client::{FIRST_SECTIONS, VIDEO_INTERVAL};
use crate::simulation::network::Link;
use crate::simulation::{self, Call};

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };

fn camera(name: &str) -> String {
    format!("TR_{name}_cam")
}

fn microphone(name: &str) -> String {
    format!("TR_{name}_mic")
}

fn join(call: &mut Call, name: &str, single: bool) {
    call.join_with(name, single);
    call.run_until(20 * SECOND, "connection", |call| call.clients[name].publisher.connected);
}

fn join_and_publish(call: &mut Call, name: &str, single: bool) {
    join(call, name, single);
    call.publish(name, Audio, &format!("{name}_mic"), 1);
    call.publish(name, Video, &format!("{name}_cam"), 1);
}

/// Everyone who should decodes everyone else's frames, and hears everyone else's voice.
fn all_see_and_hear(call: &mut Call, names: &[&str], at_least: f64) {
    let pairs: Vec<(&str, &str)> =
        names.iter().flat_map(|from| names.iter().filter(move |to| *to != from).map(move |to| (*from, *to))).collect();
    let count = |call: &Call, (from, to): (&str, &str)| {
        let audio = call.received(to, &microphone(from)).audio;
        (call.received(to, &camera(from)).video.total(), audio)
    };
    let before: Vec<(u32, u32)> = pairs.iter().map(|pair| count(call, *pair)).collect();
    call.run(4 * SECOND);
    for ((pair, before), frames) in pairs.iter().zip(before).zip([4.0 / VIDEO_INTERVAL.as_secs_f64()].iter().cycle()) {
        let after = count(call, *pair);
        let share = f64::from(after.0 - before.0) / frames;
        assert!(share > at_least, "{} decoded {share:.2} of {}'s frames", pair.1, pair.0);
        assert!(f64::from(after.1 - before.1) > 150.0 * at_least, "{} heard {}", pair.1, pair.0);
    }
}

fn wanted(call: &Call, name: &str) -> Vec<(u32, u32)> {
    call.events_of(|event| match event {
        Event::SectionsWanted { participant, audios, videos } if participant == name => Some((*audios, *videos)),
        _ => None,
    })
}

fn failures(call: &Call) -> Vec<String> {
    call.events_of(|event| match event {
        Event::NegotiationFailed { reason, .. } | Event::ParticipantFailed { reason, .. } => Some(reason.clone()),
        _ => None,
    })
}

#[test]
fn two_see_and_hear_each_other() {
    let mut call = Call::new(LAN, 1);
    for name in ["ann", "bob"] {
        join_and_publish(&mut call, name, true);
    }
    call.run(SECOND);
    all_see_and_hear(&mut call, &["ann", "bob"], 0.98);
    assert_eq!(failures(&call), [""; 0]);
}

#[test]
fn data_goes_both_ways_on_the_channels_that_the_client_opened() {
    let mut call = Call::new(LAN, 2);
    join(&mut call, "ann", true);
    join(&mut call, "bob", true);
    join(&mut call, "cy", false);
    call.run(SECOND);
    for (name, label) in [("ann", "_reliable"), ("bob", "_lossy")] {
        assert!(call.client(name).send_data(label, &[0x52, 1, 7]), "{name}'s {label} is open"); // a data packet: topic-less
        call.run(SECOND);
        for other in ["ann", "bob", "cy"].into_iter().filter(|other| *other != name) {
            let got = &call.clients[other].data;
            assert!(got.iter().any(|(channel, _)| channel == label), "{other} got {name}'s data on {label}: {got:?}");
        }
    }
}

#[test]
fn clients_with_one_and_with_two_connections_meet_under_loss() {
    for (loss, at_least) in [(0.0, 0.98), (0.05, 0.75)] {
        let names = ["ann", "bob", "cy", "dee"];
        let mut call = Call::new(LAN, 3);
        for (index, name) in names.iter().enumerate() {
            join_and_publish(&mut call, name, index % 2 == 0);
        }
        call.run(SECOND);
        call.network.link =
            Link { loss, delay: Duration::from_millis(20), jitter: Duration::from_millis(10), bitrate: 0 };
        call.run(3 * SECOND);
        all_see_and_hear(&mut call, &names, at_least);
        assert_eq!((call.shard.stats().panics, failures(&call)), (0, vec![]));
    }
}

#[test]
fn more_sections_are_asked_for_when_tracks_lack_them() {
    let mut call = Call::new(LAN, 4);
    join(&mut call, "ann", true);
    let names: Vec<String> = (0..FIRST_SECTIONS + 3).map(|index| format!("p{index}")).collect();
    for name in &names {
        join_and_publish(&mut call, name, true);
    }
    call.run(SECOND);
    let asked = wanted(&call, "ann").into_iter().fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1));
    assert_eq!(asked, (3, 3), "as many as were lacking, no more: {:?}", wanted(&call, "ann"));
    for name in &names {
        assert!(call.received("ann", &camera(name)).video.total() > 10, "ann sees {name}");
    }
    assert_eq!(failures(&call), [""; 0]);
}

#[test]
fn sections_serve_again_when_tracks_went_away() {
    let mut call = Call::new(LAN, 5);
    join(&mut call, "ann", true);
    for round in 0..6 {
        let names: Vec<String> = (0..FIRST_SECTIONS).map(|index| format!("p{round}_{index}")).collect();
        for name in &names {
            join_and_publish(&mut call, name, round % 2 == 0);
        }
        call.run(SECOND);
        for name in &names {
            let received = call.received("ann", &camera(name)).video.total();
            call.run(SECOND);
            let more = call.received("ann", &camera(name)).video.total() - received;
            assert!(more > 23, "round {round}: ann decoded {more} of 25 frames of {name}");
        }
        for name in &names {
            call.leave(name);
        }
        // No time passes: the next ones come while the sections are just being given back.
    }
    assert_eq!(call.clients["ann"].receivers.len(), 2 * FIRST_SECTIONS, "no section was added");
    assert_eq!(failures(&call), [""; 0]);
}

#[test]
fn unsubscribing_ends_the_section_and_subscribing_brings_it_back() {
    let mut call = Call::new(LAN, 6);
    join(&mut call, "ann", true);
    join_and_publish(&mut call, "bob", true);
    call.run(SECOND);
    let command = |track: &str| (String::from("ann"), track.to_owned());
    for _ in 0..3 {
        let (participant, track) = command(&camera("bob"));
        call.command(Command::Unsubscribe { participant, track });
        call.run(SECOND);
        assert!(!call.sections.values().any(|track| *track == camera("bob")), "no section carries it");
        let (participant, track) = command(&camera("bob"));
        call.command(Command::Subscribe { participant, track });
        call.run(SECOND);
        let before = call.received("ann", &camera("bob")).video.total();
        call.run(SECOND);
        assert!(call.received("ann", &camera("bob")).video.total() - before > 23);
    }
}

#[test]
fn who_publishes_and_unpublishes_keeps_receiving() {
    let mut call = Call::new(LAN, 7);
    join_and_publish(&mut call, "ann", true);
    join_and_publish(&mut call, "bob", true);
    call.run(SECOND);
    for round in 0..3 {
        let sdp = call.client("ann").offer_removal(1);
        call.offer("ann", sdp);
        call.run(Duration::from_millis(300));
        call.publish("ann", Video, &format!("ann_cam{round}"), 1);
        call.run(SECOND);
        assert!(call.received("bob", &format!("TR_ann_cam{round}")).video.total() > 15, "bob sees ann's new camera");
        let before = call.received("ann", &camera("bob")).video.total();
        call.run(SECOND);
        assert!(call.received("ann", &camera("bob")).video.total() - before > 23, "ann sees bob");
    }
}

#[test]
fn a_client_that_adds_no_sections_is_asked_once_and_one_that_never_offers_is_told_to_come_again() {
    let mut call = Call::new(LAN, 8);
    let add = |single| simulation::newcomer("mute", Target::Publisher, single);
    call.command(add(true));
    // An offer with data channels only, by hand: nobody of this name is a client of the simulation.
    let sdp = simulation::client::Client::new(99, false, call.now).offer_data();
    let offer = |sdp: String, offer_id| Command::PublisherOffer {
        participant: "mute".into(),
        offer_id,
        sdp,
        codecs: vec![],
        stereo: vec![],
        no_dtx: vec![],
    };
    call.command(offer(sdp.clone(), 1));
    call.auto_subscribe = false;
    join_and_publish(&mut call, "bob", true);
    for track in [camera("bob"), microphone("bob")] {
        call.command(Command::Subscribe { participant: "mute".into(), track });
    }
    call.run(SECOND);
    assert_eq!(wanted(&call, "mute"), [(1, 1)]);
    call.command(offer(sdp, 2));
    call.run(5 * SECOND);
    assert_eq!(wanted(&call, "mute"), [(1, 1)], "it did as much as it wanted");
    assert_eq!(failures(&call), [""; 0]);
    call.command(Command::Unsubscribe { participant: "mute".into(), track: camera("bob") });
    join_and_publish(&mut call, "cy", true);
    call.command(Command::Subscribe { participant: "mute".into(), track: camera("cy") });
    call.command(Command::Subscribe { participant: "mute".into(), track: microphone("cy") });
    call.run(20 * SECOND);
    assert_eq!(failures(&call).len(), 1, "{:?}", failures(&call));
    assert!(failures(&call)[0].contains("made none within"));
}
