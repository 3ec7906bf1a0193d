//! Silence and black that the server sends where a source stops: in number and time they go on from it, and it from them.

use std::time::Duration;

use str0m::format::Codec;
use str0m::media::Mid;
use visavis_sfu::{Command, Event, TrackSettings};

use crate::simulation::client::{AUDIO_INTERVAL, Received};
use crate::simulation::network::Link;
use crate::simulation::{Call, svc};

const SECOND: Duration = Duration::from_secs(1);
const LAN: Link = Link { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, bitrate: 0 };
const SOUND: &str = "TR_mic";
const PICTURE: &str = "TR_cam";

/// Alice publishes, Bob receives; with one connection each, or two.
fn call_of_two(single: bool, redundant: bool) -> Call {
    let mut call = Call::new(LAN, 21);
    call.redundant = redundant;
    call.trailer = b"of the server".to_vec();
    call.join_two(single);
    call.run_until(20 * SECOND, "sound", |call| call.received("bob", SOUND).audio > 0);
    call.run(SECOND);
    call
}

fn mute(call: &mut Call, track: &str, index: usize, muted: bool) {
    call.command(Command::SetMuted { track: track.into(), muted });
    call.client("alice").pause(index, muted);
}

fn unsubscribe(call: &mut Call, track: &str) {
    call.command(Command::Unsubscribe { participant: "bob".into(), track: track.into() });
}

/// The section in which Bob gets a track.
fn section(call: &Call, track: &str) -> Mid {
    let mut sections = call.sections.iter().filter(|((name, _), id)| name == "bob" && id.as_str() == track);
    let ((_, mid), _) = sections.next().expect("Bob gets it");
    Mid::from(mid.as_str())
}

fn assert_no_holes(received: &Received) {
    let mut sequences = received.sequences.clone();
    sequences.sort_unstable();
    sequences.dedup();
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0] + 1), "{sequences:?}");
}

#[test]
fn sound_that_is_muted_is_followed_by_a_second_of_silence_and_goes_on_after_it() {
    for (single, redundant) in [(false, false), (true, false), (false, true)] {
        let mut call = call_of_two(single, redundant);
        mute(&mut call, SOUND, 0, true);
        call.run(3 * SECOND);
        let heard = call.received("bob", SOUND).audio;
        let silence = &call.received("bob", SOUND).silence;
        assert_eq!(silence.len(), 50, "single: {single}, redundant: {redundant}");
        assert!(silence.iter().all(|packet| packet.ends_with(b"of the server")), "clients would decrypt it");

        mute(&mut call, SOUND, 0, false);
        call.run(SECOND);
        let received = call.received("bob", SOUND);
        assert!(received.audio > heard + 40, "heard again");
        assert_eq!(received.silence.len(), 50);
        assert_no_holes(received);
    }
}

#[test]
fn telephones_sound_is_forwarded_and_falls_silent_too() {
    let codecs = [Codec::Vp8, Codec::PCMU];
    let mut call = Call::new(LAN, 22);
    call.join_able("alice", false, &codecs, true);
    call.join_able("bob", false, &codecs, true);
    call.until_all_are_connected();
    call.publish_pcmu("alice", "mic");
    call.run_until(20 * SECOND, "an offer", |call| call.sections.keys().any(|(name, _)| name == "bob"));
    call.run_until(20 * SECOND, "sound", |call| call.received("bob", SOUND).audio > 50);
    assert!(call.received("bob", SOUND).silence.is_empty());
    mute(&mut call, SOUND, 0, true);
    call.run(2 * SECOND);
    let received = call.received("bob", SOUND);
    assert_eq!(received.silence.len(), 50);
    assert!(received.silence.iter().all(|packet| *packet == [0xff; 160]));
    assert_no_holes(received);
}

#[test]
fn silence_ends_when_sound_comes_back() {
    let mut call = call_of_two(false, false);
    mute(&mut call, SOUND, 0, true);
    call.run(10 * AUDIO_INTERVAL);
    mute(&mut call, SOUND, 0, false);
    call.run(SECOND);
    let received = call.received("bob", SOUND);
    assert!((10..=12).contains(&received.silence.len()), "{}", received.silence.len());
    assert_no_holes(received);
}

