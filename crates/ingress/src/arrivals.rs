//! When packets came, by transport-wide number, and the feedback about it
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01).

use std::time::{Duration, Instant};

use visavis_rtp::Window;
use visavis_rtp::rtcp::{TRANSPORT_FEEDBACK, TRANSPORT_WIDE, write_part};

/// As often as libwebrtc and pion tell it.
const INTERVAL: Duration = Duration::from_millis(100);
/// One tick of arrival times, and a reference time in ticks.
const TICK: Duration = Duration::from_micros(250);
const REFERENCE: i64 = 256;
/// What lies further ahead began anew, and so did what lies further behind.
const MOST_AHEAD: u64 = 1 << 13;
const MOST_BEHIND: u64 = Window::<8>::LENGTH - 1;
/// Of one feedback: its count has 16 bits.
const MOST_PACKETS: u64 = (1 << 16) - 1;
/// A feedback ends before it is longer.
const LONGEST: usize = 1000;
/// Packets that wait to be told of; more between two feedbacks are a flood.
const MOST_WAITING: usize = 1 << 12;

/// Statuses of packets.
const LOST: u8 = 0;
const SMALL: u8 = 1;
const LARGE: u8 = 2;
/// Packets of one chunk.
const LONGEST_RUN: usize = (1 << 13) - 1;
const ONE_BIT_EACH: usize = 14;
const TWO_BITS_EACH: usize = 7;

/// One packet that came: its extended number, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Came {
    number: u64,
    ticks: i64,
}

/// Which packets came, as far as their sender was not told.
#[derive(Debug)]
pub(crate) struct Arrivals {
    began: Instant,
    waiting: Vec<Came>,
    window: Window<8>,
    /// All before it was told of.
    next: u64,
    /// When what waits began to, and when feedback was written last.
    since: Option<Instant>,
    told: Option<Instant>,
    /// Of feedback.
    count: u8,
    /// Of the latest packet: whoever sent it is there to be told.
    media: u32,
    /// Runs of one status.
    statuses: Vec<(u8, usize)>,
}

impl Arrivals {
    /// Times are counted from `began`.
    pub fn new(began: Instant) -> Self {
        Self {
            began,
            waiting: Vec::new(),
            window: Window::default(),
            next: 0,
            since: None,
            told: None,
            count: 0,
            media: 0,
            statuses: Vec::new(),
        }
    }

    /// A packet of this SSRC came, with this number.
    pub fn note(&mut self, number: u16, ssrc: u32, now: Instant) {
        // Probes have none, and nobody listens to what is said of it.
        if ssrc != 0 {
            self.media = ssrc;
        }
        // Not in the first cycle, so that those before it have numbers, too.
        let highest = self.window.highest().unwrap_or_else(|| {
            self.next = (1 << 16) + u64::from(number);
            self.next
        });
        let (ahead, behind) = (number.wrapping_sub(highest as u16), (highest as u16).wrapping_sub(number));
        let number = match u64::from(behind) {
            1..=MOST_BEHIND => highest - u64::from(behind),
            _ => highest + u64::from(ahead),
        };
        if self.waiting.len() == MOST_WAITING || !self.window.take(number) {
            return;
        }
        let ticks = (now.saturating_duration_since(self.began).as_nanos() / TICK.as_nanos()) as i64;
        self.waiting.push(Came { number, ticks });
        self.since.get_or_insert(now);
    }

    /// When something is to be told.
    pub fn due(&self) -> Option<Instant> {
        let since = self.since?;
        Some(self.told.map_or(since, |told| since.max(told + INTERVAL)))
    }

    /// Appends feedback of what came. What is left is due at once, in a packet of its own: not everybody reads two that are padded.
    pub fn write(&mut self, bytes: &mut Vec<u8>, sender: u32, now: Instant) {
        self.waiting.sort_unstable();
        let waiting = std::mem::take(&mut self.waiting);
        let done = if waiting.is_empty() { 0 } else { self.write_feedback(bytes, &waiting, sender) };
        self.waiting = waiting;
        self.waiting.drain(..done);
        if self.waiting.is_empty() {
            (self.since, self.told) = (None, Some(now));
        }
    }

