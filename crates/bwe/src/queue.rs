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
/// No time to send more, nor to probe, is with a queue of this length; and where it stays so long, less is to be sent yet.
const LONG: i64 = 50 * MILLISECOND as i64;
const PERSISTENT: i64 = 300 * MILLISECOND as i64;
/// After so many steps down a queue that is ours is shorter: by this much.
const STEPS: u8 = 4;
const SHORTER: f64 = 0.7;
/// Less than this is no change.
const STILL: i64 = 2 * MILLISECOND as i64;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    steps: Minimum<STEP, PACKETS>,
    base: Minimum<BASE_STEP, 1>,
    long: Option<Long>,
}

/// A queue that is long.
#[derive(Debug, Clone, Copy)]
struct Long {
    /// Since the last step down, or the beginning.
    since: i64,
    length: i64,
    steps: u8,
}

impl Queue {
    /// A packet that was sent and arrived so late, each by its own clock.
    pub(crate) fn add(&mut self, delay: i64, arrived: i64) {
        self.base.add(delay, arrived);
        self.steps.add(delay, arrived);
        let length = self.length();
        if length <= LONG {
            self.long = None;
        } else if self.long.is_none() {
            self.long = Some(Long { since: arrived, length, steps: 0 });
        }
    }

    /// Nothing was sent for longer than any queue takes.
    pub(crate) fn drain(&mut self) {
        (self.steps, self.long) = (Minimum::default(), None);
    }

    /// How long it is, in microseconds.
    pub(crate) fn length(&self) -> i64 {
        if self.steps.least() == NONE { 0 } else { self.steps.least() - self.base.least() }
    }

    pub(crate) fn stands(&self) -> bool {
        self.length() > STANDING
    }

    /// It is long, and ours as far as is known.
    pub(crate) fn is_long(&self) -> bool {
        self.long.is_some() && !self.is_foreign()
    }

    /// It has been long for a while.
    pub(crate) fn persists(&self, at: i64) -> bool {
        self.is_long() && self.long.is_some_and(|long| at - long.since > PERSISTENT)
    }

    /// Less is sent from now on.
    pub(crate) fn on_decrease(&mut self, at: i64) {
        let length = self.length();
        if let Some(long) = &mut self.long {
            // What is under way makes it longer yet, at first.
            if long.steps < 2 {
                long.length = length;
            }
            *long = Long { since: at, steps: long.steps.saturating_add(1), ..*long };
        }
    }

    /// It stayed as long as it was, however much less was sent: others fill it. Who yields to them ends with nothing.
    fn is_foreign(&self) -> bool {
        let length = self.length();
        self.long.is_some_and(|long| long.steps >= STEPS && length as f64 > long.length as f64 * SHORTER)
    }

    /// It stands, and is no shorter than a moment ago.
    pub(crate) fn grows(&self) -> bool {
        self.stands() && self.steps.change() >= -STILL
    }
}

/// Nothing yet.
const NONE: i64 = i64::MAX;

/// The least of one step and of the one before.
#[derive(Debug)]
struct Minimum<const STEP: i64, const PACKETS: u32> {
    before: i64,
    current: i64,
    since: i64,
    count: u32,
}

impl<const STEP: i64, const PACKETS: u32> Default for Minimum<STEP, PACKETS> {
    fn default() -> Self {
        Self { before: NONE, current: NONE, since: 0, count: 0 }
    }
}

impl<const STEP: i64, const PACKETS: u32> Minimum<STEP, PACKETS> {
    fn add(&mut self, value: i64, at: i64) {
        if self.current == NONE {
            self.since = at;
        }
        if self.count >= PACKETS && at - self.since >= STEP {
            *self = Self { before: self.current, current: NONE, since: at, count: 0 };
        }
        self.current = self.current.min(value);
        self.count += 1;
    }

    fn least(&self) -> i64 {
        self.before.min(self.current)
    }

    fn change(&self) -> i64 {
        if self.before == NONE { 0 } else { self.current - self.before }
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
    fn a_queue_that_stays_when_less_is_sent_is_of_others() {
        let mut queue = after(std::iter::repeat_n(0, 50).chain(std::iter::repeat_n(200, 50)));
        for step in 0..4 {
            assert!(queue.persists(10_000_000 + step * 1_000_000), "after {step} steps");
            queue.on_decrease(10_000_000 + step * 1_000_000);
        }
        assert!(!queue.is_long() && !queue.persists(20_000_000));
    }

    #[test]
    fn a_longer_route_is_no_queue_after_a_while() {
        assert!(after(std::iter::repeat_n(0, 50).chain(std::iter::repeat_n(60, 100))).stands());
        assert!(!after(std::iter::repeat_n(0, 50).chain(std::iter::repeat_n(60, 2000))).stands());
    }
}
