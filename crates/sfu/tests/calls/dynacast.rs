//! Which layers publishers are told to send, in virtual time.

use std::time::Duration;

use str0m::media::MediaKind;
use visavis_sfu::{Command, Event, TrackSettings};

use crate::simulation::Call;
use crate::simulation::network::Link;

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(15), jitter: Duration::ZERO, bitrate: 0 };
const CAMERA: &str = "TR_camera";

/// Ann, who publishes three layers and heeds what she is told, and others who see her.
fn call_of(names: &[&str], seed: u64) -> Call {
    let mut call = Call::new(LAN, seed);
    call.dynacast = true;
    for name in names {
        call.join(name);
    }
    call.run(SECOND);
    call.publish("ann", MediaKind::Video, "camera", 3);
    call.run(SECOND);
    call
}

/// What ann was told so far, and when.
fn told(call: &Call) -> Vec<(Duration, Option<u8>)> {
    let told = |(at, event): &(Duration, Event)| match event {
        Event::SubscribedQuality { participant, track, codecs } => {
            assert_eq!((participant.as_str(), track.as_str(), codecs[0].0.as_str()), ("ann", CAMERA, "video/VP8"));
            Some((*at, codecs[0].1))
        }
        _ => None,
    };
    call.events.iter().filter_map(told).collect()
}

fn qualities(call: &Call) -> Vec<Option<u8>> {
    told(call).into_iter().map(|(_, quality)| quality).collect()
}

fn ask(call: &mut Call, name: &str, settings: TrackSettings) {
    call.command(Command::SetTrackSettings { participant: name.into(), track: CAMERA.into(), settings });
}

fn of_quality(quality: u8) -> TrackSettings {
    TrackSettings { quality: Some(quality), ..TrackSettings::default() }
}

const DISABLED: TrackSettings =
    TrackSettings { disabled: true, quality: None, width: 0, height: 0, fps: 0, priority: 0 };

fn layer(call: &Call, name: &str) -> Option<u8> {
    call.received(name, CAMERA).video.layer
}

#[test]
fn upper_layers_stop_five_seconds_after_the_last_one_who_wants_them_and_come_back_at_once() {
    let mut call = call_of(&["ann", "bob", "cy"], 1);
    call.run(2 * SECOND);
    assert_eq!(qualities(&call), [Some(2)]);
    ask(&mut call, "bob", of_quality(0));
    call.run(8 * SECOND);
    assert_eq!(qualities(&call), [Some(2)], "cy still wants the highest");
    ask(&mut call, "cy", of_quality(0));
    let asked = call.now;
    call.run_until(7 * SECOND, "downgrade", |call| qualities(call) == [Some(2), Some(0)]);
    // The five seconds begin when the lower layer flows.
    let waited = call.now - asked;
    assert!(waited >= 5 * SECOND && waited < Duration::from_millis(5800), "told after {waited:?}");
    call.run(3 * SECOND);
    let before = call.received("bob", CAMERA).video.total();
    call.run(SECOND);
    assert!(call.received("bob", CAMERA).video.total() - before >= 24, "the low layer flows on");

    ask(&mut call, "bob", of_quality(2));
    assert_eq!(qualities(&call), [Some(2), Some(0), Some(2)], "told at once");
    let asked = call.now;
    call.run_until(SECOND, "highest layer", |call| layer(call, "bob") == Some(2));
    let waited = call.now - asked;
    assert!(waited < Duration::from_millis(150), "the highest layer came back after {waited:?}");
    assert_eq!(layer(&call, "cy"), Some(0));
}

#[test]
fn who_wants_less_than_anything_that_is_sent_gets_the_lowest_that_is() {
    let mut call = call_of(&["ann", "bob"], 4);
    ask(&mut call, "bob", of_quality(0));
    call.run(SECOND);
    call.client("ann").choose_layers("camera", |layer| layer == 2);
    call.run(4 * SECOND);
    let frames = call.received("bob", CAMERA).video.total();
    call.run(SECOND);
    assert!(call.received("bob", CAMERA).video.total() > frames + 20);
    assert_eq!((layer(&call, "bob"), call.shard.stats().panics), (Some(2), 0));
}

#[test]
fn a_layer_for_a_moment_less_wanted_does_not_stop() {
    let mut call = call_of(&["ann", "bob"], 2);
    for _ in 0..5 {
        ask(&mut call, "bob", DISABLED);
        call.run(3 * SECOND);
        ask(&mut call, "bob", of_quality(2));
        call.run(2 * SECOND);
    }
    assert_eq!(qualities(&call), [Some(2)]);
}

#[test]
fn nothing_is_sent_that_nobody_watches() {
    let mut call = call_of(&["ann", "bob"], 3);
    ask(&mut call, "bob", DISABLED);
    call.run(6 * SECOND);
    assert_eq!(qualities(&call), [Some(2), None]);
    ask(&mut call, "bob", TrackSettings { width: 320, height: 180, ..TrackSettings::default() });
    let frames = call.received("bob", CAMERA).video.total();
    call.run_until(SECOND, "picture", |call| call.received("bob", CAMERA).video.total() > frames);
    assert_eq!((qualities(&call).last(), layer(&call, "bob")), (Some(&Some(0)), Some(0)));
    call.command(Command::Unsubscribe { participant: "bob".into(), track: CAMERA.into() });
    call.run(6 * SECOND);
    assert_eq!(qualities(&call).last(), Some(&None));
}

#[test]
fn a_track_that_nobody_subscribes_to_may_stop_after_ten_seconds() {
    let mut call = call_of(&["ann"], 4);
    call.run(8 * SECOND);
    assert_eq!(qualities(&call), []);
    call.run(2 * SECOND);
    assert_eq!(qualities(&call), [None]);
    call.join("bob");
    call.run_until(2 * SECOND, "picture", |call| {
        let offered = call.sections.values().any(|track| track == CAMERA);
        offered && layer(call, "bob") == Some(2)
    });
    assert_eq!(qualities(&call), [None, Some(2)]);
}

#[test]
fn nothing_is_told_while_muted_and_the_present_after() {
    let mut call = call_of(&["ann", "bob"], 5);
    let muted = |muted| Command::SetMuted { track: CAMERA.into(), muted };
    call.command(muted(true));
    call.run(7 * SECOND);
    ask(&mut call, "bob", of_quality(1));
    call.run(7 * SECOND);
    assert_eq!(qualities(&call), [Some(2)], "muting is no reason");
    call.command(muted(false));
    assert_eq!(qualities(&call), [Some(2), Some(1)]);
    call.command(muted(true));
    call.command(muted(false));
    assert_eq!(qualities(&call), [Some(2), Some(1), Some(1)], "told again, though the same");
}

#[test]
fn who_leaves_wants_nothing_any_more() {
    let mut call = call_of(&["ann", "bob", "cy"], 6);
    ask(&mut call, "cy", of_quality(1));
    call.leave("bob");
    call.run(6 * SECOND);
    assert_eq!(qualities(&call), [Some(2), Some(1)]);
}
