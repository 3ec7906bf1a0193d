//! Tracks in VP9 with VP8 as backup codec, for clients that decode the one, the other, or both. In virtual time.

use std::time::Duration;

use str0m::format::Codec;
use visavis_sfu::{Command, Event, SubscriptionError, TrackSettings};

use crate::simulation::Call;
use crate::simulation::network::Link;
use crate::simulation::video::Format;

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(15), jitter: Duration::ZERO, bitrate: 0 };
const CAMERA: &str = "TR_camera";

const BOTH: &[Codec] = &[Codec::Vp8, Codec::Vp9];
const VP8: &[Codec] = &[Codec::Vp8];
const VP9: &[Codec] = &[Codec::Vp9];
const H264: &[Codec] = &[Codec::H264];

/// What the publisher was told of VP9 and VP8, each time: mime type and highest quality.
fn told(call: &Call) -> Vec<Vec<(&str, Option<u8>)>> {
    call.events_of(|event| match event {
        Event::SubscribedQuality { participant, track, codecs } => {
            assert_eq!((participant.as_str(), track.as_str()), ("ann", CAMERA));
            Some(codecs.iter().map(|(mime, wanted)| (mime.as_str(), *wanted)).collect())
        }
        _ => None,
    })
}

/// Ann publishes VP9 with VP8 as backup; others join before that, with what they can decode.
fn call_of(others: &[(&str, &[Codec])], single: bool, seed: u64) -> Call {
    let mut call = Call::new(LAN, seed);
    call.dynacast = true;
    call.backups = vec!["video/VP8".into()];
    call.join_able("ann", single, BOTH, true);
    for (name, codecs) in others {
        call.join_able(name, single, codecs, true);
    }
    call.run(SECOND);
    call.publish_vp9("ann", "camera");
    call
}

/// Lets ann send VP8, too, once she is asked for it.
fn send_backup(call: &mut Call, regress: bool) {
    let asked = |call: &Call| told(call).last().is_some_and(|codecs| codecs.contains(&("video/VP8", Some(2))));
    call.run_until(2 * SECOND, "demand for VP8", asked);
    call.publish_backup("ann", CAMERA, "camera-vp8", 3, regress);
}

fn format(call: &Call, name: &str) -> Option<Format> {
    call.received(name, CAMERA).video.format()
}

fn until_format(call: &mut Call, name: &str, wanted: Format) {
    call.run_until(3 * SECOND, "picture in another format", |call| {
        call.sections.iter().any(|((to, _), _)| to == name) && format(call, name) == Some(wanted)
    });
}

/// Frames that each decodes in a second.
fn frames(call: &mut Call, names: &[&str]) -> Vec<u32> {
    let total =
        |call: &Call| -> Vec<u32> { names.iter().map(|name| call.received(name, CAMERA).video.total()).collect() };
    let before = total(call);
    call.run(SECOND);
    total(call).iter().zip(before).map(|(after, before)| after - before).collect()
}

#[test]
fn each_gets_the_first_codec_that_it_can_decode() {
    for (single, seed) in [(false, 1), (true, 2)] {
        let mut call = call_of(&[("bob", VP9), ("cy", VP8), ("dan", BOTH)], single, seed);
        send_backup(&mut call, false);
        until_format(&mut call, "cy", Format::Vp8);
        assert_eq!([format(&call, "bob"), format(&call, "dan")], [Some(Format::Vp9); 2]);
        call.run(3 * SECOND);
        assert!(frames(&mut call, &["bob", "cy", "dan"]).iter().all(|frames| (24..=26).contains(frames)));
        assert_eq!(call.received("cy", CAMERA).video.layer, Some(2), "of VP8 as of any other codec");
        assert_eq!(told(&call).last(), Some(&vec![("video/VP9", Some(2)), ("video/VP8", Some(2))]));
    }
}

#[test]
fn the_publisher_is_not_asked_for_a_codec_that_nobody_lacks() {
    let mut call = call_of(&[("bob", BOTH)], false, 3);
    call.run(12 * SECOND);
    assert_eq!(told(&call), [[("video/VP9", Some(2))]]);
}

