//! What publishers send finds its track, whatever says which it is.

use std::time::Duration;

use str0m::media::MediaKind::{Audio, Video};

use crate::simulation::Call;
use crate::simulation::network::Link;

const SECOND: Duration = Duration::from_secs(1);
const LOSSY: Link = Link { loss: 0.05, delay: Duration::from_millis(20), jitter: Duration::ZERO, bitrate: 0 };
const LOSSLESS: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };

/// The offer of a client that does not say on packets to which section they belong.
fn without_mid(offer: &str) -> String {
    offer.split_inclusive('\n').filter(|line| !line.contains("sdes:mid")).collect()
}

#[test]
fn where_packets_do_not_name_their_section_the_description_does() {
    for single in [false, true] {
        let mut call = Call::new(LOSSY, 1);
        call.join_with("ann", single);
        call.join_with("bob", single);
        call.until_all_are_connected();
        for (kind, cid) in [(Audio, "mic"), (Video, "cam"), (Video, "screen")] {
            let now = call.now;
            let offer = call.client("ann").offer_track(kind, cid, 1, now);
            assert!(offer.contains("sdes:mid") && offer.contains("a=ssrc:"), "{offer}");
            call.offer("ann", without_mid(&offer));
            call.run(SECOND / 2);
        }
        call.run(10 * SECOND);
        call.client("ann").pause(1, true);
        call.client("ann").pause(2, true);
        call.run(2 * SECOND);
        assert!(call.received("bob", "TR_mic").opus.len() > 400);
        for track in ["TR_cam", "TR_screen"] {
            let mut came = call.received("bob", track).sequences.clone();
            came.sort_unstable();
            let (first, last) = (came[0], came[came.len() - 1]);
            let missing = (last - first + 1) as usize - came.len();
            // What was lost on the way here was sent again, and by what that is the description says, too.
            assert!(came.len() > 250 && missing * 100 < came.len(), "{track}: {missing} of {} are missing", came.len());
        }
    }
}

#[test]
fn layers_of_one_picture_are_told_apart_and_repaired() {
    let mut call = Call::new(LOSSY, 2);
    call.join("ann");
    call.join("bob");
    call.until_all_are_connected();
    call.publish("ann", Video, "cam", 3);
    call.run(15 * SECOND);
    let picture = call.received("bob", "TR_cam");
    assert!(picture.video.total() > 300, "{} frames", picture.video.total());
}

/// A source that changes its SSRC, and back: subscribers see one stream without a hole, and none of its numbers twice.
#[test]
fn a_source_that_begins_anew_is_seen_and_heard_on() {
    for is_spread in [false, true] {
        let mut call = if is_spread { Call::spread(LOSSLESS, 1) } else { Call::new(LOSSLESS, 1) };
        call.join_two(false);
        call.run(5 * SECOND);
        // Numbers that are lower, the same again, far ahead; and those of the second, which go on a second after.
        let mut streams: Vec<u32> = Vec::new();
        for (after, back) in [(10, None), (10, None), (50_000, None), (2_000, Some(2))] {
            let before = (call.received("bob", "TR_mic").opus.len(), call.received("bob", "TR_cam").video.total());
            for index in [0, 1] {
                let known = back.map(|back: usize| streams[back + index]);
                streams.push(call.client("alice").begin_anew(index, known, after));
            }
            call.run(5 * SECOND);
            let (mic, cam) = (call.received("bob", "TR_mic"), call.received("bob", "TR_cam"));
            let came = (mic.opus.len() - before.0, cam.video.total() - before.1);
            assert!(came.0 > 190 && came.1 > 90, "{came:?} after {after}, spread: {is_spread}");
            let mut numbers = cam.sequences.clone();
            numbers.sort_unstable();
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a hole, or a number twice, after {after}");
        }
    }
}
