//! Who comes soon after a keyframe begins with that one; who comes later, with one that the publisher is asked for.

use std::time::Duration;

use str0m::media::MediaKind::Video;
use visavis_sfu::{Command, Event, TrackSettings};

use crate::simulation::Call;
use crate::simulation::network::{Link, Random};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };
/// The client is given 100 ms to do what the descriptions say, and a beat takes as long.
const SOON: Duration = Duration::from_millis(220);
const CAMERA: &str = "TR_cam";
/// Pictures that begin a stream at once, and one that was shown in a lower layer before: a millisecond apart.
const AT_ONCE: u64 = 90;

/// Ann publishes; `others` are connected and get nothing yet.
fn call_of(others: &[&str], layers: usize, single: bool, mut call: Call) -> Call {
    call.auto_subscribe = false;
    for name in ["ann"].iter().chain(others) {
        call.join_with(name, single);
        call.run_until(20 * SECOND, "publisher connection", |call| call.clients[*name].publisher.connected);
        call.run_until(20 * SECOND, "connection", |call| call.clients[*name].receiving().connected);
    }
    call.publish("ann", Video, "cam", layers);
    let is_there =
        |event: &Event| matches!(event, Event::Answer { participant, .. } if participant == "ann").then_some(());
    call.run_until(20 * SECOND, "the track", |call| !call.events_of(is_there).is_empty());
    call.run(2 * SECOND);
    call
}

fn subscribe(call: &mut Call, name: &str) {
    call.command(Command::Subscribe { participant: name.into(), track: CAMERA.into() });
}

fn sees(call: &Call, name: &str) -> bool {
    let is_offered = call.sections.iter().any(|((known, _), track)| known == name && track == CAMERA);
    is_offered && call.received(name, CAMERA).video.total() > 0
}

/// How long it takes until `name`, who subscribes now, sees a picture.
fn time_to_see(call: &mut Call, name: &str) -> Duration {
    let start = call.now;
    subscribe(call, name);
    call.run_until(5 * SECOND, "a picture", |call| sees(call, name));
    call.now - start
}

/// Nothing is missing, and pictures are as far apart as Ann sent them, but for those that are sent at once.
fn assert_whole(call: &Call, name: &str, what: &str) {
    let received = call.received(name, CAMERA);
    let mut sequences = received.sequences.clone();
    sequences.sort_unstable();
    assert!(
        sequences.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{what}: {name} misses something, or has it twice"
    );
    let timestamps = &received.video.timestamps;
    let mut spans: Vec<u64> = timestamps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    spans.retain(|span| *span != AT_ONCE);
    assert!(spans.windows(2).all(|pair| pair[0].abs_diff(pair[1]) <= 90), "{what}: {name} gets {spans:?}");
}

#[test]
fn who_comes_soon_after_a_keyframe_begins_with_it() {
    for (single, reference) in [(false, false), (true, false), (false, true)] {
        let call = Call::sending_by(LAN, 1, reference);
        let mut call = call_of(&["bob", "carol", "dan"], 1, single, call);
        time_to_see(&mut call, "bob");
        call.run(200 * MILLISECOND);
        let asked = call.clients["ann"].keyframe_requests;
        let waited = time_to_see(&mut call, "carol");
        assert!(waited < SOON, "carol waited {waited:?}");
        assert_eq!(call.clients["ann"].keyframe_requests, asked, "nobody had to make one for her");
        // The keyframe is too old for who comes now.
        call.run(SECOND);
        time_to_see(&mut call, "dan");
        assert_eq!(call.clients["ann"].keyframe_requests, asked + 1);
        call.run(SECOND);
        for name in ["bob", "carol", "dan"] {
            assert_whole(&call, name, &format!("single: {single}, reference: {reference}"));
        }
    }
}

#[test]
fn who_joins_begins_with_it_as_soon_as_it_is_connected() {
    for single in [false, true] {
        let mut call = call_of(&["bob"], 1, single, Call::new(LAN, 4));
        time_to_see(&mut call, "bob");
        call.auto_subscribe = true;
        call.join_with("carol", single);
        let asked = call.clients["ann"].keyframe_requests;
        call.run_until(5 * SECOND, "connection", |call| call.clients["carol"].receiving().connected);
        let connected = call.now;
        call.run_until(5 * SECOND, "a picture", |call| sees(call, "carol"));
        let waited = call.now - connected;
        assert!(waited <= 20 * MILLISECOND, "single: {single}: carol waited {waited:?}");
        assert_eq!(call.clients["ann"].keyframe_requests, asked);
        call.run(SECOND);
        assert_whole(&call, "carol", "joined");
    }
}

