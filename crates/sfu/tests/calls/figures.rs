//! What the core tells of what flows is what the network and the clients saw.

use std::time::Duration;

use visavis_sfu::{Command, Event, ParticipantFigures, PublishedFigures, ReceivedFigures};

use crate::simulation::Call;
use crate::simulation::network::Link;

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(20), jitter: Duration::ZERO, bitrate: 0 };

/// Alice with microphone and camera, and Bob, who gets both; then the network loses as much as it is told to.
fn watched(loss: f64, seed: u64, single: bool) -> Call {
    let mut call = Call::new(LAN, seed);
    call.join_two(single);
    call.run(3 * SECOND);
    call.network.link.loss = loss;
    call
}

fn figures(call: &mut Call, participant: &str) -> ParticipantFigures {
    call.command(Command::ReportFigures { request: 7 });
    let told = call.events.iter().rev().find_map(|(_, event)| match event {
        Event::Figures { request: 7, participants, .. } => {
            participants.iter().find(|figures| figures.participant == participant)
        }
        _ => None,
    });
    told.unwrap_or_else(|| panic!("nothing is told of {participant}")).clone()
}

fn published(figures: &ParticipantFigures, track: &str) -> PublishedFigures {
    figures.published.iter().find(|each| each.track == track).expect("it is published").clone()
}

fn received(figures: &ParticipantFigures, track: &str) -> ReceivedFigures {
    figures.received.iter().find(|each| each.track == track).expect("it is received").clone()
}

fn within_a_tenth(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= expected / 10.0, "{what}: {found:.0}, not about {expected:.0}");
}

#[test]
fn rates_of_tracks_are_what_the_publisher_sends() {
    for single in [false, true] {
        let mut call = watched(0.0, 1, single);
        let (alice, bob) = (figures(&mut call, "alice"), figures(&mut call, "bob"));
        let heard = call.received("bob", "TR_mic").audio;
        call.run(4 * SECOND);
        let (alice_later, bob_later) = (figures(&mut call, "alice"), figures(&mut call, "bob"));
        // A voice is 50 packets a second; the pictures are told by what went through the network in all.
        let (mic, mic_later) = (published(&alice, "TR_mic"), published(&alice_later, "TR_mic"));
        within_a_tenth((mic_later.packets - mic.packets) as f64, 200.0, "packets of the voice");
        let heard = call.received("bob", "TR_mic").audio - heard;
        let sent = received(&bob_later, "TR_mic").packets - received(&bob, "TR_mic").packets;
        within_a_tenth(sent as f64, f64::from(heard), "packets of the voice to bob");
        for track in ["TR_mic", "TR_cam"] {
            let incoming = published(&alice_later, track).bytes - published(&alice, track).bytes;
            let outgoing = received(&bob_later, track).bytes - received(&bob, track).bytes;
            assert!(incoming > 0, "{track}");
            within_a_tenth(outgoing as f64, incoming as f64, track);
        }
        let payload: u64 = ["TR_mic", "TR_cam"]
            .map(|track| published(&alice_later, track).bytes - published(&alice, track).bytes)
            .iter()
            .sum();
        let packets: u64 = ["TR_mic", "TR_cam"]
            .map(|track| published(&alice_later, track).packets - published(&alice, track).packets)
            .iter()
            .sum();
        // RTP's header with its extensions and SRTP's tag are some 40 bytes; the rest of her datagrams is feedback.
        within_a_tenth(
            (alice_later.bytes_in - alice.bytes_in) as f64,
            (payload + 40 * packets) as f64,
            "all of alice's",
        );
        assert_eq!((published(&alice_later, "TR_cam").lost, published(&alice_later, "TR_mic").lost), (0, 0));
    }
}

#[test]
fn loss_is_found_in_both_directions() {
    for seed in 1..4 {
        let mut call = watched(0.1, seed, false);
        let before = published(&figures(&mut call, "alice"), "TR_mic");
        call.run(30 * SECOND);
        let (alice, bob) = (figures(&mut call, "alice"), figures(&mut call, "bob"));
        let mic = published(&alice, "TR_mic");
        let lost = (mic.lost - before.lost) as f64;
        let share = lost / (lost + (mic.packets - before.packets) as f64);
        assert!((0.07..0.13).contains(&share), "seed {seed}: {share:.3} of alice's voice is missed, not a tenth");
        let told = received(&bob, "TR_mic").loss.expect("bob reports");
        assert!((0.02..0.25).contains(&told), "seed {seed}: bob reports {told:.3}, not about a tenth");
        let rtt = bob.rtt.expect("bob reports");
        assert!((Duration::from_millis(30)..Duration::from_millis(80)).contains(&rtt), "seed {seed}: {rtt:?}");
        assert!(bob.estimate.is_some_and(|estimate| estimate > 0), "seed {seed}");
    }
}

#[test]
fn what_ends_tells_what_came_of_it() {
    let mut call = watched(0.0, 5, false);
    let before = figures(&mut call, "alice");
    call.leave("alice");
    let tracks = call.events_of(|event| match event {
        Event::TrackTotals { totals } => Some(totals.clone()),
        _ => None,
    });
    for track in ["TR_mic", "TR_cam"] {
        let total = tracks.iter().find(|totals| totals.track == track).expect("each track's end is told");
        assert_eq!(total, &published(&before, track));
    }
    let [(bytes_in, bytes_out)] = call.events_of(|event| match event {
        Event::ParticipantTotals { participant, bytes_in, bytes_out } if participant == "alice" => {
            Some((*bytes_in, *bytes_out))
        }
        _ => None,
    })[..] else {
        panic!("alice's end is told once");
    };
    assert_eq!(bytes_in, before.bytes_in);
    assert!(bytes_out >= before.bytes_out, "her goodbye comes on top");
}
