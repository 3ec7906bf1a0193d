//! Scalable video in virtual time: one stream, and each subscriber gets the layers that it asked for.

use std::time::Duration;

use str0m::format::Codec;
use visavis_sfu::{Command, Event, LayerInfo, TrackSettings};

use crate::simulation::Call;
use crate::simulation::client::VIDEO_INTERVAL;
use crate::simulation::network::Link;
use crate::simulation::svc::{Decoder, Encoder};

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(15), jitter: Duration::ZERO, bitrate: 0 };
const CAMERA: &str = "TR_camera";

/// L3T3_KEY and L3T3 of both codecs, and VP9 in flexible mode.
fn encoders() -> [(&'static str, Encoder); 5] {
    [
        ("VP9 L3T3_KEY", Encoder::new(Codec::Vp9, true, false)),
        ("VP9 L3T3", Encoder::new(Codec::Vp9, false, false)),
        ("VP9 L3T3, flexible", Encoder::new(Codec::Vp9, false, true)),
        ("AV1 L3T3_KEY", Encoder::new(Codec::Av1, true, false)),
        ("AV1 L3T3", Encoder::new(Codec::Av1, false, false)),
    ]
}

/// Ann, who publishes, and others who see her, at her best.
fn call_of(encoder: Encoder, others: &[&str], seed: u64) -> Call {
    let mut call = Call::new(LAN, seed);
    for name in ["ann"].iter().chain(others) {
        call.join(name);
        call.run_until(20 * SECOND, "connection", |call| call.clients[*name].publisher.connected);
    }
    call.publish_scalable("ann", "camera", encoder);
    call.run_until(20 * SECOND, "picture for everyone", |call| {
        others
            .iter()
            .all(|name| call.sections.keys().any(|(subscriber, _)| subscriber == name) && layer(call, name) == Some(2))
    });
    call
}

fn decoder<'a>(call: &'a Call, name: &str) -> &'a Decoder {
    &call.received(name, CAMERA).scalable
}

fn layer(call: &Call, name: &str) -> Option<u8> {
    decoder(call, name).latest().map(|(_, spatial)| spatial)
}

fn latest(call: &Call, name: &str) -> u32 {
    decoder(call, name).latest().map_or(0, |(picture, _)| picture)
}

fn ask(call: &mut Call, name: &str, settings: TrackSettings) {
    call.command(Command::SetTrackSettings { participant: name.into(), track: CAMERA.into(), settings });
}

fn of_quality(quality: u8) -> TrackSettings {
    TrackSettings { quality: Some(quality), ..TrackSettings::default() }
}

/// How many pictures of each layer `name` shows while `time` passes; all that comes can be decoded.
fn shown(call: &mut Call, what: &str, name: &str, time: Duration) -> [u32; 3] {
    let since = latest(call, name);
    call.run(time);
    assert_eq!(decoder(call, name).broken(since), [], "{what}: {name} cannot decode what came");
    assert_eq!(decoder(call, name).mismarked(since), [], "{what}: {name} cannot tell where pictures end");
    decoder(call, name).shown(since)
}

/// Where the network lost nothing, nothing is missing: no sequence number, and no frame that another is predicted from.
fn assert_whole(call: &Call, what: &str, name: &str) {
    assert_eq!(decoder(call, name).broken(0), [], "{what}: {name} could not decode what came");
    let mut sequences = call.received(name, CAMERA).sequences.clone();
    sequences.sort_unstable();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "{what}: {name} waits for what was left out");
}

