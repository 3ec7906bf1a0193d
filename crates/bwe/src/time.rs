//! Time inside: microseconds since the estimator began, so that differences cannot panic and records stay small.

use std::time::{Duration, Instant};

/// Microseconds since the estimator began, or of the receiver's clock.
pub(crate) type Micros = u64;

pub(crate) const MILLISECOND: Micros = 1000;
pub(crate) const SECOND: Micros = 1_000_000;

/// Where time begins. What is before that is taken for the beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    epoch: Instant,
}

impl Clock {
    pub(crate) fn new(now: Instant) -> Self {
        // A second ahead, so that nothing is at 0.
        Self { epoch: now.checked_sub(Duration::from_secs(1)).unwrap_or(now) }
    }

    pub(crate) fn micros(&self, now: Instant) -> Micros {
        now.saturating_duration_since(self.epoch).as_micros() as Micros
    }

    pub(crate) fn instant(&self, at: Micros) -> Instant {
        self.epoch + Duration::from_micros(at)
    }
}

/// Bit/s of so many bytes in so long.
pub(crate) fn rate(bytes: u64, time: Micros) -> u64 {
    (bytes * 8 * SECOND).checked_div(time).unwrap_or(0)
}

/// How long so many bytes take at so many bit/s.
pub(crate) fn time_for(bytes: u64, rate: u64) -> Micros {
    (bytes * 8 * SECOND).checked_div(rate).unwrap_or(SECOND)
}
