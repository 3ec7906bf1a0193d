//! Who speaks, from the audio levels that clients write into each packet (RFC 6464).
//!
//! The measure is LiveKit's, with its defaults, so that clients see the numbers they are tuned for: a participant is
//! active in a window of 400 ms if the time at or above -35 dBov exceeds 40 % of it; its level is the loudest packet's,
//! lowered by how little of the window was active, smoothed over two windows and rounded up to an eighth.

use std::collections::BTreeMap;
use std::time::Duration;

/// Length of a window, and how often [`SpeakerDetector::tick`] wants to be called.
pub(crate) const INTERVAL: Duration = Duration::from_millis(400);
/// Levels are dB below overload: 0 is the loudest, 127 silence.
const ACTIVE_LEVEL: u8 = 35;
const MIN_ACTIVE: Duration = Duration::from_millis(160);
/// Exponential smoothing with the centre of mass of an average over two windows: 2 / (n + 1).
const SMOOTHING: f64 = 2.0 / 3.0;
/// Told levels are multiples of 1/8, else every window would change every speaker's.
const STEPS: f64 = 8.0;

#[derive(Debug)]
struct Window {
    loudest: u8,
    active: Duration,
    smoothed: f64,
    told: f64,
}

impl Default for Window {
    fn default() -> Self {
        Self { loudest: 127, active: Duration::ZERO, smoothed: 0.0, told: 0.0 }
    }
}

/// The speakers of one room; `K` names a microphone.
#[derive(Debug)]
pub(crate) struct SpeakerDetector<K> {
    windows: BTreeMap<K, Window>,
}

impl<K: Ord + Copy> SpeakerDetector<K> {
    pub(crate) fn new() -> Self {
        Self { windows: BTreeMap::new() }
    }

    /// One packet of `duration` with its level, 0 (loudest) to 127 (silence).
    pub(crate) fn observe(&mut self, key: K, level: u8, duration: Duration) {
        let window = self.windows.entry(key).or_default();
        if level <= ACTIVE_LEVEL {
            // A gap in the packets must not count as speech: no window holds more than itself.
            window.active = (window.active + duration).min(INTERVAL);
            window.loudest = window.loudest.min(level);
        }
    }

    /// Forgets a microphone that went away or was muted. True if it was told as speaking: its end wants telling.
    pub(crate) fn remove(&mut self, key: K) -> bool {
        self.windows.remove(&key).is_some_and(|window| window.told > 0.0)
    }

    /// Whether nobody has been heard for some windows, and all are told so.
    pub(crate) fn is_silent(&self) -> bool {
        self.windows.is_empty()
    }

    /// Ends a window: the microphones whose told level changes, with the new one (0: stopped speaking).
    pub(crate) fn tick(&mut self) -> Vec<(K, f32)> {
        let mut changes = Vec::new();
        self.windows.retain(|key, window| {
            let level = window.end();
            if level != window.told {
                window.told = level;
                changes.push((*key, level as f32));
            }
            window.told > 0.0 || window.smoothed > 0.0
        });
        changes
    }

    /// The level last told, for a participant that joins late.
    #[cfg(test)]
    pub(crate) fn told(&self, key: K) -> f32 {
        self.windows.get(&key).map_or(0.0, |window| window.told as f32)
    }
}

impl Window {
    /// Smooths this window in, starts the next, and says the level to tell.
    fn end(&mut self) -> f64 {
        if self.active < MIN_ACTIVE {
            self.smoothed = 0.0;
        } else {
            let share = self.active.as_secs_f64() / INTERVAL.as_secs_f64();
            let level = linear(f64::from(self.loudest) - 20.0 * share.log10());
            self.smoothed += (level - self.smoothed) * SMOOTHING;
        }
        self.loudest = 127;
        self.active = Duration::ZERO;
        if self.smoothed < linear(f64::from(ACTIVE_LEVEL)) { 0.0 } else { (self.smoothed * STEPS).ceil() / STEPS }
    }
}

/// Decibels below overload to amplitude, 1.0 the loudest.
fn linear(dbov: f64) -> f64 {
    10_f64.powf(-dbov / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACKET: Duration = Duration::from_millis(20);

    fn speak(detector: &mut SpeakerDetector<u32>, key: u32, level: u8, packets: usize) {
        for _ in 0..packets {
            detector.observe(key, level, PACKET);
        }
    }

    #[test]
    fn loud_speech_is_told_once_and_its_end_as_zero() {
        let mut detector = SpeakerDetector::new();
        speak(&mut detector, 1, 10, 20);
        let first = detector.tick();
        assert_eq!(first.len(), 1);
        assert!(first[0].1 > 0.2 && first[0].1 <= 0.375, "{first:?}");
        for _ in 0..10 {
            speak(&mut detector, 1, 10, 20);
            detector.tick();
        }
        speak(&mut detector, 1, 10, 20);
        assert_eq!(detector.tick(), [], "a steady level is not told again");
        assert_eq!(detector.told(1), 0.375);
        assert_eq!(detector.tick(), [(1, 0.0)]);
        assert_eq!(detector.tick(), []);
    }

    #[test]
    fn a_cough_is_no_speech() {
        let mut detector = SpeakerDetector::new();
        speak(&mut detector, 1, 5, 7); // 140 ms of 400
        speak(&mut detector, 1, 90, 13);
        assert_eq!(detector.tick(), []);
    }

    #[test]
    fn removal_says_whether_the_end_must_be_told() {
        let mut detector = SpeakerDetector::new();
        speak(&mut detector, 1, 10, 20);
        speak(&mut detector, 2, 90, 20);
        detector.tick();
        assert!(detector.remove(1));
        assert!(!detector.remove(2));
    }

    proptest! {
        #[test]
        fn levels_stay_in_range_and_louder_is_never_lower(
            quiet in 0u8..=127, louder_by in 0u8..=40, packets in 0usize..40
        ) {
            let mut detector = SpeakerDetector::new();
            speak(&mut detector, 1, quiet, packets);
            speak(&mut detector, 2, quiet.saturating_sub(louder_by), packets);
            detector.tick();
            let (low, high) = (detector.told(1), detector.told(2));
            prop_assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high));
            prop_assert!(low <= high);
        }
    }
}
