//! Finding out whether a subscriber that waits for a better layer has the bandwidth for it.
//!
//! Of the reference path, whose estimator is str0m's; our own (`visavis-bwe`) probes by itself.
//!
//! Bursts, not padding: a steady padding up to the next layer's rate fills a link that is too narrow for it, and what
//! fits there comes late.

use std::time::{Duration, Instant};

/// A burst of 15 ms so often.
const PROBE_INTERVAL: Duration = Duration::from_millis(2500);
/// After congestion the estimator holds what it has, up to a minute, and takes no burst for an answer. So long it may.
const PATIENCE: Duration = Duration::from_secs(6);

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    Rest,
    /// Nothing more is wanted for a moment: wanting it again starts a burst.
    Stoop,
    /// The estimator begins anew from the rate where it is.
    BeginAnew,
}

#[derive(Debug, Default)]
pub(crate) struct Prober {
    last: Option<Instant>,
    /// The subscriber waits since then, or the estimator began anew.
    waits_since: Option<Instant>,
}

impl Prober {
    /// To be asked each time that bandwidth is shared out; `waits`: for a better layer.
    pub(crate) fn search(&mut self, waits: bool, now: Instant) -> Search {
        if !waits {
            self.waits_since = None;
            return Search::Rest;
        }
        let waits_since = self.waits_since.get_or_insert(now);
        let search = if now.saturating_duration_since(*waits_since) >= PATIENCE {
            *waits_since = now;
            Search::BeginAnew
        } else if self.last.is_none_or(|last| now.saturating_duration_since(last) >= PROBE_INTERVAL) {
            Search::Stoop
        } else {
            return Search::Rest;
        };
        self.last = Some(now);
        search
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_probes_in_bursts_and_begins_anew_when_that_is_of_no_use() {
        let (mut prober, start) = (Prober::default(), Instant::now());
        let mut told = Vec::new();
        for tenth in 0..130 {
            match prober.search(true, start + tenth * Duration::from_millis(100)) {
                Search::Rest => {}
                search => told.push((tenth, search)),
            }
        }
        let (stoop, anew) = (Search::Stoop, Search::BeginAnew);
        let expected = [0, 25, 50, 60, 85, 110, 120].map(|tenth| (tenth, if tenth % 60 == 0 { anew } else { stoop }));
        assert_eq!(told[1..], expected[1..]);
        assert_eq!(told[0], (0, stoop));
    }

    #[test]
    fn it_rests_when_nobody_waits() {
        let (mut prober, start) = (Prober::default(), Instant::now());
        let searches: Vec<Search> = (0..20).map(|second| prober.search(false, start + second * PATIENCE / 6)).collect();
        assert!(searches.iter().all(|search| *search == Search::Rest));
    }
}