#[test]
fn each_gets_the_layer_it_asked_for_and_another_when_it_asks_again() {
    for (what, encoder) in encoders() {
        let mut call = call_of(encoder, &["bob", "cy"], 1);
        ask(&mut call, "bob", of_quality(0));
        call.run(SECOND / 5);
        let pictures = (2.0 / VIDEO_INTERVAL.as_secs_f64()) as u32;
        let [low, medium, high] = shown(&mut call, what, "bob", 2 * SECOND);
        assert!(low >= pictures - 1 && medium + high == 0, "{what}: bob got {low}, {medium}, {high} of {pictures}");
        assert_eq!(layer(&call, "cy"), Some(2), "{what}");
        let asked = call.clients["ann"].keyframe_requests;
        ask(&mut call, "bob", of_quality(2));
        call.run_until(SECOND, "high layer", |call| layer(call, "bob") == Some(2));
        assert_eq!(call.clients["ann"].keyframe_requests, asked + 1, "{what}: up takes a keyframe");
        let [low, medium, high] = shown(&mut call, what, "bob", 2 * SECOND);
        assert!(high >= pictures - 1 && low + medium == 0, "{what}: bob got {low}, {medium}, {high} of {pictures}");
        ask(&mut call, "bob", of_quality(1));
        call.run_until(SECOND / 5, "medium layer", |call| layer(call, "bob") == Some(1));
        assert_eq!(call.clients["ann"].keyframe_requests, asked + 1, "{what}: down takes none");
        for name in ["bob", "cy"] {
            assert_whole(&call, what, name);
        }
    }
}

#[test]
fn the_first_picture_has_the_layers_that_are_wanted() {
    for (what, encoder) in encoders() {
        let mut call = Call::new(LAN, 8);
        call.declared = (0..3).map(|quality| LayerInfo { quality, width: 0, height: 0, bitrate: 0 }).collect();
        for name in ["ann", "bob", "cy"] {
            call.join(name);
        }
        call.run(SECOND);
        ask(&mut call, "cy", of_quality(1));
        call.publish_scalable("ann", "camera", encoder);
        call.run(2 * SECOND);
        for (name, wanted) in [("bob", 2), ("cy", 1)] {
            let shown = decoder(&call, name).shown(0);
            assert_eq!(shown[wanted], shown.iter().sum::<u32>(), "{what}: {name} got {shown:?}");
            assert!(shown[wanted] > 40, "{what}: {name} got {shown:?}");
        }
        assert!(call.clients["ann"].keyframe_requests <= 2, "{what}: {}", call.clients["ann"].keyframe_requests);
    }
}

#[test]
fn fewer_frames_are_fewer_temporal_layers() {
    for (what, encoder) in encoders() {
        let mut call = call_of(encoder, &["bob"], 2);
        call.run(2 * SECOND);
        // 25 frames a second; 12.5 without the highest temporal layer, 6.25 with the lowest alone.
        for (fps, temporal, frames) in [(13, 1, 24..=27), (7, 0, 12..=14), (0, 2, 48..=51)] {
            ask(&mut call, "bob", TrackSettings { fps, ..TrackSettings::default() });
            call.run(SECOND / 2);
            let since = latest(&call, "bob");
            let [.., high] = shown(&mut call, what, "bob", 2 * SECOND);
            assert!(frames.contains(&high), "{what}: {high} frames in two seconds at {fps} a second");
            let temporals = decoder(&call, "bob").decoded.range((since + 1, 0)..).map(|(_, temporal)| *temporal);
            assert_eq!(temporals.max(), Some(temporal), "{what}: at {fps} a second");
        }
        assert_whole(&call, what, "bob");
    }
}

#[test]
fn reordering_leaves_nothing_missing() {
    for (what, encoder) in encoders() {
        let mut call = call_of(encoder, &["bob", "cy"], 9);
        // More than the time between pictures: what is left out of one comes after what is sent on of the next.
        call.network.link = Link { jitter: Duration::from_millis(60), ..LAN };
        for quality in [0, 2, 1, 2] {
            ask(&mut call, "bob", of_quality(quality));
            call.run(SECOND);
        }
        call.network.link = LAN;
        call.run(SECOND);
        for name in ["bob", "cy"] {
            assert_whole(&call, what, name);
        }
    }
}