#[test]
fn a_primary_codec_that_nobody_can_decode_stops_and_the_backup_is_asked_for_first() {
    let mut call = call_of(&[("cy", VP8)], false, 4);
    send_backup(&mut call, false);
    assert_eq!(told(&call), [[("video/VP8", Some(2))]]);
    until_format(&mut call, "cy", Format::Vp8);
    call.run(10 * SECOND);
    assert_eq!(told(&call).last(), Some(&vec![("video/VP9", None), ("video/VP8", Some(2))]));
    assert!(frames(&mut call, &["cy"])[0] >= 24);
}

#[test]
fn all_go_over_to_the_backup_codec_when_a_track_regresses() {
    for (single, seed) in [(false, 5), (true, 6)] {
        let mut call = call_of(&[("bob", BOTH), ("cy", VP8)], single, seed);
        until_format(&mut call, "bob", Format::Vp9);
        send_backup(&mut call, true);
        until_format(&mut call, "bob", Format::Vp8);
        until_format(&mut call, "cy", Format::Vp8);
        call.run(6 * SECOND);
        assert_eq!(told(&call).last(), Some(&vec![("video/VP9", None), ("video/VP8", Some(2))]));
        assert!(frames(&mut call, &["bob", "cy"]).iter().all(|frames| *frames >= 24));
        let received = call.received("bob", CAMERA);
        let mut sequences = received.sequences.clone();
        sequences.sort_unstable();
        sequences.dedup();
        assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "the stream goes on without a hole");
        let steps: Vec<u64> = received.video.timestamps.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.iter().all(|step| (1..=90_000).contains(step)), "time leaps: {steps:?}");
        call.join_able("eve", single, BOTH, true);
        until_format(&mut call, "eve", Format::Vp8);
    }
}

#[test]
fn whose_client_does_not_follow_a_change_of_codec_gets_another_stream() {
    for (single, seed) in [(false, 7), (true, 8)] {
        let mut call = call_of(&[("cy", VP8)], single, seed);
        call.join_able("bob", single, BOTH, false);
        until_format(&mut call, "bob", Format::Vp9);
        call.run(4 * SECOND);
        send_backup(&mut call, true);
        until_format(&mut call, "bob", Format::Vp8);
        // The simulation counts the frames of each stream for itself.
        let total = call.received("bob", CAMERA).video.total();
        assert!(total < 10, "{total} frames: the stream of VP9 goes on");
        assert!(frames(&mut call, &["bob", "cy"]).iter().all(|frames| *frames >= 24));
    }
}

#[test]
fn who_cannot_decode_the_backup_codec_is_told_so_when_the_track_regresses() {
    let mut call = call_of(&[("bob", VP9), ("cy", VP8)], false, 9);
    until_format(&mut call, "bob", Format::Vp9);
    send_backup(&mut call, true);
    until_format(&mut call, "cy", Format::Vp8);
    assert_eq!(failures(&call), [("bob", SubscriptionError::CodecUnsupported)]);
}

#[test]
fn who_can_decode_neither_is_told_so() {
    for (single, seed) in [(false, 10), (true, 11)] {
        let mut call = call_of(&[("hal", H264), ("bob", BOTH)], single, seed);
        call.run(2 * SECOND);
        assert_eq!(failures(&call), [("hal", SubscriptionError::CodecUnsupported)]);
        assert_eq!(told(&call), [[("video/VP9", Some(2))]], "nobody waits for VP8");
        assert_eq!(format(&call, "bob"), Some(Format::Vp9));
    }
}

fn failures(call: &Call) -> Vec<(&str, SubscriptionError)> {
    call.events_of(|event| match event {
        Event::SubscriptionFailed { participant, reason, .. } => Some((participant.as_str(), *reason)),
        _ => None,
    })
}

