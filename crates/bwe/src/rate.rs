//! How much passed lately, in steps of 50 ms of whichever clock.

use crate::time::{MILLISECOND, Micros, rate};

const STEP: Micros = 50 * MILLISECOND;
const STEPS: u64 = 12;

/// Bytes of the last 0.6 s.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    steps: [u32; STEPS as usize],
    /// The step that is being filled.
    head: u64,
    /// The step that the first byte came in.
    first: Option<u64>,
}

impl Meter {
    pub(crate) fn add(&mut self, at: Micros, bytes: u64) {
        let step = at / STEP;
        if self.first.is_none() || step > self.head + 100 * STEPS {
            *self = Self { steps: [0; STEPS as usize], head: step, first: Some(step) };
        }
        while self.head < step {
            self.head += 1;
            self.steps[(self.head % STEPS) as usize] = 0;
        }
        if step + STEPS > self.head {
            self.steps[(step % STEPS) as usize] += bytes as u32;
        }
    }

    /// Bit/s of the `window` before `at`, whole steps, of which the last is not over; nothing before a window has passed.
    pub(crate) fn rate(&self, at: Micros, window: Micros) -> Option<u64> {
        let (now, count) = (at / STEP, (window / STEP).clamp(1, STEPS - 1));
        let from = now.checked_sub(count)?;
        if self.first.is_none_or(|first| first > from) {
            return None;
        }
        let bytes: u64 = (from..now.min(self.head + 1))
            .filter(|step| step + STEPS > self.head)
            .map(|step| u64::from(self.steps[(step % STEPS) as usize]))
            .sum();
        Some(rate(bytes, count * STEP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    #[test]
    fn it_tells_the_rate_of_the_last_moments() {
        let mut meter = Meter::default();
        assert_eq!(meter.rate(SECOND, SECOND), None);
        let mut pass = |milliseconds: std::ops::Range<u64>, bytes| {
            milliseconds.for_each(|millisecond| meter.add(millisecond * MILLISECOND, bytes));
            meter.clone()
        };
        let meter = pass(1000..2500, 125);
        assert_eq!(meter.rate(2500 * MILLISECOND, 500 * MILLISECOND), Some(1_000_000));
        let meter = pass(2500..3000, 1250);
        assert_eq!(meter.rate(3 * SECOND, 500 * MILLISECOND), Some(10_000_000));
        assert_eq!(meter.rate(3250 * MILLISECOND, 500 * MILLISECOND), Some(5_000_000));
        assert_eq!(meter.rate(10 * SECOND, 500 * MILLISECOND), Some(0));
        assert_eq!(meter.rate(1200 * MILLISECOND, 500 * MILLISECOND), None, "it had not begun");
    }

    #[test]
    fn a_leap_of_the_clock_begins_anew() {
        let mut meter = Meter::default();
        meter.add(SECOND, 100);
        meter.add(1_000_000 * SECOND, 100);
        assert_eq!(meter.rate(1_000_000 * SECOND + STEP, STEP), Some(16_000));
    }
}