#[test]
fn everyone_recovers_from_loss_and_reordering() {
    for (what, encoder) in encoders() {
        let mut call = call_of(encoder, &["bob", "cy"], 7);
        ask(&mut call, "bob", of_quality(0));
        call.network.link =
            Link { loss: 0.05, delay: Duration::from_millis(30), jitter: Duration::from_millis(15), bitrate: 0 };
        call.run(SECOND);
        let since = ["bob", "cy"].map(|name| latest(&call, name));
        for round in 0..10 {
            ask(&mut call, "bob", of_quality([2, 0][round % 2]));
            call.run(SECOND);
        }
        let pictures = 10.0 / VIDEO_INTERVAL.as_secs_f64();
        for (name, since) in ["bob", "cy"].into_iter().zip(since) {
            let share = f64::from(decoder(&call, name).shown(since).iter().sum::<u32>()) / pictures;
            assert!(share > 0.9, "{what}: {name} decoded {share:.2} of the pictures");
        }
        // And when the network is well again, so is the picture.
        call.network.link = LAN;
        call.run(2 * SECOND);
        call.run_until(8 * SECOND, "the highest layer", |call| layer(call, "cy") == Some(2));
        let [low, medium, high] = shown(&mut call, what, "bob", SECOND);
        assert!(low >= 24 && medium + high == 0, "{what}: bob got {low}, {medium}, {high}");
        let [low, medium, high] = shown(&mut call, what, "cy", SECOND);
        assert!(high >= 24 && low + medium == 0, "{what}: cy got {low}, {medium}, {high}");
    }
}

#[test]
fn one_behind_a_narrow_link_gets_a_lower_layer_and_the_highest_again() {
    let mut call = call_of(Encoder::new(Codec::Vp9, true, false), &["bob", "cy"], 3);
    call.run(2 * SECOND);
    // Layers take 0.13, 0.39 and 0.77 Mbit/s, each with those below it.
    call.limit("bob", 350_000);
    call.run_until(10 * SECOND, "lower layer", |call| layer(call, "bob") == Some(0));
    call.run(3 * SECOND);
    let [low, medium, high] = shown(&mut call, "narrow", "bob", 3 * SECOND);
    assert!(low >= 70 && medium + high == 0, "bob got {low}, {medium}, {high}");
    assert_eq!(layer(&call, "cy"), Some(2));
    call.limit("bob", 0);
    call.run_until(15 * SECOND, "highest layer", |call| layer(call, "bob") == Some(2));
}

#[test]
fn a_late_joiner_and_one_who_resumes_get_a_keyframe_at_once() {
    for (what, encoder) in encoders() {
        let mut call = call_of(encoder, &["bob"], 4);
        call.run(2 * SECOND);
        call.join("cy");
        let offered = |call: &Call| call.sections.keys().any(|(name, _)| name == "cy");
        call.run_until(2 * SECOND, "picture", |call| offered(call) && layer(call, "cy") == Some(2));
        ask(&mut call, "bob", TrackSettings { disabled: true, ..TrackSettings::default() });
        call.run(SECOND);
        let before = latest(&call, "bob");
        call.run(SECOND);
        assert_eq!(latest(&call, "bob"), before, "{what}: nothing comes while disabled");
        ask(&mut call, "bob", of_quality(2));
        call.run_until(SECOND, "picture again", |call| latest(call, "bob") > before && layer(call, "bob") == Some(2));
        let muted = |muted| Command::SetMuted { track: CAMERA.into(), muted };
        call.command(muted(true));
        call.run(SECOND);
        call.command(muted(false));
        let before = latest(&call, "bob");
        call.run_until(SECOND, "picture after the mute", |call| latest(call, "bob") > before);
        shown(&mut call, what, "bob", SECOND);
        assert_whole(&call, what, "bob");
    }
}

#[test]
fn a_publisher_is_told_the_quality_of_the_highest_layer_wanted() {
    let mut call = call_of(Encoder::new(Codec::Vp9, true, false), &["bob"], 5);
    ask(&mut call, "bob", of_quality(1));
    call.run(7 * SECOND);
    let told = call.events_of(|event| match event {
        Event::SubscribedQuality { codecs, .. } => Some(codecs[0].clone()),
        _ => None,
    });
    assert_eq!(told, [("video/VP9".into(), Some(2)), ("video/VP9".into(), Some(1))]);
}

#[test]
fn av1_tells_who_gets_less_which_layers_are_active() {
    let mut call = call_of(Encoder::new(Codec::Av1, true, false), &["bob", "cy"], 6);
    ask(&mut call, "bob", of_quality(0));
    call.run(SECOND);
    let before = decoder(&call, "bob").masked.clone();
    call.run(SECOND);
    let after = &decoder(&call, "bob").masked;
    assert!(after[&true] > before[&true] + 20 && after[&false] == before[&false], "{before:?}, then {after:?}");
    assert!(!decoder(&call, "cy").masked.contains_key(&true));
}
