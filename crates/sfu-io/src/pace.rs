//! When to fetch packets: at once, or, where they come one after the other, those of a moment together.
//!
//! Waking up costs about as much as forwarding a packet. Network cards spare interrupts in the same way.

use std::time::{Duration, Instant};

/// How long packets are collected at most, which is how much later they go out.
const COLLECT: Duration = Duration::from_millis(1);
/// Turns that follow each other faster than this are dense, …
const DENSE: Duration = Duration::from_micros(400);
/// … and so many of them in a row begin the collecting.
const STREAK: u32 = 16;
/// With fewer packets a turn it ends: being woken for each costs no more then.
const FEW: usize = 3;

/// The turns of one thread.
#[derive(Debug)]
pub(crate) struct Pace {
    began: Instant,
    streak: u32,
}

impl Pace {
    pub fn new(now: Instant) -> Self {
        Self { began: now, streak: 0 }
    }

    /// How long to let packets gather before the next turn.
    pub fn rest(&self, now: Instant) -> Duration {
        if self.is_collecting() { (self.began + COLLECT).saturating_duration_since(now) } else { Duration::ZERO }
    }

    /// A turn began, and found so many packets.
    pub fn turn(&mut self, began: Instant, packets: usize) {
        let gap = began.saturating_duration_since(self.began);
        self.began = began;
        self.streak = match self.is_collecting() {
            true if packets < FEW => 0,
            true => self.streak,
            false if packets > 0 && gap < DENSE => self.streak + 1,
            false => 0,
        };
    }

    fn is_collecting(&self) -> bool {
        self.streak >= STREAK
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Wakes, and the longest delay, of a thread that fetches packets which come at these gaps.
    fn fetch(gaps: &[Duration]) -> (usize, Duration) {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut arrivals = Vec::new();
        let mut at = start;
        for gap in gaps {
            at += *gap;
            arrivals.push(at);
        }
        let (mut wakes, mut longest, mut now, mut next) = (0, Duration::ZERO, start, 0);
        while next < arrivals.len() {
            let rest = pace.rest(now);
            now += rest;
            // Asleep until something is there.
            now = now.max(arrivals[next]);
            wakes += 1;
            let found = arrivals[next..].iter().take_while(|arrival| **arrival <= now).count();
            longest = longest.max(now - arrivals[next]);
            pace.turn(now, found);
            next += found;
        }
        (wakes, longest)
    }

    #[test]
    fn a_few_packets_are_fetched_at_once() {
        let (wakes, longest) = fetch(&[Duration::from_micros(900); 1000]);
        assert_eq!((wakes, longest), (1000, Duration::ZERO));
    }

    #[test]
    fn many_are_fetched_together() {
        let (wakes, longest) = fetch(&[Duration::from_micros(50); 20_000]);
        assert!(wakes < 1100, "a second: {wakes} wakes");
        assert!(longest <= COLLECT);
    }

    #[test]
    fn after_many_a_few_are_fetched_at_once_again() {
        let busy = [Duration::from_micros(50); 2000];
        let quiet = [Duration::from_millis(20); 100];
        let (before, _) = fetch(&busy);
        let (wakes, _) = fetch(&[&busy[..], &quiet[..]].concat());
        assert!(wakes - before <= 101 && wakes - before >= 99, "{wakes} after {before}");
    }

    proptest! {
        #[test]
        fn no_packet_waits_longer_than_is_collected(gaps in prop::collection::vec(0_u64..2000, 1..2000)) {
            let gaps: Vec<Duration> = gaps.into_iter().map(Duration::from_micros).collect();
            let (wakes, longest) = fetch(&gaps);
            prop_assert!(longest <= COLLECT);
            prop_assert!(wakes <= gaps.len());
        }
    }
}