    /// Appends one feedback of the first of what came. Returns of how many.
    fn write_feedback(&mut self, bytes: &mut Vec<u8>, came: &[Came], sender: u32) -> usize {
        let Came { number: first, ticks } = came[0];
        // Between those that come late lies what was told before: each row of them is a feedback of its own.
        let is_late = first < self.next;
        let base = if is_late || first - self.next > MOST_AHEAD { first } else { self.next };
        let reference = ticks.div_euclid(REFERENCE);
        let (mut at, mut next, mut taken, mut longest) = (reference * REFERENCE, base, 0, 0);
        self.statuses.clear();
        let start = bytes.len();
        write_part(bytes, TRANSPORT_FEEDBACK, TRANSPORT_WIDE, |bytes| {
            bytes.extend(sender.to_be_bytes());
            bytes.extend(self.media.to_be_bytes());
            bytes.extend((base as u16).to_be_bytes());
            let count = bytes.len();
            bytes.extend([0, 0]);
            bytes.extend(&(reference as u32).to_be_bytes()[1..]);
            bytes.push(self.count);
            for one in came {
                let (lost, delta) = ((one.number - next) as usize, one.ticks - at);
                let status = if (0..=255).contains(&delta) { SMALL } else { LARGE };
                // A status takes two bits at most; what interrupts a row begins up to three chunks.
                longest += usize::from(status) * 8 + 3 + if lost > 0 { 48 } else { 0 };
                let ends = i16::try_from(delta).is_err()
                    || lost as u64 > MOST_AHEAD
                    || one.number - base >= MOST_PACKETS
                    || is_late && (lost > 0 || one.number >= self.next)
                    || longest > (LONGEST - 40) * 8;
                if ends && taken > 0 {
                    break;
                }
                push(&mut self.statuses, LOST, lost);
                push(&mut self.statuses, status, 1);
                (at, next, taken) = (one.ticks, one.number + 1, taken + 1);
            }
            bytes[count..count + 2].copy_from_slice(&((next - base) as u16).to_be_bytes());
            write_chunks(bytes, &self.statuses);
            let mut at = reference * REFERENCE;
            for one in &came[..taken] {
                match u8::try_from(one.ticks - at) {
                    Ok(delta) => bytes.push(delta),
                    Err(_) => bytes.extend(((one.ticks - at) as i16).to_be_bytes()),
                }
                at = one.ticks;
            }
            let padding = (4 - (bytes.len() - start) % 4) % 4;
            bytes.extend((1..=padding).map(|at| if at == padding { padding as u8 } else { 0 }));
            if padding > 0 {
                bytes[start] |= 0x20;
            }
        });
        self.count = self.count.wrapping_add(1);
        self.next = self.next.max(next);
        taken
    }
}

/// Lengthens the last run, or begins another.
fn push(runs: &mut Vec<(u8, usize)>, status: u8, more: usize) {
    match runs.last_mut() {
        _ if more == 0 => {}
        Some((last, length)) if *last == status => *length += more,
        _ => runs.push((status, more)),
    }
}