#[test]
fn in_a_spread_room_too() {
    let mut call = call_of(&["bob", "carol", "dan", "eve"], 1, false, Call::spread(LAN, 2));
    for name in ["bob", "carol"] {
        time_to_see(&mut call, name);
    }
    call.run(SECOND);
    time_to_see(&mut call, "dan");
    call.run(100 * MILLISECOND);
    let waited = time_to_see(&mut call, "eve");
    assert!(waited < SOON, "eve waited {waited:?}");
    call.run(SECOND);
    for name in ["bob", "carol", "dan", "eve"] {
        assert_whole(&call, name, "spread");
    }
}

#[test]
fn a_crowd_costs_the_publisher_no_more_keyframes_than_time_allows() {
    const NAMES: [&str; 8] = ["b", "c", "d", "e", "f", "g", "h", "i"];
    for seed in 0..6 {
        let layers = if seed % 2 == 0 { 1 } else { 3 };
        let mut call = call_of(&NAMES, layers, seed % 3 == 0, Call::new(LAN, seed));
        let mut random = Random(seed + 1);
        let (asked, start) = (call.clients["ann"].keyframe_requests, call.now);
        for name in NAMES {
            call.run(random.below(250) as u32 * MILLISECOND);
            let waited = time_to_see(&mut call, name);
            assert!(waited < 2 * SOON, "seed {seed}: {name} waited {waited:?}");
        }
        call.run(2 * SECOND);
        let asked = call.clients["ann"].keyframe_requests - asked;
        let intervals = (call.now - start).as_millis().div_ceil(500) as u32;
        assert!(asked <= intervals * layers as u32, "seed {seed}: {asked} keyframes in {intervals} half seconds");
        for name in NAMES {
            assert_whole(&call, name, &format!("seed {seed}"));
        }
    }
}

#[test]
fn on_a_bad_network_everybody_sees_and_the_picture_goes_on() {
    for seed in 0..6 {
        let mut call = call_of(&["bob", "carol", "dan"], 1, false, Call::new(LAN, seed));
        call.network.link = Link { loss: 0.05, delay: 30 * MILLISECOND, jitter: 15 * MILLISECOND, bitrate: 0 };
        for name in ["bob", "carol", "dan"] {
            time_to_see(&mut call, name);
        }
        call.network.link = LAN;
        call.run(2 * SECOND);
        for name in ["bob", "carol", "dan"] {
            let before = call.received(name, CAMERA).video.total();
            call.run(SECOND);
            assert!(call.received(name, CAMERA).video.total() >= before + 24, "seed {seed}: {name} lost the picture");
            let timestamps = &call.received(name, CAMERA).video.timestamps;
            assert!(timestamps.is_sorted(), "seed {seed}: {name}'s clock went back");
        }
    }
}

#[test]
fn who_had_the_picture_gets_it_back_in_time_with_the_sound() {
    let mut call = call_of(&["bob", "carol"], 1, false, Call::new(LAN, 3));
    time_to_see(&mut call, "bob");
    let settings = |disabled| Command::SetTrackSettings {
        participant: "bob".into(),
        track: CAMERA.into(),
        settings: TrackSettings { disabled, ..TrackSettings::default() },
    };
    call.run(150 * MILLISECOND);
    call.command(settings(true));
    call.run(100 * MILLISECOND);
    call.command(settings(false));
    call.run(3 * SECOND);
    time_to_see(&mut call, "carol");
    call.run(SECOND);
    // Bob's clock goes on as Ann's does, as if nothing had been left out.
    let timestamps = &call.received("bob", CAMERA).video.timestamps;
    let steps: Vec<u64> = timestamps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let (span, usual) = (timestamps[timestamps.len() - 1] - timestamps[0], steps[steps.len() - 1]);
    let off = (span % usual).min(usual - span % usual);
    assert!(off <= 5 * AT_ONCE, "by {off}: {steps:?}");
    assert_eq!(steps.iter().filter(|step| **step > usual).count(), 1, "one pause, {steps:?}");
}
