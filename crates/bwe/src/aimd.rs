//! The rate that delay allows: down at congestion, up otherwise, slowly near what the link was last seen to carry
//! (draft-ietf-rmcat-gcc-02, section 5.5).

use crate::time::{MILLISECOND, Micros, SECOND};

/// After congestion, of what arrives.
const BACK_OFF: f64 = 0.85;
/// What nobody uses falls no faster at each step.
const UNUSED_BACK_OFF: f64 = 0.85;
/// Growth in a second, far from the link's capacity.
const GROWTH: f64 = 1.08;
/// Of the rate: where less arrives, nothing speaks for more.
const USED: f64 = 0.75;
/// What was not used is not believed beyond this, of what arrived, and this beside it.
const UNPROVEN: f64 = 1.5;
const UNPROVEN_MORE: u64 = 10_000;
/// A packet in each response time, near the link's capacity.
const PACKET_BITS: f64 = 9_600.0;
const RESPONSE: Micros = 100 * MILLISECOND;
/// Bit/s in a second at least.
const SLOWEST: f64 = 4_000.0;
/// Between two steps down: what is under way was sent before the first.
const PATIENCE: Micros = 100 * MILLISECOND;
const LONGEST_PATIENCE: Micros = 400 * MILLISECOND;
/// Of what arrives at congestion: the weight of the newest, and the deviations within which the link is taken to be
/// the same.
const CAPACITY_WEIGHT: f64 = 0.05;
const DEVIATIONS: f64 = 3.0;

/// What is known of the present.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub now: Micros,
    pub round_trip: Micros,
    /// Bit/s that arrived lately, and that were sent.
    pub arrived: Option<u64>,
    pub sent: Option<u64>,
}

/// What congestion did to the rate.
#[derive(Debug)]
pub(crate) struct Aimd {
    rate: u64,
    limits: (u64, u64),
    changed: Option<Micros>,
    decreased: Option<Micros>,
    capacity: Option<Capacity>,
}

/// What arrived when the link was full, in kbit/s.
#[derive(Debug, Clone, Copy)]
struct Capacity {
    mean: f64,
    /// Normalized by the mean.
    variance: f64,
}

impl Aimd {
    pub(crate) fn new(initial: u64, limits: (u64, u64)) -> Self {
        Self { rate: initial.clamp(limits.0, limits.1), limits, changed: None, decreased: None, capacity: None }
    }

    pub(crate) fn rate(&self) -> u64 {
        self.rate
    }

    /// Something else told the rate: a probe, loss, silence.
    pub(crate) fn set(&mut self, rate: u64, now: Micros) {
        let rate = rate.clamp(self.limits.0, self.limits.1);
        if rate < self.rate {
            self.decreased = Some(now);
        }
        if self.capacity.is_some_and(|capacity| !capacity.holds(rate)) {
            self.capacity = None;
        }
        (self.rate, self.changed) = (rate, Some(now));
    }

    pub(crate) fn hold(&mut self, now: Micros) {
        self.changed = Some(now);
    }

    /// Whether it went down.
    pub(crate) fn decrease(&mut self, moment: Moment) -> bool {
        let Moment { now, round_trip, .. } = moment;
        self.changed = Some(now);
        let patience = (round_trip + PATIENCE).min(LONGEST_PATIENCE);
        if self.decreased.is_some_and(|at| now.saturating_sub(at) < patience) {
            return false;
        }
        let target = match moment.arrived {
            // Less arrives than is sent: it is this connection that fills the link, and what arrives is what it carries.
            Some(arrived) if moment.sent.is_none_or(|sent| sent as f64 * 0.9 > arrived as f64) => {
                self.learn(arrived);
                (arrived as f64 * BACK_OFF) as u64
            }
            Some(arrived) if arrived as f64 > self.rate as f64 * 0.7 => {
                self.learn(arrived);
                (arrived as f64 * BACK_OFF) as u64
            }
            // Little is sent, and all of it arrives: others fill the link, or the way became longer.
            Some(arrived) => ((self.rate as f64 * UNUSED_BACK_OFF) as u64).max(arrived),
            None => (self.rate as f64 * BACK_OFF) as u64,
        };
        let before = self.rate;
        self.rate = target.clamp(self.limits.0, self.limits.1).min(before);
        self.decreased = Some(now);
        self.rate < before
    }