/// Appends packet status chunks (sections 3.1.3 and 3.1.4): runs where they are long, or else a bit or two for each packet.
fn write_chunks(bytes: &mut Vec<u8>, runs: &[(u8, usize)]) {
    let (mut index, mut used) = (0, 0);
    while let Some(&(status, length)) = runs.get(index) {
        let left = (length - used).min(LONGEST_RUN);
        let mut statuses = [LOST; ONE_BIT_EACH];
        let ahead = std::iter::once((status, length - used)).chain(runs[index + 1..].iter().copied());
        let each = ahead.flat_map(|(status, length)| std::iter::repeat_n(status, length.min(ONE_BIT_EACH)));
        let seen = statuses.iter_mut().zip(each).map(|(place, status)| *place = status).count();
        let is_simple = statuses.iter().all(|status| *status != LARGE);
        let vector = if is_simple { ONE_BIT_EACH } else { TWO_BITS_EACH };
        let (chunk, told) = if left >= vector.min(seen) {
            (u16::from(status) << 13 | left as u16, left)
        } else if is_simple {
            (statuses.iter().fold(0b10, |bits, status| bits << 1 | u16::from(*status)), ONE_BIT_EACH)
        } else {
            let two_bits = statuses[..TWO_BITS_EACH].iter();
            (two_bits.fold(0b11, |bits, status| bits << 2 | u16::from(*status)), TWO_BITS_EACH)
        };
        bytes.extend(chunk.to_be_bytes());
        used += told;
        while let Some((_, length)) = runs.get(index).filter(|(_, length)| *length <= used) {
            (index, used) = (index + 1, used - length);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use visavis_bwe::Feedback;
    use visavis_rtp::rtcp::parts;

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// Base, count and number of a feedback.
    type Head = (u16, u16, u8);
    /// A packet's number, and its time in microseconds.
    type Packet = (u16, Option<i64>);

    fn told(arrivals: &mut Arrivals, now: Instant) -> (Vec<Head>, Vec<Packet>) {
        let (mut heads, mut packets) = (Vec::new(), Vec::new());
        while arrivals.due().is_some() {
            let mut bytes = Vec::new();
            arrivals.write(&mut bytes, 1, now);
            assert!(bytes.len().is_multiple_of(4) && bytes.len() <= LONGEST, "{} bytes", bytes.len());
            for part in parts(&bytes) {
                assert_eq!((part.kind, part.count), (TRANSPORT_FEEDBACK, TRANSPORT_WIDE));
                assert_eq!(part.body[..8], [0, 0, 0, 1, 0, 0, 0, 2]);
                let feedback = Feedback::parse(&part.body[8..]).expect("feedback");
                heads.push((feedback.base(), feedback.count(), feedback.number()));
                for (offset, at) in feedback.packets().enumerate() {
                    let at = at.map(|at| i64::from(feedback.reference()) * 64_000 + at);
                    packets.push((feedback.base().wrapping_add(offset as u16), at));
                }
            }
        }
        (heads, packets)
    }

    #[test]
    fn a_feedback_is_as_the_draft_has_it() {
        let began = Instant::now();
        let mut arrivals = Arrivals::new(began);
        for (number, ticks) in [(10, 300), (11, 301), (14, 900), (15, 901)] {
            arrivals.note(number, 2, began + TICK * ticks);
        }
        let mut bytes = Vec::new();
        arrivals.write(&mut bytes, 1, began);
        let expected = [
            &[0xaf, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2][..],
            &[0, 10, 0, 6, 0, 0, 1, 0],
            // Six packets of two bits each: small, small, lost, lost, large, small.
            &[0b1101_0100, 0b0010_0100],
            &[44, 1, 0x02, 0x57, 1],
            &[1], // byte of padding
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn it_is_told_ten_times_a_second_and_what_was_lost_is_told_once() {
        let began = Instant::now();
        let mut arrivals = Arrivals::new(began);
        assert_eq!(arrivals.due(), None);
        arrivals.note(65_534, 2, began);
        assert_eq!(arrivals.due(), Some(began));
        assert_eq!(told(&mut arrivals, began).0, [(65_534, 1, 0)]);
        arrivals.note(0, 2, began + MILLISECOND);
        arrivals.note(1, 2, began + MILLISECOND);
        assert_eq!(arrivals.due(), Some(began + INTERVAL));
        let (heads, packets) = told(&mut arrivals, began + INTERVAL);
        assert_eq!(heads, [(65_535, 3, 1)]);
        assert_eq!(packets, [(65_535, None), (0, Some(1000)), (1, Some(1000))]);
        arrivals.note(65_535, 2, began + INTERVAL);
        let (heads, packets) = told(&mut arrivals, began + 2 * INTERVAL);
        assert_eq!((heads, packets), (vec![(65_535, 1, 2)], vec![(65_535, Some(100_000))]), "it came after all");
    }

    #[test]
    fn a_regular_stream_takes_few_bytes() {
        let began = Instant::now();
        let mut arrivals = Arrivals::new(began);
        for number in 0..100 {
            arrivals.note(number, 2, began + MILLISECOND * u32::from(number));
        }
        let mut bytes = Vec::new();
        arrivals.write(&mut bytes, 1, began);
        assert_eq!(bytes.len(), (20usize + 2 + 100).next_multiple_of(4));
    }

    #[test]
    fn long_gaps_are_more_than_one_feedback() {
        let began = Instant::now();
        let mut arrivals = Arrivals::new(began);
        for step in 0..20u16 {
            arrivals.note(step.wrapping_mul(8000), 2, began + MILLISECOND * u32::from(step));
        }
        let (heads, packets) = told(&mut arrivals, began);
        assert!(heads.len() > 2 && heads.iter().all(|(_, count, _)| *count > 0), "{heads:?}");
        assert_eq!(packets.len(), 19 * 8000 + 1);
        assert_eq!(packets.iter().filter(|(_, at)| at.is_some()).count(), 20);
    }

    #[test]
    fn a_number_that_comes_twice_counts_once_and_one_that_begins_anew_is_told() {
        let began = Instant::now();
        let mut arrivals = Arrivals::new(began);
        for number in [40_000, 40_000, 40_001] {
            arrivals.note(number, 2, began);
        }
        assert_eq!(told(&mut arrivals, began).0, [(40_000, 2, 0)]);
        arrivals.note(40_000, 2, began);
        assert_eq!(arrivals.due(), None);
        arrivals.note(20_000, 2, began);
        arrivals.note(20_001, 2, began);
        assert_eq!(told(&mut arrivals, began).0, [(20_000, 2, 1)]);
    }

    #[test]
    fn a_flood_and_wild_numbers_stay_small() {
        let began = Instant::now();
        let mut arrivals = Arrivals::new(began);
        for step in 0..100_000u32 {
            arrivals.note((step * 7919) as u16, 2, began + MILLISECOND);
        }
        assert!(arrivals.waiting.len() <= MOST_WAITING && arrivals.waiting.capacity() <= 2 * MOST_WAITING);
        let (_, packets) = told(&mut arrivals, began + MILLISECOND);
        let came = packets.iter().filter(|(_, at)| at.is_some()).count();
        assert!(came <= MOST_WAITING, "{came} of {}", packets.len());
        assert!(arrivals.due().is_none());
    }

    proptest! {
        #[test]
        fn what_came_is_told_with_its_time_and_nothing_else(
            first in any::<u16>(),
            steps in proptest::collection::vec(
                (prop_oneof![12 => Just(1i64), 3 => 2i64..5, 3 => -30i64..1, 1 => 5i64..9000],
                 prop_oneof![8 => 0u64..3000, 1 => 0u64..20_000_000]),
                1..400),
            feedbacks in 1usize..60,
        ) {
            let began = Instant::now();
            let mut arrivals = Arrivals::new(began);
            let (mut now, mut number) = (began, i64::from(first) + 65_536);
            let mut expected = BTreeMap::new();
            let mut heard: Vec<(u16, Option<i64>)> = Vec::new();
            for (index, (step, pause)) in steps.into_iter().enumerate() {
                number += step;
                now += Duration::from_micros(pause);
                arrivals.note(number as u16, 2, now);
                expected.entry(number).or_insert(now.duration_since(began).as_micros() as i64);
                if index % feedbacks == 0 {
                    heard.extend(told(&mut arrivals, now).1);
                }
            }
            let (heads, rest) = told(&mut arrivals, now);
            heard.extend(rest);
            prop_assert!(heads.iter().all(|(_, count, _)| *count > 0));
            let came: Vec<(u16, i64)> = heard.iter().filter_map(|(number, at)| Some((*number, (*at)?))).collect();
            prop_assert_eq!(came.len(), expected.len());
            for (number, at) in &expected {
                let told = came.iter().filter(|(told, when)| *told == *number as u16 && (*when - at).abs() < 64_000 * 2);
                prop_assert!(told.clone().any(|(_, when)| (0..250).contains(&(at - when))), "{} at {}", number, at);
            }
        }
    }
}
