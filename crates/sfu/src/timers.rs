//! When something is due, and what.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::shard::{Key, Shard};

/// How often a connection is looked at for silence.
const WATCH_INTERVAL: Duration = Duration::from_millis(2500);
/// Of the moments that far-off timers share: an idle worker wakes some times a second, however many it has.
const SHARED_MOMENTS: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// str0m wants time.
    Connection(Key),
    /// What it sends of media wants time.
    Media(Key),
    /// Is the peer still there?
    Watch(Key),
    /// An offer is due, or its answer overdue.
    Offer(usize),
    /// A downtrack's next blank frame.
    Blank(usize),
    /// A room's beat: keyframes, layers, speakers, quality.
    Room(usize),
}

/// All timers of a shard. None is ever taken back: who set one looks whether it still matters.
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64, Timer)>>,
    /// How many were set: of those for one moment, the first comes first.
    count: u64,
    /// Since when moments are shared.
    began: Instant,
}

impl Timers {
    pub fn new(now: Instant) -> Self {
        Self { heap: BinaryHeap::new(), count: 0, began: now }
    }

    pub fn set(&mut self, at: Instant, timer: Timer) {
        self.count += 1;
        self.heap.push(Reverse((at, self.count, timer)));
    }

    /// When the next is due.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next one that is due by now.
    pub fn take_due(&mut self, now: Instant) -> Option<(Instant, Timer)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((at, _, timer))| (at, timer))
    }

    /// The first of the shared moments that is not before `at`.
    pub fn shared_moment(&self, at: Instant) -> Instant {
        let since = at.saturating_duration_since(self.began).as_nanos();
        let late = since.next_multiple_of(SHARED_MOMENTS.as_nanos()) - since;
        at + Duration::from_nanos(late as u64)
    }
}

impl Shard {
    /// Has a connection looked at when it can have fallen silent.
    pub(crate) fn start_watch(&mut self, key: Key, now: Instant) {
        let Some(connection) = self.connection(key) else { return };
        let at = connection.steady_until().map_or(now + WATCH_INTERVAL, |until| until.max(now + WATCH_INTERVAL));
        let at = self.timers.shared_moment(at);
        if let Some(connection) = self.connection(key) {
            connection.watch = Some(at);
            self.timers.set(at, Timer::Watch(key));
        }
    }

    /// Looks whether a connection has fallen silent, or is heard again.
    pub(crate) fn watch(&mut self, key: Key, at: Instant, now: Instant) {
        let Some(connection) = self.connection(key).filter(|connection| connection.watch == Some(at)) else { return };
        if let Some(state) = connection.aged(now) {
            self.change_state(key, state);
        }
        self.start_watch(key, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_order_and_not_before_their_time() {
        let start = Instant::now();
        let mut timers = Timers::new(start);
        let at = |ms| start + Duration::from_millis(ms);
        for (ms, room) in [(20, 1), (10, 2), (10, 3)] {
            timers.set(at(ms), Timer::Room(room));
        }
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.take_due(at(9)), None);
        let due = std::iter::from_fn(|| timers.take_due(at(15))).map(|(_, timer)| timer);
        assert_eq!(due.collect::<Vec<_>>(), [Timer::Room(2), Timer::Room(3)]);
        assert_eq!(timers.next(), Some(at(20)));
    }

    #[test]
    fn shared_moments_are_never_early_and_never_later_than_their_distance() {
        let start = Instant::now();
        let timers = Timers::new(start);
        for ms in [0, 1, 49, 50, 51, 12_345] {
            let at = start + Duration::from_millis(ms);
            let shared = timers.shared_moment(at);
            assert!(shared >= at && shared < at + SHARED_MOMENTS, "{ms} ms");
            assert_eq!((shared - start).as_nanos() % SHARED_MOMENTS.as_nanos(), 0, "{ms} ms");
        }
    }
}
