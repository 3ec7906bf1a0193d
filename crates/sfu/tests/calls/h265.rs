//! H265: its keyframes are found, so that layers change at them, and late joiners see something.

use std::time::Duration;

use str0m::media::MediaKind::Video;
use visavis_sfu::{Command, Event, TrackSettings};

use crate::simulation::Call;
use crate::simulation::network::Link;

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };
const TRACK: &str = "TR_cam";

/// Alice sends H265 in three layers to Bob.
fn call_of_two(single: bool) -> Call {
    let mut call = Call::new(LAN, 3);
    for name in ["alice", "bob"] {
        call.join_with(name, single);
        call.run_until(20 * SECOND, "connection", |call| call.clients[name].publisher.connected);
    }
    call.client("alice").h265 = true;
    call.publish("alice", Video, "cam", 3);
    call.run_until(20 * SECOND, "offer", |call| call.sections.keys().any(|(name, _)| name == "bob"));
    call.run(3 * SECOND);
    call
}

fn want(call: &mut Call, quality: u8) {
    let settings = TrackSettings { quality: Some(quality), ..TrackSettings::default() };
    call.command(Command::SetTrackSettings { participant: "bob".into(), track: TRACK.into(), settings });
}

#[test]
fn it_is_seen_in_the_best_layer() {
    for single in [false, true] {
        let mut call = call_of_two(single);
        let mime_types = call.events_of(|event| match event {
            Event::MediaAdded { mime_type, .. } => Some(mime_type.clone()),
            _ => None,
        });
        assert_eq!(mime_types, ["video/H265"]);
        let before = call.received("bob", TRACK).video.decoded[2];
        call.run(4 * SECOND);
        let seen = call.received("bob", TRACK).video.decoded[2] - before;
        assert!(seen >= 98, "single: {single}: {seen} of 100 frames");
    }
}

#[test]
fn layers_change_without_a_hole() {
    let mut call = call_of_two(false);
    for (quality, layer) in [(0, 0), (2, 2), (1, 1)] {
        want(&mut call, quality);
        call.run_until(5 * SECOND, "other layer", |call| call.received("bob", TRACK).video.layer == Some(layer));
    }
    let sequences = &call.received("bob", TRACK).sequences;
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "a receiver would ask for what never was");
}

#[test]
fn late_joiners_see_it_and_it_survives_loss() {
    let mut call = call_of_two(false);
    call.network.link.loss = 0.05;
    call.join("carol");
    call.run_until(20 * SECOND, "picture", |call| {
        call.sections.iter().any(|((name, _), track)| name == "carol" && track == TRACK)
            && call.received("carol", TRACK).video.total() > 0
    });
    call.run(5 * SECOND);
    assert!(call.received("carol", TRACK).video.total() > 60);
}
