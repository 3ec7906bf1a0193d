//! Rooms that say how long receivers hold pictures back, and that tracks of one stream be played in sync.

use std::time::Duration;

use visavis_sfu::{Command, Event, PlayoutLimits};

use crate::simulation::Call;
use crate::simulation::network::Link;

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };

/// Alice publishes, Bob receives, in a room that the test has set up.
fn call_of_two(mut call: Call, single: bool) -> Call {
    call.join_two(single);
    call
}

#[test]
fn a_delay_is_told_with_pictures_until_it_is_known() {
    for single in [false, true] {
        let mut call = Call::new(LAN, 5);
        call.playout_delay = Some(PlayoutLimits { min: 200, max: 2000 });
        let mut call = call_of_two(call, single);
        call.run(20 * SECOND);

        let told = &call.received("bob", "TR_cam").playout_delays;
        assert!(!told.is_empty() && told.iter().all(|delay| *delay == 200), "single: {single}: {told:?}");
        assert!(told.len() < call.received("bob", "TR_cam").sequences.len() / 2, "not once it is known");
        assert!(call.received("bob", "TR_mic").playout_delays.is_empty());
    }
}

#[test]
fn without_one_nothing_is_told() {
    let mut call = call_of_two(Call::new(LAN, 5), false);
    call.run(SECOND);
    assert!(call.received("bob", "TR_cam").playout_delays.is_empty());
}

#[test]
fn more_jitter_makes_it_longer() {
    let mut call = Call::new(LAN, 5);
    call.playout_delay = Some(PlayoutLimits { min: 50, max: 2000 });
    let mut call = call_of_two(call, false);
    call.network.link.jitter = Duration::from_millis(60);
    call.run(30 * SECOND);

    let told = &call.received("bob", "TR_cam").playout_delays;
    assert_eq!(told[0], 50);
    assert!(*told.last().unwrap() > 100, "{told:?}");
    assert!(told.windows(2).all(|pair| pair[0].abs_diff(pair[1]) <= 80), "in steps");
}

#[test]
fn tracks_of_one_stream_are_told_as_one() {
    for single in [false, true] {
        let mut call = Call::new(LAN, 5);
        call.sync_streams = true;
        let call = call_of_two(call, single);
        let described = call.events_of(|event| match event {
            Event::Offer { participant, sdp, .. } | Event::Answer { participant, sdp, .. } if participant == "bob" => {
                Some(sdp.clone())
            }
            _ => None,
        });
        let last = described.last().unwrap();
        for track in ["TR_mic", "TR_cam"] {
            assert!(last.contains(&format!("a=msid:alice|camera {track}\r\n")), "single: {single}: {last}");
        }
    }
}

#[test]
fn sections_are_not_used_again_when_streams_are_in_sync() {
    let mut call = Call::new(LAN, 5);
    call.sync_streams = true;
    let mut call = call_of_two(call, false);
    let first = mid_of(&call, "TR_cam");
    call.command(Command::Unsubscribe { participant: "bob".into(), track: "TR_cam".into() });
    call.run(SECOND);
    call.command(Command::Subscribe { participant: "bob".into(), track: "TR_cam".into() });
    call.run(SECOND);
    assert_ne!(mid_of(&call, "TR_cam"), first);
}

fn mid_of(call: &Call, track: &str) -> String {
    let of_track = |((name, _), id): &(&(String, String), &String)| name == "bob" && id.as_str() == track;
    call.sections.iter().find(of_track).expect("Bob has it").0.1.clone()
}
