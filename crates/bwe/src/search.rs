//! When to probe, how far to go, and what to believe of what a probe found.

use crate::estimator::{Estimator, SILENCE};
use crate::probe::{Outcome, Purpose};
use crate::time::{MILLISECOND, Micros, SECOND};

/// Between probes for more, which wait longer each time that there was none.
const PROBE_INTERVAL: Micros = 2500 * MILLISECOND;
const LONGEST_INTERVAL: Micros = 4 * SECOND;
/// Where no probe was ever answered.
const UNANSWERED_INTERVAL: Micros = 30 * SECOND;
/// A probe for more goes so far beyond the estimate, and so far beyond what is desired.
const FURTHER: f64 = 2.0;
const BEYOND_DESIRED: f64 = 1.1;
/// What a probe found of what it tried, for the next to go further at once.
const WENT_WELL: f64 = 0.7;
/// How often a probe that met its limit is followed by one at the rate that it arrived with.
const NARROWINGS: u8 = 3;
/// So soon after one that told nothing.
const RETRY_AFTER: Micros = 200 * MILLISECOND;
/// After a decrease it is tried so soon whether it was for nothing.
const AGAIN_AFTER: Micros = 600 * MILLISECOND;
/// A decrease to less than this share is worth it.
const LARGE_DECREASE: f64 = 0.9;
/// A probe of loss may lose so much more than was lost before.
const LOSS_TOLERANCE: f32 = 0.1;
/// What a probe found is not believed again for a while where it was followed by so large a decrease so soon; the waits
/// double up to the longest.
const DECEIVED: f64 = 0.7;
const DECEIVED_WITHIN: Micros = 4 * SECOND;
const DECEIVED_LONGEST: Micros = 40 * SECOND;

/// What the next probe depends on.
#[derive(Debug)]
pub(crate) struct Search {
    /// The estimate is a guess yet.
    pub unproven: bool,
    /// Of a probe was told, if only that it was lost.
    pub answered: bool,
    /// When the next probe is due, and how long the one after that waits.
    pub at: Micros,
    pub interval: Micros,
    /// What a probe that met its limit arrived with: the next tells whether the link carries that on end.
    pub narrowed: Option<u64>,
    pub narrowings: u8,
    /// The least that any of these, and the one before them, arrived with; 0: one told nothing, or less was believed
    /// meanwhile.
    pub least: u64,
    /// The higher of what the first probes carried, where that was far from enough.
    pub initial_low: Option<u64>,
    /// What the last probe raised the estimate to, and when; and how long the next waits if that was wrong.
    pub raised: Option<(u64, Micros)>,
    pub distrust: Micros,
    /// What was believed before a decrease, and when it is tried again.
    pub before: Option<(u64, Micros)>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            unproven: true,
            answered: false,
            at: 0,
            interval: PROBE_INTERVAL,
            narrowed: None,
            narrowings: 0,
            least: 0,
            initial_low: None,
            raised: None,
            distrust: PROBE_INTERVAL,
            before: None,
        }
    }
}

impl Search {
    /// No probe for a while, and a longer one next time.
    pub(crate) fn rest(&mut self, now: Micros) {
        (self.narrowed, self.narrowings) = (None, 0);
        self.at = now + self.interval;
        self.interval = (self.interval * 2).min(LONGEST_INTERVAL);
    }

    /// Nothing is wrong with looking now: the last probes were not in vain.
    pub(crate) fn hurry(&mut self, now: Micros) {
        if self.at <= now + LONGEST_INTERVAL {
            self.at = now;
        }
    }
}

impl Estimator {
    /// What was believed until now is tried again soon.
    pub(crate) fn remember(&mut self, before: u64, now: Micros) {
        let rate = self.aimd.rate();
        self.search.least = 0;
        if let Some((_, at)) = self.search.raised.filter(|(raised, _)| (rate as f64) < *raised as f64 * DECEIVED) {
            self.search.raised = None;
            if now - at < DECEIVED_WITHIN {
                self.search.distrust = (self.search.distrust * 2).min(DECEIVED_LONGEST);
                self.search.at = now + self.search.distrust;
                (self.search.before, self.search.narrowed) = (None, None);
                return;
            }
            self.search.distrust = PROBE_INTERVAL;
        }
        if self.search.at > now + LONGEST_INTERVAL {
            return;
        }
        let (most, at) = self.search.before.map_or((before, now + AGAIN_AFTER), |(known, at)| (known.max(before), at));
        if (rate as f64) < most as f64 * LARGE_DECREASE {
            self.search.before = Some((most, at));
        }
    }

    fn is_worth_it(&self, rate: u64) -> bool {
        rate as f64 > self.aimd.rate() as f64 * 1.05
    }

