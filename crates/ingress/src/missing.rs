//! Packets of one stream that did not come, and when they are asked for (NACK, RFC 4585 section 6.2.1).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What is further behind is too late for anybody; more is not a hole but an interruption.
const MOST_BEHIND: u64 = 256;
/// So often a packet is asked for…
const MOST_TIMES: u8 = 10;
/// …as long apart as its answer takes, and this; not sooner, for the way is as long for whoever asks.
const BEYOND_ROUND_TRIP: Duration = Duration::from_millis(5);
const SOONEST: Duration = Duration::from_millis(20);
/// The same while no answer was measured.
const UNKNOWN_ROUND_TRIP: Duration = Duration::from_millis(100);
/// What was measured beyond was an interruption, or is not true.
const LONGEST_ROUND_TRIP: Duration = Duration::from_millis(500);
/// What is lost within so long is asked for together.
const TOGETHER: Duration = Duration::from_millis(10);

#[derive(Debug)]
struct Missing {
    number: u64,
    times: u8,
    /// When it is to be asked for next.
    at: Instant,
}

/// The holes of one stream, lowest first.
#[derive(Debug, Default)]
pub(crate) struct Holes {
    missing: VecDeque<Missing>,
    asked: Option<Instant>,
    /// When the first is to be asked for, or sooner.
    next: Option<Instant>,
}

impl Holes {
    /// This is the highest number now, and `before` was before it.
    pub fn advance(&mut self, before: u64, highest: u64, now: Instant) {
        let oldest = highest.saturating_sub(MOST_BEHIND);
        while self.missing.front().is_some_and(|first| first.number < oldest) {
            self.missing.pop_front();
        }
        if highest - before > MOST_BEHIND {
            return; // It began anew.
        }
        for number in before + 1..highest {
            self.missing.push_back(Missing { number, times: 0, at: now });
            self.next = Some(self.next.map_or(now, |next| next.min(now)));
        }
    }

    /// One came late.
    pub fn fill(&mut self, number: u64) {
        if let Ok(index) = self.missing.binary_search_by_key(&number, |missing| missing.number) {
            self.missing.remove(index);
        }
        if self.missing.is_empty() {
            self.next = None;
        }
    }

    /// When something is to be asked for.
    pub fn due(&self) -> Option<Instant> {
        let next = self.next?;
        Some(self.asked.map_or(next, |asked| next.max(asked + TOGETHER)))
    }

    /// Appends what is to be asked for now, as pairs of a number and a mask of the sixteen after it. At most so many pairs.
    pub fn ask(&mut self, bytes: &mut Vec<u8>, most: usize, round_trip: Option<Duration>, now: Instant) {
        if self.due().is_none_or(|due| due > now) {
            return;
        }
        self.asked = Some(now);
        let again =
            round_trip.map_or(UNKNOWN_ROUND_TRIP, |round_trip| round_trip.min(LONGEST_ROUND_TRIP) + BEYOND_ROUND_TRIP);
        let again = again.max(SOONEST);
        let mut pairs: Vec<(u64, u16)> = Vec::new();
        for missing in self.missing.iter_mut().filter(|missing| missing.at <= now) {
            let full = pairs.len() == most;
            match pairs.last_mut() {
                Some((first, mask)) if missing.number - *first <= 16 => *mask |= 1 << (missing.number - *first - 1),
                _ if full => break,
                _ => pairs.push((missing.number, 0)),
            }
            (missing.times, missing.at) = (missing.times + 1, now + again);
        }
        self.missing.retain(|missing| missing.times < MOST_TIMES);
        self.next = self.missing.iter().map(|missing| missing.at).min();
        for (first, mask) in pairs {
            bytes.extend((first as u16).to_be_bytes());
            bytes.extend(mask.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn asked(holes: &mut Holes, now: Instant) -> Vec<u16> {
        let mut bytes = Vec::new();
        holes.ask(&mut bytes, 100, Some(30 * MILLISECOND), now);
        let pairs = bytes
            .chunks_exact(4)
            .map(|pair| [u16::from_be_bytes([pair[0], pair[1]]), u16::from_be_bytes([pair[2], pair[3]])]);
        pairs
            .flat_map(|[first, mask]| {
                std::iter::once(first)
                    .chain((0..16).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| first.wrapping_add(bit + 1)))
            })
            .collect()
    }

    #[test]
    fn a_hole_is_asked_for_until_it_is_filled() {
        let (start, mut holes) = (Instant::now(), Holes::default());
        holes.advance(65_534, 65_538, start);
        assert_eq!(asked(&mut holes, start), [65_535, 0, 1]);
        assert_eq!(asked(&mut holes, start), [0; 0], "not at once again");
        holes.fill(65_536);
        assert_eq!(holes.due(), Some(start + 35 * MILLISECOND));
        assert_eq!(asked(&mut holes, start + 35 * MILLISECOND), [65_535, 1]);
        holes.fill(65_535);
        holes.fill(65_537);
        assert_eq!(holes.due(), None);
    }

    #[test]
    fn what_never_comes_is_given_up() {
        let (start, mut holes) = (Instant::now(), Holes::default());
        holes.advance(1, 3, start);
        let mut times = 0;
        while let Some(due) = holes.due() {
            assert_eq!(asked(&mut holes, due), [2]);
            times += 1;
        }
        assert_eq!(times, MOST_TIMES);
        holes.advance(3, 5, start);
        holes.advance(5, 5 + MOST_BEHIND, start);
        assert_eq!(holes.missing.front().map(|first| first.number), Some(6), "too far behind");
        let waiting = holes.missing.len();
        holes.advance(5 + MOST_BEHIND, 10_000, start);
        assert!(holes.missing.is_empty() && waiting > 0, "an interruption is no hole");
    }

    #[test]
    fn what_is_lost_at_about_the_same_time_is_asked_for_together() {
        let (start, mut holes) = (Instant::now(), Holes::default());
        holes.advance(1, 3, start);
        assert_eq!(asked(&mut holes, start), [2]);
        holes.advance(3, 5, start + MILLISECOND);
        holes.advance(5, 40, start + 2 * MILLISECOND);
        assert_eq!(holes.due(), Some(start + TOGETHER));
        assert_eq!(asked(&mut holes, start + TOGETHER), (4..40).filter(|number| *number != 5).collect::<Vec<u16>>());
    }

    proptest! {
        #[test]
        fn whatever_is_lost_is_asked_for_and_nothing_else(
            lost in proptest::collection::vec(any::<bool>(), 1..300), gap in 0u64..3
        ) {
            let (start, mut holes, mut highest) = (Instant::now(), Holes::default(), 65_400);
            let mut expected = Vec::new();
            for (at, lost) in lost.iter().enumerate() {
                let number = 65_401 + at as u64;
                if *lost {
                    continue;
                }
                holes.advance(highest, number, start);
                let gap = highest + 1..number;
                expected.extend(if number - highest > MOST_BEHIND { 0..0 } else { gap });
                highest = number;
            }
            expected.retain(|number| *number + MOST_BEHIND >= highest);
            let now = start + Duration::from_millis(gap);
            prop_assert_eq!(asked(&mut holes, now), expected.iter().map(|number| *number as u16).collect::<Vec<_>>());
        }
    }
}
