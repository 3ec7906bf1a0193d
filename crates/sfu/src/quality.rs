//! How good a participant's connection is: a score from loss, round trip and missing layers, and its class.
//!
//! After the simplified E-model (as in <https://www.pingman.com/kb/article/how-is-mos-calculated-in-pingplotter-pro-50.html>,
//! the source LiveKit names too): delay and loss each take from 100. LiveKit's class limits: from 80 excellent, from 40
//! good, from 20 poor, below that lost. As with LiveKit nobody is lost of whom anything comes: where faces are seen and
//! voices heard, however badly, people would not believe it.

use std::time::Duration;

use crate::event::Quality;

/// How often the classes are computed.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);
/// A score rises slower than it falls: warn early, praise late.
const RISE: f32 = 0.4;
const FALL: f32 = 0.8;
/// The least of a connection over which anything comes. It is soon left: whoever was at 0 for a moment would seem to be poorly
/// for long after.
const LEAST: f32 = 30.0;
/// Each simulcast layer that is wanted and missing takes about one class.
const LAYER: f32 = 35.0;

/// What was seen of one track in one direction since the last computation.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sample {
    /// Packets that should have come.
    pub expected: u64,
    /// Those that did not.
    pub lost: u64,
    /// Round trip, zero if unknown.
    pub rtt: Duration,
    /// Simulcast layers between what is wanted (and possible) and what is there.
    pub layers_missing: f32,
    /// Audio hides loss (concealment, in-band FEC), so it weighs half.
    pub audio: bool,
}

impl Sample {
    /// 0 to 100; `None` if nothing was sent, which says nothing.
    pub(crate) fn score(&self) -> Option<f32> {
        if self.expected == 0 {
            return None;
        }
        let delay = self.rtt.as_secs_f32() * 1000.0 / 2.0;
        let delay_effect = if delay > 160.0 { (delay - 120.0) / 10.0 } else { delay / 40.0 };
        let weight = if self.audio { 2.0 } else { 4.0 };
        let loss_effect = self.lost.min(self.expected) as f32 * 100.0 / self.expected as f32 * weight;
        Some((100.0 - delay_effect - loss_effect - LAYER * self.layers_missing).clamp(0.0, 100.0))
    }

    /// The same without what was lost before it was sent on: a share of what should have come.
    pub(crate) fn without(self, feed: f32) -> Self {
        let before = (feed * self.expected as f32) as u64;
        Self { lost: self.lost.saturating_sub(before), ..self }
    }
}

/// One participant's score, smoothed over time.
#[derive(Debug, Clone)]
pub(crate) struct Scorer {
    score: f32,
    told: Option<Quality>,
}

impl Scorer {
    /// Begins excellent, and not told yet.
    pub(crate) fn new() -> Self {
        Self { score: 100.0, told: None }
    }

    /// Takes in an interval's samples (the worst counts); says the class and score if the class changed.
    ///
    /// `connected` false: the connection is silent, whatever the samples say.
    pub(crate) fn update(
        &mut self,
        samples: impl IntoIterator<Item = Sample>,
        connected: bool,
    ) -> Option<(Quality, f32)> {
        let worst = if connected {
            samples.into_iter().filter_map(|sample| sample.score()).reduce(f32::min)
        } else {
            self.score = 0.0;
            Some(0.0)
        };
        // Silence on a live connection recovers: a muted participant must not stay "poor" for ever.
        let target = worst.unwrap_or(100.0);
        let factor = if target < self.score { FALL } else { RISE };
        self.score += (target - self.score) * factor;
        if connected {
            self.score = self.score.max(LEAST);
        }
        let class = classify(self.score);
        (self.told != Some(class)).then(|| {
            self.told = Some(class);
            (class, self.score)
        })
    }
}

fn classify(score: f32) -> Quality {
    match score {
        s if s >= 80.0 => Quality::Excellent,
        s if s >= 40.0 => Quality::Good,
        s if s >= 20.0 => Quality::Poor,
        _ => Quality::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn video(expected: u64, lost: u64) -> Sample {
        Sample { expected, lost, ..Sample::default() }
    }

    #[test]
    fn first_update_tells_excellent_and_only_changes_follow() {
        let mut scorer = Scorer::new();
        assert_eq!(scorer.update([video(500, 0)], true), Some((Quality::Excellent, 100.0)));
        assert_eq!(scorer.update([video(500, 1)], true), None);
        assert_eq!(scorer.update([], true), None);
    }

    #[test]
    fn loss_falls_fast_and_recovers_slowly() {
        let mut scorer = Scorer::new();
        scorer.update([video(500, 0)], true);
        let (class, _) = scorer.update([video(500, 100)], true).expect("20 % loss must show");
        assert_eq!(class, Quality::Poor);
        let steps = (0..10).filter_map(|_| scorer.update([video(500, 0)], true)).map(|(class, _)| class);
        assert_eq!(steps.collect::<Vec<_>>(), [Quality::Good, Quality::Excellent]);
    }

    #[test]
    fn whoever_is_received_badly_is_poor_not_lost() {
        let mut scorer = Scorer::new();
        assert_eq!(scorer.update([video(500, 450)], true).map(|(class, _)| class), Some(Quality::Poor));
        (0..5).for_each(|_| assert_eq!(scorer.update([video(500, 450)], true), None));
    }

    #[test]
    fn what_was_lost_before_it_was_sent_on_is_not_lost_by_the_receiver() {
        assert_eq!(video(1000, 300).without(0.25).lost, 50);
        assert_eq!(video(1000, 300).without(0.5).lost, 0);
    }

    #[test]
    fn a_silent_connection_is_lost() {
        let mut scorer = Scorer::new();
        assert_eq!(scorer.update([video(500, 0)], false), Some((Quality::Lost, 0.0)));
    }

    proptest! {
        #[test]
        fn more_loss_never_scores_higher(expected in 1u64..10_000, a in 0u64..10_000, b in 0u64..10_000, audio: bool) {
            let (less, more) = (a.min(b), a.max(b));
            let score = |lost| Sample { expected, lost, audio, ..Sample::default() }.score().expect("something was sent");
            prop_assert!(score(more) <= score(less));
            prop_assert!((0.0..=100.0).contains(&score(more)));
        }
    }
}
