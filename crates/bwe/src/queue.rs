//! Whether a queue stands: even the fastest packet of the last moments was late.
//!
//! A link that is too narrow makes all packets wait, and ever longer. A machine that was held up for a moment makes some
//! wait; those sent at its end are in time. The least delay tells one from the other, after Nichols and Jacobson 2012
//! (CoDel), where a standing queue is told from a burst in the same way.

use crate::time::{MILLISECOND, SECOND};

/// The least delay is that of two steps of at least so long …
const STEP: i64 = 60 * MILLISECOND as i64;
/// … and so many packets.
const PACKETS: u32 = 3;
/// The path's own delay is the least of so long: clocks drift and routes change.
const BASE_STEP: i64 = 8 * SECOND as i64;
/// A queue worth the name.
const STANDING: i64 = 12 * MILLISECOND as i64;
/// Less than this is no change.
const STILL: i64 = 2 * MILLISECOND as i64;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    steps: Minimum<STEP, PACKETS>,
    base: Minimum<BASE_STEP, 1>,
}

impl Queue {
    /// A packet that was sent and arrived so late, each by its own clock.
    pub(crate) fn add(&mut self, delay: i64, arrived: i64) {
        self.base.add(delay, arrived);
        self.steps.add(delay, arrived);
    }

    /// How long it is, in microseconds.
    pub(crate) fn length(&self) -> i64 {
        self.steps.least().zip(self.base.least()).map_or(0, |(least, base)| least - base)
    }

    pub(crate) fn stands(&self) -> bool {
        self.length() > STANDING
    }

    /// It stands, and is no shorter than a moment ago.
    pub(crate) fn grows(&self) -> bool {
        self.stands() && self.steps.change() >= -STILL
    }
}

/// The least of one step and of the one before.
#[derive(Debug, Default)]
struct Minimum<const STEP: i64, const PACKETS: u32> {
    before: Option<i64>,
    current: Option<i64>,
    since: i64,
    count: u32,
}

impl<const STEP: i64, const PACKETS: u32> Minimum<STEP, PACKETS> {
    fn add(&mut self, value: i64, at: i64) {
        if self.current.is_none() {
            self.since = at;
        }
        if self.count >= PACKETS && at - self.since >= STEP {
            (self.before, self.current, self.since, self.count) = (self.current, None, at, 0);
        }
        self.current = Some(self.current.map_or(value, |least| least.min(value)));
        self.count += 1;
    }

    fn least(&self) -> Option<i64> {
        Some(self.before.map_or(self.current?, |before| before.min(self.current.unwrap_or(before))))
    }

    fn change(&self) -> i64 {
        self.before.zip(self.current).map_or(0, |(before, current)| current - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets 10 ms apart with these delays in milliseconds.
    fn after(delays: impl IntoIterator<Item = i64>) -> Queue {
        let mut queue = Queue::default();
        for (index, delay) in delays.into_iter().enumerate() {
            queue.add(delay * 1000, index as i64 * 10_000 + delay * 1000);
        }
        queue
    }

    #[test]
    fn a_link_that_is_full_makes_a_queue_and_a_hold_up_does_not() {
        let flat = || std::iter::repeat_n(-500, 50);
        assert!(!after(flat()).stands());
        assert!(after(flat().chain((0..40).map(|step| step * 3 - 500))).grows());
        // Everything of 80 ms comes at their end.
        let held_up = (0..8).map(|step| 80 - step * 10 - 500);
        for seen in 1..=8 {
            assert!(!after(flat().chain(held_up.clone().take(seen))).stands(), "{seen} packets seen");
        }
        assert!(!after(flat().chain(held_up).chain(flat())).stands());
    }

    #[test]
    fn a_queue_that_drains_does_not_grow() {
        let queue = after(std::iter::repeat_n(0, 50).chain((0..40).map(|step| 200 - step * 3)));
        assert!(queue.stands() && !queue.grows());
    }

    #[test]
    fn a_longer_route_is_no_queue_after_a_while() {
        assert!(after(std::iter::repeat_n(0, 50).chain(std::iter::repeat_n(60, 100))).stands());
        assert!(!after(std::iter::repeat_n(0, 50).chain(std::iter::repeat_n(60, 2000))).stands());
    }
}
