//! One of many behind a narrow link: it gets what fits, in time, and nobody else notices.
//!
//! `SEEDS` runs (6 unless told), each sixth of them with ten subscribers. A failure names its seed.

use std::time::Duration;

use str0m::media::MediaKind::{Audio, Video};
use visavis_sfu::Event;

use crate::simulation::Call;
use crate::simulation::client::VIDEO_INTERVAL;
use crate::simulation::network::Link;

const SECOND: Duration = Duration::from_secs(1);
const NARROW: &str = "s0";

/// Ann, with layers of 0.36, 0.73 and 1.45 Mbit/s and perhaps a voice, and those who watch her; the first of them say whether
/// pictures may be held back.
fn broadcast(seed: u64, subscribers: usize, allow_pause: &[bool], speaks: bool) -> Call {
    let link =
        Link { loss: 0.0, delay: Duration::from_millis(20), jitter: Duration::from_millis(5 * (seed % 3)), bitrate: 0 };
    let mut call = Call::new(link, seed);
    // Where most bursts are reordered, bandwidth is estimated too low now and then, on wide links as well.
    call.network.ordered = true;
    call.join("ann");
    call.run_until(20 * SECOND, "publisher connection", |call| call.clients["ann"].publisher.connected);
    call.client("ann").picture_size = 3;
    if speaks {
        call.publish("ann", Audio, "mic", 1);
    }
    call.publish("ann", Video, "cam", 3);
    for index in 0..subscribers {
        call.allow_pause = allow_pause.get(index).copied();
        call.join(&format!("s{index}"));
    }
    call.run_until(20 * SECOND, "best picture for everyone", |call| {
        (0..subscribers).all(|index| layer(call, &format!("s{index}")) == Some(2))
    });
    call.run(5 * SECOND);
    call
}

fn layer(call: &Call, name: &str) -> Option<u8> {
    if call.sections.keys().all(|(subscriber, _)| subscriber != name) {
        return None;
    }
    call.received(name, "TR_cam").video.layer
}

fn frames(call: &Call, name: &str) -> u32 {
    call.received(name, "TR_cam").video.total()
}

/// How many pictures of the best layer were decoded.
fn best(call: &Call, name: &str) -> u32 {
    call.received(name, "TR_cam").video.decoded[2]
}

/// So many packets of the voice come in that time.
fn sound_in(call: &mut Call, time: Duration) -> u32 {
    let before = call.received(NARROW, "TR_mic").audio;
    call.run(time);
    call.received(NARROW, "TR_mic").audio - before
}

/// The link that had this bitrate is wide again, and soon the best pictures come.
fn widen(call: &mut Call, bitrate: u64) {
    call.limit(NARROW, 0);
    let (what, before) = (format!("return to the best layer after {bitrate} bit/s"), best(call, NARROW));
    call.run_until(10 * SECOND, &what, |call| best(call, NARROW) > before + 5);
}

/// Of whom it was told that its pictures were held back, and that they no longer are.
fn told(call: &Call) -> Vec<(String, bool)> {
    call.events_of(|event| match event {
        Event::StreamStateChanged { participant, track, paused } if track == "TR_cam" => {
            Some((participant.clone(), *paused))
        }
        _ => None,
    })
}

/// Runs `act`, in which those on wide links must not miss the best picture.
fn unimpressed(call: &mut Call, seed: u64, act: impl FnOnce(&mut Call)) {
    let others: Vec<String> =
        call.clients.keys().filter(|name| !["ann", NARROW].contains(&name.as_str())).cloned().collect();
    let seen = |call: &Call| -> Vec<u32> { others.iter().map(|name| best(call, name)).collect() };
    let (before, start) = (seen(call), call.now);
    act(call);
    let sent = (call.now - start).as_secs_f64() / VIDEO_INTERVAL.as_secs_f64();
    for ((name, before), after) in others.iter().zip(before).zip(seen(call)) {
        let missed = sent - f64::from(after - before);
        assert!(missed < 3.0, "seed {seed}: {name} missed {missed:.0} of {sent:.0} frames");
    }
}

#[test]
fn one_behind_a_narrow_link_gets_the_low_layer_and_the_high_one_again_and_nobody_else_notices() {
    let seeds = std::env::var("SEEDS").map_or(6, |text| text.parse().expect("a number"));
    for seed in 0..seeds {
        let subscribers = if seed % 6 == 0 { 10 } else { 3 };
        let mut call = broadcast(seed, subscribers, &[], true);
        unimpressed(&mut call, seed, |call| {
            call.limit(NARROW, 500_000);
            let before = call.received(NARROW, "TR_cam").video.decoded[0];
            call.run_until(5 * SECOND, &format!("low layer with seed {seed}"), |call| {
                call.received(NARROW, "TR_cam").video.decoded[0] > before + 5
            });
            call.run(2 * SECOND);
            let before = frames(call, NARROW);
            call.run(10 * SECOND);
            let share = f64::from(frames(call, NARROW) - before) * VIDEO_INTERVAL.as_secs_f64() / 10.0;
            assert!(share > 0.95, "seed {seed}: behind the narrow link {share:.2} of the frames were decoded");
            assert_eq!(layer(call, NARROW), Some(0), "seed {seed}");
            assert!(sound_in(call, SECOND) > 45, "seed {seed}: sound suffers");
            call.limit(NARROW, 0);
            let what = format!("return to the best layer with seed {seed}");
            call.run_until(10 * SECOND, &what, |call| layer(call, NARROW) == Some(2));
        });
    }
}

