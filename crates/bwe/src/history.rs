//! What was sent and waits for feedback: a ring by sequence number, bounded, without an allocation per packet.

use std::hint::black_box;
use std::ops::Range;

use crate::time::{Micros, SECOND};

/// Packets of the first ring: a second of voices and a small picture.
const FIRST: usize = 128;
/// 20 Mbit/s for two seconds.
const LARGEST: usize = 4096;
/// Packets of a tenth of a second of video: so many are in one feedback.
const LOOKED_BACK: u64 = 20;
/// The ring grows rather than lose sight of what is younger.
const KEPT_FOR: Micros = 2 * SECOND;

/// One packet, as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sent {
    pub at: Micros,
    pub bytes: u16,
    /// The probe cluster that was under way; 0: none.
    pub cluster: u8,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Nothing with this number was sent.
    #[default]
    Never,
    Waits,
    Lost,
    Received,
}

/// What feedback says that was not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    Received(Sent),
    /// Received; it had been told to be lost.
    Recovered(Sent),
    Lost(Sent),
}

/// The ring.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Its length is a power of two, or 0 before anything is sent.
    ring: Box<[Sent]>,
    next: u64,
    /// What is in the ring: from here, up to `end`.
    start: u64,
    end: u64,
}

impl History {
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// The sequence number that comes next.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Reads what the next packet will take the place of, to have it in the processor's cache.
    pub(crate) fn look(&self) {
        if !self.ring.is_empty() {
            black_box(self.ring[self.place(self.next)].bytes);
        }
    }

    /// Reads what feedback will be about: of the latest packets one in each line of the cache.
    pub(crate) fn look_back(&self) {
        for back in (1..=LOOKED_BACK).step_by(64 / size_of::<Sent>()) {
            if !self.ring.is_empty() {
                black_box(self.ring[self.place(self.next.wrapping_sub(back))].bytes);
            }
        }
    }

    pub(crate) fn insert(&mut self, sequence: u64, at: Micros, bytes: u16, cluster: u8) {
        if sequence < self.start {
            return;
        }
        self.next = self.next.max(sequence + 1);
        if self.ring.is_empty() {
            self.ring = vec![Sent::default(); FIRST].into();
            (self.start, self.end) = (sequence, sequence);
        }
        while sequence - self.start >= self.ring.len() as u64 {
            self.make_room(sequence, at);
        }
        // Numbers that were drawn and not sent.
        for hole in self.end..sequence {
            *self.slot(hole) = Sent::default();
        }
        self.end = self.end.max(sequence + 1);
        *self.slot(sequence) = Sent { at, bytes, cluster, state: State::Waits };
    }

    /// By a larger ring, or by forgetting the oldest.
    fn make_room(&mut self, sequence: u64, now: Micros) {
        let length = self.ring.len();
        let oldest = *self.slot(self.start);
        let matters = oldest.state == State::Waits && now.saturating_sub(oldest.at) < KEPT_FOR;
        if !matters || length >= LARGEST {
            self.start = sequence + 1 - length as u64;
            self.end = self.end.max(self.start);
            return;
        }
        let old = std::mem::replace(&mut self.ring, vec![Sent::default(); length * 2].into());
        for kept in self.start..self.end {
            *self.slot(kept) = old[kept as usize & (length - 1)];
        }
    }

    fn place(&self, sequence: u64) -> usize {
        sequence as usize & (self.ring.len() - 1)
    }

    fn slot(&mut self, sequence: u64) -> &mut Sent {
        let place = self.place(sequence);
        &mut self.ring[place]
    }

    /// The full number of what the wire calls `low`: the nearest to the next one.
    pub(crate) fn unwrap(&self, low: u16) -> Option<u64> {
        let distance = low.wrapping_sub(self.next as u16) as i16;
        self.next.checked_add_signed(i64::from(distance))
    }

    /// What is still known of what was sent from `from` up to `to`.
    pub(crate) fn known(&self, from: u64, to: u64) -> Range<u64> {
        from.max(self.start)..to.min(self.end)
    }

    /// The bytes of what was sent from `from` up to `to` and of which nothing was heard.
    pub(crate) fn unheard(&mut self, from: u64, to: u64) -> u64 {
        self.known(from, to)
            .map(|sequence| *self.slot(sequence))
            .filter(|sent| sent.state == State::Waits)
            .map(|sent| u64::from(sent.bytes))
            .sum()
    }

    /// Feedback says of a packet whether it came.
    pub(crate) fn report(&mut self, sequence: u64, received: bool) -> Option<News> {
        if !(self.start..self.end).contains(&sequence) {
            return None;
        }
        let sent = self.slot(sequence);
        let (state, before) = match (sent.state, received) {
            (State::Waits, true) => (State::Received, *sent),
            (State::Lost, true) => {
                sent.state = State::Received;
                return Some(News::Recovered(*sent));
            }
            (State::Waits, false) => (State::Lost, *sent),
            _ => return None,
        };
        sent.state = state;
        Some(if received { News::Received(before) } else { News::Lost(before) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(count: u64, interval: Micros) -> History {
        let mut history = History::default();
        for index in 0..count {
            let sequence = history.next_sequence();
            history.insert(sequence, SECOND + index * interval, 100, 0);
        }
        history
    }

    #[test]
    fn nothing_is_allocated_before_the_first_packet() {
        let mut history = History::default();
        assert!(history.ring.is_empty());
        assert_eq!(history.report(0, true), None);
        assert_eq!(history.next_sequence(), 0);
        assert!(history.ring.is_empty());
    }

    #[test]
    fn each_packet_is_news_once_and_a_lost_one_may_come_yet() {
        let mut history = filled(3, 1);
        assert!(matches!(history.report(0, true), Some(News::Received(_))));
        assert_eq!(history.report(0, true), None);
        assert_eq!(history.report(0, false), None);
        assert!(matches!(history.report(1, false), Some(News::Lost(_))));
        assert_eq!(history.report(1, false), None);
        assert!(matches!(history.report(1, true), Some(News::Recovered(_))));
        assert_eq!(history.report(3, true), None, "nothing was sent");
    }

    #[test]
    fn it_grows_for_what_waits_and_not_for_what_is_old() {
        assert_eq!(filled(4000, 500).ring.len(), LARGEST);
        assert_eq!(filled(10_000, 500).ring.len(), LARGEST, "bounded");
        assert_eq!(filled(10_000, KEPT_FOR / 100).ring.len(), FIRST);
        let mut history = filled(2000, 500);
        assert!((0..2000).all(|sequence| history.report(sequence, true).is_some()));
    }

    #[test]
    fn numbers_of_the_wire_are_the_nearest() {
        let mut history = filled(70_000, 1);
        assert_eq!(history.unwrap(69_999u64 as u16), Some(69_999));
        assert_eq!(history.unwrap(65_535), Some(65_535));
        assert!(history.report(69_999, true).is_some());
        assert_eq!(filled(1, 1).unwrap(65_000), None, "before the beginning");
    }

    proptest! {
        #[test]
        fn holes_and_leaps_are_survived(steps in proptest::collection::vec((0u64..300, 0u64..100_000, any::<bool>()), 1..300)) {
            let (mut history, mut at) = (History::default(), SECOND);
            for (hole, wait, received) in steps {
                let mut sequence = history.next_sequence();
                for _ in 0..hole {
                    sequence = history.next_sequence();
                }
                at += wait;
                history.insert(sequence, at, 1, 0);
                prop_assert!(history.report(sequence, received).is_some());
                if hole > 0 {
                    prop_assert_eq!(history.report(sequence - 1, true), None);
                }
            }
        }
    }
}