    /// The estimate has come to what the last probe arrived with, in another way.
    pub(crate) fn forget_what_is_reached(&mut self) {
        if self.search.narrowed.is_some_and(|rate| !self.is_worth_it(rate)) {
            (self.search.narrowed, self.search.narrowings) = (None, 0);
        }
    }

    /// What the next probe is for, its rate, and when it is due.
    pub(crate) fn next_probe(&self) -> Option<(Purpose, u64, Micros)> {
        if self.desired == 0 || self.history.next() == 0 || self.is_silent() {
            return None;
        }
        let (estimate, limit) = (self.aimd.rate(), (self.desired as f64 * BEYOND_DESIRED) as u64);
        if self.search.unproven {
            return Some((Purpose::Initial, limit.min(estimate.saturating_mul(3)), self.search.at));
        }
        // What finds a queue measures the queue; and while much is lost, it is to be known first why. Where nothing is sent
        // any more, both are over by then.
        let clear = if self.queue.is_long() || self.losses.is_open() { self.last_sent + SILENCE } else { 0 };
        if let Some(narrowed) = self.search.narrowed.filter(|rate| self.is_worth_it(*rate)) {
            return Some((Purpose::More, narrowed.min(limit), self.search.at.max(clear)));
        }
        if let Some((before, at)) = self.search.before
            && self.is_worth_it(before.min(limit))
        {
            return Some((Purpose::Again, before.min(limit), at.max(clear)));
        }
        let more = ((estimate as f64 * FURTHER) as u64).min(limit);
        (self.is_worth_it(self.desired) && self.is_worth_it(more)).then_some((
            Purpose::More,
            more,
            self.search.at.max(clear),
        ))
    }

    pub(crate) fn conclude_probe(&mut self, now: Micros) {
        let Some(outcome) = self.prober.finish(now, self.round_trip_of_probes(), self.losses.own()) else { return };
        let Outcome { purpose, wanted, carried, unhindered, lost, unanswered } = outcome;
        if unanswered && self.is_silent() {
            return;
        }
        if unanswered {
            self.search.least = 0;
            self.search.interval = if self.search.answered { LONGEST_INTERVAL } else { UNANSWERED_INTERVAL };
            self.search.at = now + self.search.interval;
            return;
        }
        if !self.search.answered {
            (self.search.answered, self.search.interval) = (true, PROBE_INTERVAL);
        }
        let estimate = self.aimd.rate();
        let carried = carried.map(|carried| carried.min(wanted.saturating_mul(2)));
        let proves = self.losses.may_be_own() && lost < self.losses.total.share + LOSS_TOLERANCE;
        if purpose == Purpose::Loss {
            match carried {
                Some(_) if unhindered && proves => {
                    if let Some(before) = self.losses.acquit(lost) {
                        self.aimd.set(before.max(estimate), now);
                    }
                }
                carried => {
                    let lower = self.losses.convict(estimate, carried.unwrap_or(estimate));
                    self.lower(lower, now);
                }
            }
        }
        if let (Purpose::Initial, Some(carried)) = (purpose, carried)
            && carried < estimate.min(wanted) / 2
        {
            // Twice, before what is believed is given up.
            match self.search.initial_low {
                None => {
                    (self.search.initial_low, self.search.at) = (Some(carried), now);
                    return;
                }
                Some(before) => self.lower(before.max(carried), now),
            }
        }
        let Some(carried) = carried else {
            // Something came in between: once more, before it waits.
            if self.search.narrowings < NARROWINGS {
                (self.search.narrowings, self.search.least) = (self.search.narrowings + 1, 0);
                self.search.at = now + RETRY_AFTER;
            } else {
                self.search.rest(now);
            }
            return;
        };
        self.search.unproven = false;
        // A link that others fill as well lets a burst pass sooner than it will a stream: what met its limit is not
        // believed before it was tried again and again, unless most of the link seems to be idle.
        let credible = unhindered || self.limited(now) && !self.queue.stands();
        let tries = self.search.narrowings;
        self.search.least = if tries == 0 { carried } else { self.search.least.min(carried) };
        let found = match tries {
            _ if credible => carried,
            NARROWINGS if !self.queue.stands() => self.search.least,
            _ => 0,
        };
        if found > estimate {
            self.aimd.set(found, now);
            self.search.raised = Some((found, now));
        }
        let more = carried as f64 > estimate as f64 * 1.1;
        (self.search.narrowed, self.search.narrowings) =
            if more && !credible && tries < NARROWINGS { (Some(carried), tries + 1) } else { (None, 0) };
        if self.search.narrowed.is_some() || more && credible && carried as f64 > wanted as f64 * WENT_WELL {
            let after = if unhindered || self.search.narrowed.is_some() { 0 } else { RETRY_AFTER };
            (self.search.interval, self.search.at) = (PROBE_INTERVAL, now + after);
        } else {
            self.search.rest(now);
        }
    }
}