#[test]
fn what_does_not_fit_at_all_is_held_back_at_once_from_who_allows_it_and_never_from_who_does_not() {
    const PATIENT: &str = NARROW;
    for (seed, speaks) in (0..6).map(|seed| (seed, seed % 2 == 0)) {
        let mut call = broadcast(seed, 3, &[true, false], speaks);
        for name in [PATIENT, "s1"] {
            call.limit(name, 150_000);
        }
        call.run_until(10 * SECOND, "pause", |call| !told(call).is_empty());
        call.run(2 * SECOND);
        let heard = |call: &Call| if speaks { call.received(PATIENT, "TR_mic").audio } else { 0 };
        let (pictures, sound) = (frames(&call, PATIENT), heard(&call));
        call.run(5 * SECOND);
        // It may be tried now and then whether there is more.
        let pictures = frames(&call, PATIENT) - pictures;
        assert!(pictures < 25, "seed {seed}: of what is held back {pictures} of 125 frames came");
        assert!(!speaks || heard(&call) > sound + 245, "seed {seed}: sound suffers");
        for name in [PATIENT, "s1"] {
            call.limit(name, 0);
        }
        let before = [PATIENT, "s1"].map(|name| (name, best(&call, name)));
        call.run_until(20 * SECOND, "return to the best layer", |call| {
            before.iter().all(|(name, before)| best(call, name) > before + 5)
        });
        let told = told(&call);
        assert!(told.iter().all(|(name, _)| name == PATIENT), "seed {seed}: {told:?}");
        assert!(
            told.iter().enumerate().all(|(index, (_, paused))| *paused == (index % 2 == 0)),
            "seed {seed}: {told:?}"
        );
        assert_eq!(told.len() % 2, 0, "seed {seed}: {told:?}");
    }
}

#[test]
fn what_a_link_cannot_carry_at_all_does_not_take_the_sound_with_it() {
    for (seed, bitrate) in (0..).zip([60_000, 80_000, 100_000, 120_000, 140_000, 150_000]) {
        let mut call = broadcast(seed, 3, &[], true);
        unimpressed(&mut call, seed, |call| {
            call.limit(NARROW, bitrate);
            call.run(5 * SECOND);
            let sound = sound_in(call, 5 * SECOND);
            assert!(sound > 240, "with {bitrate} bit/s {sound} of 250 packets of sound came");
            assert_eq!(told(call), [(NARROW.to_owned(), true)], "with {bitrate} bit/s");
            widen(call, bitrate);
            assert_eq!(told(call).last(), Some(&(NARROW.to_owned(), false)));
        });
    }
}

#[test]
fn what_a_link_carries_with_fewer_pictures_only_is_not_held_back() {
    for (seed, bitrate) in (0..).zip([340_000, 350_000, 370_000]) {
        let mut call = broadcast(seed, 3, &[], true);
        unimpressed(&mut call, seed, |call| {
            call.limit(NARROW, bitrate);
            call.run(6 * SECOND);
            let before = frames(call, NARROW);
            let sound = sound_in(call, 6 * SECOND);
            assert!(sound > 285, "with {bitrate} bit/s {sound} of 300 packets of sound came");
            let share = f64::from(frames(call, NARROW) - before) * VIDEO_INTERVAL.as_secs_f64() / 6.0;
            assert!((0.4..0.7).contains(&share), "with {bitrate} bit/s {share:.2} of the frames were decoded");
            assert!(told(call).last().is_none_or(|(_, paused)| !paused), "with {bitrate} bit/s");
            widen(call, bitrate);
        });
    }
}

#[test]
fn between_few_pictures_and_none_the_sound_is_whole() {
    for (seed, bitrate) in (0..).zip([180_000, 220_000, 250_000, 280_000, 320_000]) {
        let mut call = broadcast(seed, 3, &[], true);
        call.limit(NARROW, bitrate);
        call.run(5 * SECOND);
        let sound = sound_in(&mut call, 30 * SECOND);
        assert!(sound > 1425, "with {bitrate} bit/s {sound} of 1500 packets of sound came");
        // It is tried now and then whether there is more.
        let told = told(&call).len();
        assert!(told < 14, "with {bitrate} bit/s it was told {told} times");
    }
}

#[test]
fn who_does_not_read_the_sound_is_not_taken_for_somebody_behind_a_link_that_loses() {
    for seed in 0..3 {
        let mut call = broadcast(seed, 0, &[], true);
        // There are more packets of the voices than of the lowest layer.
        for voice in ["music", "guest", "translator"] {
            call.publish("ann", Audio, voice, 1);
        }
        call.join(NARROW);
        call.deafen(NARROW);
        call.limit(NARROW, 500_000);
        call.run_until(10 * SECOND, "low layer", |call| layer(call, NARROW) == Some(0));
        call.run(5 * SECOND);
        call.limit(NARROW, 0);
        call.run_until(10 * SECOND, "best layer", |call| layer(call, NARROW) == Some(2));
        assert_eq!(call.received(NARROW, "TR_mic").audio, 0, "there was sound to be read");
    }
}