    pub(crate) fn increase(&mut self, moment: Moment) {
        let now = moment.now;
        let Some(changed) = self.changed.replace(now) else { return };
        let elapsed = now.saturating_sub(changed).min(SECOND) as f64 / SECOND as f64;
        let Some(arrived) = moment.arrived else { return };
        if self.capacity.is_some_and(|capacity| capacity.is_exceeded(arrived)) {
            self.capacity = None;
        }
        let rate = self.rate as f64;
        if (arrived as f64) < rate * USED {
            return;
        }
        let near = self.capacity.is_some_and(|capacity| capacity.holds(self.rate));
        let increased = if near {
            let response = (moment.round_trip + RESPONSE) as f64 / SECOND as f64;
            rate + (PACKET_BITS / response).max(SLOWEST) * elapsed
        } else {
            rate * GROWTH.powf(elapsed)
        };
        let proven = (arrived as f64 * UNPROVEN) as u64 + UNPROVEN_MORE;
        self.rate = (increased as u64).min(proven.max(self.rate)).clamp(self.limits.0, self.limits.1);
    }

    fn learn(&mut self, arrived: u64) {
        let arrived = arrived as f64 / 1000.0;
        let known =
            self.capacity.filter(|capacity| (arrived - capacity.mean).abs() <= DEVIATIONS * capacity.deviation());
        let Some(Capacity { mean, variance }) = known else {
            self.capacity = Some(Capacity { mean: arrived, variance: 0.4 });
            return;
        };
        let mean = mean + CAPACITY_WEIGHT * (arrived - mean);
        let error = (arrived - mean).powi(2) / mean.max(1.0);
        let variance = (variance + CAPACITY_WEIGHT * (error - variance)).clamp(0.4, 2.5);
        self.capacity = Some(Capacity { mean, variance });
    }
}

impl Capacity {
    fn deviation(self) -> f64 {
        (self.variance * self.mean).sqrt()
    }

    fn is_exceeded(self, rate: u64) -> bool {
        rate as f64 / 1000.0 > self.mean + DEVIATIONS * self.deviation()
    }

    fn holds(self, rate: u64) -> bool {
        (rate as f64 / 1000.0 - self.mean).abs() <= DEVIATIONS * self.deviation().max(self.mean * 0.05)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: (u64, u64) = (30_000, 50_000_000);

    fn moment(now: Micros, arrived: u64, sent: u64) -> Moment {
        Moment { now, round_trip: 50 * MILLISECOND, arrived: Some(arrived), sent: Some(sent) }
    }

    #[test]
    fn a_full_link_is_left_at_once_and_then_patiently() {
        let mut aimd = Aimd::new(5_000_000, LIMITS);
        assert!(aimd.decrease(moment(SECOND, 1_000_000, 2_000_000)));
        assert_eq!(aimd.rate(), 850_000);
        assert!(!aimd.decrease(moment(SECOND + 50 * MILLISECOND, 500_000, 900_000)));
        assert!(aimd.decrease(moment(SECOND + 200 * MILLISECOND, 500_000, 900_000)));
        assert_eq!(aimd.rate(), 425_000);
    }

    #[test]
    fn who_sends_little_is_not_to_blame_and_does_not_starve() {
        let mut aimd = Aimd::new(5_000_000, LIMITS);
        aimd.decrease(moment(SECOND, 40_000, 40_000));
        assert_eq!(aimd.rate(), 4_250_000);
    }

    #[test]
    fn what_is_not_used_does_not_grow() {
        let mut aimd = Aimd::new(1_000_000, LIMITS);
        for second in 1..100 {
            aimd.increase(moment(second * SECOND, 100_000, 100_000));
        }
        assert_eq!(aimd.rate(), 1_000_000);
        for second in 100..200 {
            aimd.increase(moment(second * SECOND, 1_000_000, 1_000_000));
        }
        assert!((1_300_000..1_400_000).contains(&aimd.rate()), "{}", aimd.rate());
    }
}
