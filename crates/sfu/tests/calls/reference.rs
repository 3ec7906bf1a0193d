//! Our own path sends what str0m's does: the same packets, whatever the network does to them.

use std::collections::BTreeSet;
use std::time::Duration;

use str0m::media::MediaKind::{Audio, Video};

use crate::simulation::Call;
use crate::simulation::network::Link;

const SECOND: Duration = Duration::from_secs(1);

/// Sequence numbers of Ann's picture and the sound of her microphone, as Bob gets them.
#[derive(Debug, PartialEq)]
struct Got {
    sequences: Vec<u64>,
    frames: u32,
    sound: Vec<u64>,
}

fn got(link: Link, seed: u64, single: bool, reference: bool) -> Got {
    let mut call = Call::sending_by(link, seed, reference);
    call.join_with("ann", single);
    call.join_with("bob", single);
    call.until_all_are_connected();
    call.publish("ann", Audio, "mic", 1);
    call.publish("ann", Video, "cam", 1);
    call.run(10 * SECOND);
    call.client("ann").pause(0, true);
    call.client("ann").pause(1, true);
    call.run(3 * SECOND);
    let (picture, sound) = (call.received("bob", "TR_cam"), call.received("bob", "TR_mic"));
    Got { sequences: picture.sequences.clone(), frames: picture.video.total(), sound: sound.opus.clone() }
}

#[test]
fn where_nothing_is_lost_the_same_packets_arrive() {
    for single in [false, true] {
        let link = Link { loss: 0.0, delay: Duration::from_millis(20), jitter: Duration::ZERO, bitrate: 0 };
        let (own, reference) = (got(link, 1, single, false), got(link, 1, single, true));
        let is_contiguous = own.sequences.windows(2).all(|pair| pair[1] == pair[0] + 1);
        assert!(is_contiguous && own.frames > 200, "{} frames", own.frames);
        // When the first came is up to the handshakes.
        let common = own.sequences.len().min(reference.sequences.len());
        assert!(common > 200 && own.sequences.len().abs_diff(reference.sequences.len()) < 30);
        assert_eq!(own.sequences.first(), reference.sequences.first());
        assert!(own.sound.len().abs_diff(reference.sound.len()) < 30 && own.sound.len() > 300);
    }
}

#[test]
fn what_is_lost_or_late_is_sent_again() {
    for seed in 0..4 {
        for (loss, jitter) in [(0.05, 0), (0.0, 15), (0.1, 10)] {
            let link =
                Link { loss, delay: Duration::from_millis(30), jitter: Duration::from_millis(jitter), bitrate: 0 };
            let missing = |got: &Got| {
                let all: BTreeSet<u64> = got.sequences.iter().copied().collect();
                assert_eq!(all.len(), got.sequences.len(), "nothing arrives twice");
                let (first, last) = (all.first().expect("some"), all.last().expect("some"));
                (last - first + 1) as usize - all.len()
            };
            let own = got(link, seed, seed % 2 == 1, false);
            let reference = got(link, seed, seed % 2 == 1, true);
            assert!(
                missing(&own) <= missing(&reference) + own.sequences.len() / 200,
                "seed {seed}, loss {loss}, jitter {jitter}: {} of {} are missing, {} with str0m",
                missing(&own),
                own.sequences.len(),
                missing(&reference)
            );
        }
    }
}