#[test]
fn sound_that_a_subscriber_turns_off_is_followed_by_silence() {
    let mut call = call_of_two(false, false);
    let settings = TrackSettings { disabled: true, ..TrackSettings::default() };
    call.command(Command::SetTrackSettings { participant: "bob".into(), track: SOUND.into(), settings });
    call.run(2 * SECOND);
    assert_eq!(call.received("bob", SOUND).silence.len(), 50);
}

#[test]
fn a_picture_that_is_muted_stands_still() {
    let mut call = call_of_two(false, false);
    mute(&mut call, PICTURE, 1, true);
    call.run(2 * SECOND);
    assert_eq!(call.received("bob", PICTURE).video.black, 0);
}

#[test]
fn what_was_never_sent_is_not_blanked() {
    let mut call = call_of_two(false, false);
    mute(&mut call, SOUND, 0, true);
    call.join("carol");
    call.run(2 * SECOND);
    mute(&mut call, SOUND, 0, false);
    mute(&mut call, SOUND, 0, true);
    call.command(Command::Unsubscribe { participant: "carol".into(), track: SOUND.into() });
    call.run(SECOND);
    assert!(call.clients["carol"].received.values().all(|received| received.silence.is_empty()));
}

#[test]
fn a_track_that_ends_turns_black_and_silent_before_the_client_hears_of_the_end() {
    for single in [false, true] {
        for unpublish in [false, true] {
            let mut call = call_of_two(single, false);
            let (sound, picture) = (section(&call, SOUND), section(&call, PICTURE));
            let descriptions = |call: &Call| {
                call.events_of(|event| match event {
                    Event::Offer { participant, .. } | Event::SectionsWanted { participant, .. } => {
                        (participant == "bob").then_some(())
                    }
                    _ => None,
                })
                .len()
            };
            let before = descriptions(&call);
            for track in [SOUND, PICTURE] {
                if unpublish {
                    call.command(Command::Unpublish { track: track.into() });
                } else {
                    unsubscribe(&mut call, track);
                }
            }
            call.run(Duration::from_millis(190));
            let received = &call.clients["bob"].received;
            assert!(received[&picture].video.black >= 5, "single: {single}, unpublish: {unpublish}");
            assert!(received[&sound].silence.len() >= 9, "single: {single}, unpublish: {unpublish}");
            assert_no_holes(&received[&picture]);
            assert_no_holes(&received[&sound]);
            assert_eq!(descriptions(&call), before, "told too early");
            call.run(SECOND);
            assert!(descriptions(&call) > before, "never told");
        }
    }
}

#[test]
fn what_a_client_needs_told_at_once_does_not_wait_for_black() {
    let mut call = call_of_two(false, false);
    let picture = section(&call, PICTURE);
    unsubscribe(&mut call, PICTURE);
    call.run(Duration::from_millis(10));
    call.command(Command::Subscribe { participant: "bob".into(), track: PICTURE.into() });
    call.run_until(SECOND, "picture in another section", |call| {
        let mut sections = call.sections.iter().filter(|((name, _), track)| name == "bob" && track.as_str() == PICTURE);
        sections.any(|((_, mid), _)| {
            let mid = Mid::from(mid.as_str());
            mid != picture && call.clients["bob"].received.get(&mid).is_some_and(|received| received.video.total() > 0)
        })
    });
    call.run(SECOND);
    assert_no_holes(call.received("bob", PICTURE));
}

#[test]
fn who_leaves_meanwhile_takes_the_rest_along() {
    let mut call = call_of_two(false, false);
    unsubscribe(&mut call, PICTURE);
    unsubscribe(&mut call, SOUND);
    call.run(Duration::from_millis(50));
    call.leave("bob");
    call.run(SECOND);
    assert_eq!(call.shard.stats().panics, 0);
}

#[test]
fn codecs_without_a_blank_frame_end_at_once() {
    let mut call = call_of_two(false, false);
    call.publish_scalable("alice", "svc", svc::Encoder::new(Codec::Vp9, true, false));
    call.run_until(5 * SECOND, "picture", |call| call.sections.values().any(|track| track == "TR_svc"));
    call.run(SECOND);
    let offers = |call: &Call| {
        call.events_of(|event| match event {
            Event::Offer { participant, .. } => (participant == "bob").then_some(()),
            _ => None,
        })
        .len()
    };
    let before = offers(&call);
    unsubscribe(&mut call, "TR_svc");
    call.run(Duration::from_millis(10));
    assert_eq!(offers(&call), before + 1);
}
