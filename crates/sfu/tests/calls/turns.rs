//! What comes in one turn goes to one subscriber after another: each gets the same as if every packet had been a turn.

use std::time::Duration;

use str0m::media::MediaKind::{Audio, Video};
use visavis_sfu::{Command, TrackSettings};

use crate::simulation::Call;
use crate::simulation::network::{Link, Random};

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };
const PEOPLE: [&str; 4] = ["ann", "bob", "cem", "dee"];
const TRACKS: [&str; 4] = ["TR_cam0", "TR_cam1", "TR_mic0", "TR_mic1"];

/// Numbers of what came, of all and of Opus as its publisher gave them, and how many pictures were whole.
struct Got {
    sequences: Vec<u64>,
    opus: Vec<u64>,
    pictures: u32,
}

/// Two publish pictures in three layers and redundant sound, one of four does not take the latter; who wants what changes all
/// the time.
fn story(seed: u64, one_by_one: bool) -> Vec<(&'static str, &'static str, Got)> {
    let mut call = Call::new(LAN, seed);
    (call.one_by_one, call.redundant) = (one_by_one, true);
    let (redundant, plain) = PEOPLE.split_at(3);
    redundant.iter().for_each(|name| call.join_with(name, seed % 2 == 1));
    plain.iter().for_each(|name| call.join_without_redundancy(name, seed % 2 == 1));
    call.until_all_are_connected();
    for (number, name) in PEOPLE[..2].iter().enumerate() {
        call.publish(name, Video, &format!("cam{number}"), 3);
        call.publish(name, Audio, &format!("mic{number}"), 1);
    }
    call.run(2 * SECOND);
    let mut random = Random(seed);
    for _ in 0..20 {
        let (participant, track) = (PEOPLE[random.below(PEOPLE.len())].into(), TRACKS[random.below(2)].into());
        let (disabled, quality) = (random.below(4) == 0, Some(random.below(3) as u8));
        let settings = TrackSettings { disabled, quality, ..TrackSettings::default() };
        call.command(Command::SetTrackSettings { participant, track, settings });
        call.run(Duration::from_millis(10 * random.below(60) as u64));
    }
    call.run(SECOND);
    let mut all = Vec::new();
    for subscriber in PEOPLE {
        for track in TRACKS {
            if call.sections.iter().any(|((name, _), id)| name == subscriber && id == track) {
                let received = call.received(subscriber, track);
                let (sequences, opus) = (received.sequences.clone(), received.opus.clone());
                all.push((subscriber, track, Got { sequences, opus, pictures: received.video.total() }));
            }
        }
    }
    all
}

fn follow_each_other(numbers: &[u64]) -> bool {
    numbers.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

#[test]
fn a_turn_of_many_packets_is_as_many_turns() {
    for seed in 0..8 {
        let (together, one_by_one) = (story(seed, false), story(seed, true));
        assert_eq!(together.len(), 12, "seed {seed}: everybody but its publisher has each track");
        for ((subscriber, track, got), (.., expected)) in together.iter().zip(&one_by_one) {
            let what = format!("seed {seed}: {track} at {subscriber}");
            for numbers in [&got.sequences, &got.opus, &expected.sequences, &expected.opus] {
                assert!(follow_each_other(numbers), "{what}: {numbers:?}");
            }
            assert!(got.sequences.len() > 100, "{what}: {} packets", got.sequences.len());
            // When the first came is up to the handshakes, to some milliseconds.
            let counts = |got: &Got| [got.sequences.len(), got.opus.len(), got.pictures as usize];
            for (count, expected) in counts(got).into_iter().zip(counts(expected)) {
                assert!(count.abs_diff(expected) <= 3, "{what}: {count} instead of {expected}");
            }
        }
    }
}

#[test]
fn many_are_served_in_portions_and_nobody_twice_or_not_at_all() {
    let mut call = Call::new(LAN, 1);
    call.join("ann");
    let names: Vec<String> = (0..70).map(|number| format!("p{number}")).collect();
    names.iter().for_each(|name| call.join(name));
    call.until_all_are_connected();
    call.publish("ann", Audio, "mic", 1);
    call.run(3 * SECOND);
    assert!(call.portions > 100, "{} portions", call.portions);
    for name in &names {
        let opus = &call.received(name, "TR_mic").opus;
        assert!(opus.len() > 100 && follow_each_other(opus), "{name}: {opus:?}");
    }
}

#[test]
fn what_is_left_of_a_picture_is_known_of_and_of_sound_nothing_is() {
    let mut call = Call::new(LAN, 1);
    call.one_by_one = true;
    PEOPLE[..2].iter().for_each(|name| call.join_with(name, true));
    call.until_all_are_connected();
    call.client("ann").picture_size = 4;
    call.publish("ann", Video, "cam", 1);
    call.publish("ann", Audio, "mic", 1);
    call.run(SECOND);
    let counts = |call: &mut Call| {
        let received = call.received("bob", "TR_cam");
        [received.sequences.len() as u32, received.video.total(), call.unfinished]
    };
    let before = counts(&mut call);
    call.run(2 * SECOND);
    let after = counts(&mut call);
    let [packets, pictures, unfinished] = [0, 1, 2].map(|index| after[index] - before[index]);
    assert!(pictures > 45 && packets > pictures, "{packets} packets of {pictures} pictures");
    assert_eq!(unfinished, packets - pictures);
}