#[test]
fn qualities_are_told_for_each_codec() {
    let mut call = call_of(&[("bob", VP9), ("cy", VP8)], false, 12);
    send_backup(&mut call, false);
    until_format(&mut call, "cy", Format::Vp8);
    call.run(SECOND);
    let low = TrackSettings { quality: Some(0), ..TrackSettings::default() };
    call.command(Command::SetTrackSettings { participant: "cy".into(), track: CAMERA.into(), settings: low });
    let vp8_low = vec![("video/VP9", Some(2)), ("video/VP8", Some(0))];
    call.run_until(7 * SECOND, "less of VP8", |call| told(call).last() == Some(&vp8_low));
    call.command(Command::Unsubscribe { participant: "bob".into(), track: CAMERA.into() });
    let no_vp9 = vec![("video/VP9", None), ("video/VP8", Some(0))];
    call.run_until(7 * SECOND, "end of VP9", |call| told(call).last() == Some(&no_vp9));
    call.command(Command::Unsubscribe { participant: "cy".into(), track: CAMERA.into() });
    call.run_until(7 * SECOND, "end", |call| {
        told(call).last() == Some(&vec![("video/VP9", None), ("video/VP8", None)])
    });
}

#[test]
fn muting_stops_all_codecs_and_unmuting_tells_of_all() {
    let mut call = call_of(&[("bob", VP9), ("cy", VP8)], false, 13);
    send_backup(&mut call, false);
    until_format(&mut call, "cy", Format::Vp8);
    call.command(Command::SetMuted { track: CAMERA.into(), muted: true });
    call.run(SECOND);
    assert_eq!(frames(&mut call, &["bob", "cy"]), [0, 0]);
    let before = told(&call).len();
    call.command(Command::SetMuted { track: CAMERA.into(), muted: false });
    assert_eq!(told(&call)[before..], [vec![("video/VP9", Some(2)), ("video/VP8", Some(2))]]);
    call.run(SECOND);
    assert!(frames(&mut call, &["bob", "cy"]).iter().all(|frames| *frames >= 24));
}

#[test]
fn a_track_ends_with_its_primary_codec_and_a_backup_codec_by_itself() {
    let mut call = call_of(&[("bob", VP9), ("cy", VP8)], false, 14);
    send_backup(&mut call, false);
    until_format(&mut call, "cy", Format::Vp8);
    let removal = call.client("ann").offer_removal(1);
    call.offer("ann", removal);
    call.run(SECOND);
    let (bob, cy) = (frames(&mut call, &["bob"])[0], frames(&mut call, &["cy"])[0]);
    assert!(bob >= 24 && cy == 0, "{bob} frames of VP9, {cy} of VP8");
    call.publish_backup("ann", CAMERA, "camera-again", 1, false);
    call.run(2 * SECOND);
    assert!(frames(&mut call, &["cy"])[0] >= 24, "VP8 came back");
    let removal = call.client("ann").offer_removal(0);
    call.offer("ann", removal);
    call.run(SECOND);
    assert!(!call.sections.values().any(|track| track == CAMERA), "nobody is offered it any more");
    assert_eq!(call.shard.stats().panics, 0);
}

#[test]
fn both_codecs_recover_from_loss() {
    for seed in 0..3 {
        for regress in [false, true] {
            let mut call = call_of(&[("bob", BOTH), ("cy", VP8)], seed == 2, 20 + seed);
            until_format(&mut call, "bob", Format::Vp9);
            call.network.link =
                Link { loss: 0.05, delay: Duration::from_millis(30), jitter: Duration::from_millis(15), bitrate: 0 };
            send_backup(&mut call, regress);
            call.run(8 * SECOND);
            call.network.link.loss = 0.0;
            call.run(2 * SECOND);
            let expected = if regress { Format::Vp8 } else { Format::Vp9 };
            assert_eq!([format(&call, "bob"), format(&call, "cy")], [Some(expected), Some(Format::Vp8)]);
            let seen = frames(&mut call, &["bob", "cy"]);
            assert!(seen.iter().all(|frames| *frames >= 23), "seed {seed}, regress {regress}: {seen:?} frames");
            assert_eq!(call.shard.stats().panics, 0);
        }
    }
}
