//! Makes one continuous stream of what a subscriber gets: layers change, frames are left out, sources come and go, and
//! the receiver sees one sequence without holes, one clock that runs forward and one row of VP8 pictures.
//!
//! Holes that the network made stay holes: the subscriber asks for what is missing, and the packet is sent when the
//! publisher's retransmission arrives.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

use visavis_egress::Patch;

/// How many left-out numbers are remembered; older packets than those are too late for anyone.
const REMEMBERED: usize = 256;

/// Extended sequence numbers of one stream are smaller than two to the power of this. Above is how often its encoding began anew
/// with another stream: numbers of all of them grow.
const NUMBER_BITS: u32 = 48;

/// A number of the stream that its encoding has begun anew with so often.
pub(crate) fn number_in(stream: u64, number: u64) -> u64 {
    stream << NUMBER_BITS | number
}

/// Which stream of its encoding a number belongs to.
pub(crate) fn stream_of(number: u64) -> u64 {
    number >> NUMBER_BITS
}

/// Maps a growing number with gaps left on purpose onto one without.
#[derive(Debug, Clone, Default)]
struct Numbers {
    offset: i64,
    /// Input before this belongs to an earlier source, or is too old.
    floor: u64,
    /// Input numbers left out, ascending.
    left_out: VecDeque<u64>,
    /// The highest input that was mapped.
    highest_in: u64,
    highest_out: Option<u64>,
}

impl Numbers {
    /// From `input` on, numbers go on after the highest told so far, or at `first`.
    fn restart(&mut self, input: u64, first: u64) {
        let output = self.highest_out.map_or(first, |highest| highest + 1);
        *self = Self {
            offset: output as i64 - input as i64,
            floor: input,
            ..Self { highest_out: self.highest_out, ..Self::default() }
        };
    }

    fn map(&mut self, input: u64) -> Option<u64> {
        if input < self.floor {
            return None;
        }
        let before = self.left_out.binary_search(&input).err()?;
        let output = (input as i64 + self.offset - before as i64) as u64;
        self.highest_in = self.highest_in.max(input);
        self.highest_out = self.highest_out.max(Some(output));
        Some(output)
    }

    /// A number after the highest told, for what has no input. The next input must be a restart's.
    fn next(&mut self) -> Option<u64> {
        let next = self.highest_out? + 1;
        self.highest_out = Some(next);
        Some(next)
    }

    /// Leaves `input` out: what follows moves up. But if that has been mapped already, its place stays: then that is
    /// what is returned.
    fn leave_out(&mut self, input: u64) -> Option<u64> {
        if input <= self.highest_in {
            return self.map(input);
        }
        let at = self.left_out.binary_search(&input).err()?;
        self.left_out.insert(at, input);
        if self.left_out.len() > REMEMBERED
            && let Some(oldest) = self.left_out.pop_front()
        {
            self.offset -= 1;
            self.floor = self.floor.max(oldest + 1);
        }
        None
    }
}

/// A picture id or layer 0 index of few bits, counted on without wrapping.
#[derive(Debug, Clone, Copy, Default)]
struct Unwrapped {
    last: Option<u64>,
}

impl Unwrapped {
    fn extend(&mut self, value: u64, bits: u32) -> u64 {
        let range = 1u64 << bits;
        let Some(last) = self.last else {
            // One range up, so that what came just before does not fall below zero.
            let extended = range + value;
            self.last = Some(extended);
            return extended;
        };
        let base = last - last % range + value;
        let nearest = [base.wrapping_sub(range), base, base + range]
            .into_iter()
            .min_by_key(|candidate| candidate.abs_diff(last))
            .unwrap_or(base);
        self.last = Some(last.max(nearest));
        nearest
    }
}

/// Where VP8's descriptor has its picture id.
const PICTURE_ID: usize = 2;

/// One packet of the source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    /// Extended sequence number.
    pub sequence: u64,
    pub timestamp: u32,
    pub payload: &'a [u8],
    /// The payload has a VP8 descriptor.
    pub vp8: bool,
    pub arrival: Instant,
}

/// What to write on the packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rewritten {
    pub sequence: u64,
    pub timestamp: u32,
    pub patch: Option<Patch>,
}

/// A frame of the server's own: which numbers are next, and VP8's descriptor with them, if the stream is VP8.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inserted {
    pub sequence: u64,
    pub timestamp: u32,
    pub descriptor: Vec<u8>,
}

/// The state of one outgoing stream (SSRC). It outlives the tracks that pass through it.
#[derive(Debug, Default)]
pub(crate) struct Rewriter {
    sequences: Numbers,
    pictures: Numbers,
    picture_id: Unwrapped,
    tl0: Unwrapped,
    tl0_offset: i64,
    highest_tl0: Option<u64>,
    /// Of VP8: how many bits its picture ids have; `None`: none.
    picture_bits: Option<u32>,
    timestamp_offset: u32,
    last: Option<(u32, Instant)>,
}

impl Rewriter {
    /// A new source (or layer, or the same after a pause) begins with `input`; its clock runs at `clock_rate`.
    pub(crate) fn restart(&mut self, input: &Input<'_>, clock_rate: u32) {
        self.sequences.restart(input.sequence, 1);
        self.timestamp_offset = match self.last {
            Some(last) => {
                later(last, input.arrival, Duration::from_millis(1), clock_rate).wrapping_sub(input.timestamp)
            }
            None => 0,
        };
        let numbers = input.vp8.then(|| vp8_numbers(input.payload)).flatten();
        self.picture_bits = numbers.map(|(_, bits, _)| bits);
        let Some((picture_id, bits, tl0)) = numbers else { return };
        (self.picture_id, self.tl0) = (Unwrapped::default(), Unwrapped::default());
        let picture = self.picture_id.extend(picture_id, bits);
        self.pictures.restart(picture, 1);
        if let Some(tl0) = tl0 {
            let first = self.tl0.extend(tl0, 8);
            self.tl0_offset = self.highest_tl0.map_or(0, |highest| highest as i64 + 1) - first as i64;
        }
    }

    /// Reads what [`Self::rewrite`] will, to have it in the processor's cache.
    pub(crate) fn look(&self) {
        black_box(self.sequences.offset);
        black_box(self.pictures.offset);
        black_box(self.tl0_offset);
        black_box(self.timestamp_offset);
    }

    /// Whether a packet of this number is of a stream that began after the one that it was restarted with.
    pub(crate) fn is_before(&self, sequence: u64) -> bool {
        stream_of(self.sequences.floor) < stream_of(sequence)
    }

    /// Whether something has been sent that came after `at`.
    pub(crate) fn has_sent_since(&self, at: Instant) -> bool {
        self.last.is_some_and(|(_, last)| last > at)
    }

    /// Leaves a packet out (of a layer that is not wanted). Where it should have been there is a hole if what followed it
    /// came first: what is returned fills it, with an empty packet.
    pub(crate) fn leave_out(&mut self, input: &Input<'_>) -> Option<Rewritten> {
        let hole = self.sequences.leave_out(input.sequence);
        if let Some((picture_id, bits, _)) = input.vp8.then(|| vp8_numbers(input.payload)).flatten() {
            let picture = self.picture_id.extend(picture_id, bits);
            self.pictures.leave_out(picture);
        }
        let timestamp = input.timestamp.wrapping_add(self.timestamp_offset);
        hole.map(|sequence| Rewritten { sequence, timestamp, patch: None })
    }

    /// What to write on this packet; `None` if it is from before the last restart.
    pub(crate) fn rewrite(&mut self, input: &Input<'_>) -> Option<Rewritten> {
        let sequence = self.sequences.map(input.sequence)?;
        let timestamp = input.timestamp.wrapping_add(self.timestamp_offset);
        if self.last.is_none_or(|(last, _)| timestamp.wrapping_sub(last) < 1 << 31) {
            self.last = Some((timestamp, input.arrival));
        }
        let patch = if input.vp8 { self.patch(input.payload) } else { None };
        Some(Rewritten { sequence, timestamp, patch })
    }

    /// Makes room for a frame of one packet that no source sent, at least `apart` from the frame before; what comes from a
    /// source after that has to begin with a restart. `None` if nothing was sent yet.
    pub(crate) fn insert(&mut self, now: Instant, apart: Duration, vp8: bool, clock_rate: u32) -> Option<Inserted> {
        let timestamp = later(self.last?, now, apart, clock_rate);
        let sequence = self.sequences.next()?;
        self.last = Some((timestamp, now));
        let descriptor = if vp8 { self.descriptor() } else { Vec::new() };
        Some(Inserted { sequence, timestamp, descriptor })
    }

    /// Of VP8 (RFC 7741 section 4.2): a whole frame in one packet, in the lowest temporal layer.
    fn descriptor(&mut self) -> Vec<u8> {
        const START: u8 = 0x10;
        let Some((bits, picture)) = self.picture_bits.zip(self.pictures.next()) else { return vec![START] };
        let tl0 = self.highest_tl0.as_mut().map(|highest| {
            *highest += 1;
            *highest as u8
        });
        let mut bytes = vec![0x80 | START, 0x80 | if tl0.is_some() { 0x60 } else { 0 }];
        if bits > 7 {
            bytes.extend((0x8000 | (picture % (1 << bits)) as u16).to_be_bytes());
        } else {
            bytes.push((picture % (1 << bits)) as u8);
        }
        bytes.extend(tl0.into_iter().flat_map(|tl0| [tl0, 0x20]));
        bytes
    }

    fn patch(&mut self, payload: &[u8]) -> Option<Patch> {
        let (picture_id, bits, tl0) = vp8_numbers(payload)?;
        let picture = self.picture_id.extend(picture_id, bits);
        let id = self.pictures.map(picture)? % (1 << bits);
        let mut patch = Patch::default();
        if bits > 7 {
            patch.push(PICTURE_ID, 0x80 | (id >> 8) as u8);
            patch.push(PICTURE_ID + 1, id as u8);
        } else {
            patch.push(PICTURE_ID, id as u8);
        }
        if let Some(tl0) = tl0 {
            let output = (self.tl0.extend(tl0, 8) as i64 + self.tl0_offset).max(0) as u64;
            self.highest_tl0 = self.highest_tl0.max(Some(output));
            patch.push(PICTURE_ID + if bits > 7 { 2 } else { 1 }, output as u8);
        }
        Some(patch)
    }
}

/// The timestamp of what comes `now`, at least `apart` from what was sent last.
fn later((timestamp, at): (u32, Instant), now: Instant, apart: Duration, clock_rate: u32) -> u32 {
    let elapsed = now.saturating_duration_since(at).max(apart);
    timestamp.wrapping_add(((elapsed.as_secs_f64() * f64::from(clock_rate)) as u32).max(1))
}

/// Picture id, its bits, and TL0PICIDX of a VP8 payload descriptor (RFC 7741 section 4.2).
fn vp8_numbers(payload: &[u8]) -> Option<(u64, u32, Option<u64>)> {
    let (&first, &flags) = (payload.first()?, payload.get(1)?);
    if first & 0x80 == 0 || flags & 0x80 == 0 {
        return None;
    }
    let high = *payload.get(2)?;
    let (picture_id, bits, next) = if high & 0x80 != 0 {
        (u64::from(high & 0x7f) << 8 | u64::from(*payload.get(3)?), 15, 4)
    } else {
        (u64::from(high), 7, 3)
    };
    let tl0 = if flags & 0x40 != 0 { Some(u64::from(*payload.get(next)?)) } else { None };
    Some((picture_id, bits, tl0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn input(sequence: u64, timestamp: u32, arrival: Instant) -> Input<'static> {
        Input { sequence, timestamp, payload: &[], vp8: false, arrival }
    }

    #[test]
    fn a_switch_goes_on_in_numbers_and_time() {
        let start = Instant::now();
        let mut rewriter = Rewriter::default();
        rewriter.restart(&input(5000, 90_000, start), 90_000);
        assert_eq!(rewriter.rewrite(&input(5000, 90_000, start)).unwrap().sequence, 1);
        let last = rewriter.rewrite(&input(5001, 93_000, start)).unwrap();
        let later = start + Duration::from_millis(100);
        rewriter.restart(&input(70_000, 7, later), 90_000);
        let next = rewriter.rewrite(&input(70_000, 7, later)).unwrap();
        assert_eq!((next.sequence, next.timestamp), (last.sequence + 1, last.timestamp + 9000));
        assert_eq!(rewriter.rewrite(&input(5002, 96_000, later)), None, "late, from the old layer");
    }

    #[test]
    fn a_late_packet_fills_its_own_hole() {
        let now = Instant::now();
        let mut rewriter = Rewriter::default();
        rewriter.restart(&input(10, 0, now), 90_000);
        let mut sequence = |s| rewriter.rewrite(&input(s, 0, now)).map(|r| r.sequence);
        assert_eq!([sequence(10), sequence(12), sequence(11)], [Some(1), Some(3), Some(2)]);
    }

    #[test]
    fn what_is_inserted_goes_on_in_numbers_and_time_and_what_follows_it_too() {
        const TICK: Duration = Duration::from_millis(20);
        let start = Instant::now();
        let mut rewriter = Rewriter::default();
        assert_eq!(rewriter.insert(start, TICK, true, 90_000), None, "nothing was sent that it could follow");
        let (before, after) = ([0x90, 0xe0, 0x80, 9, 7, 0x20, 0], [0x90, 0xe0, 0x80, 30, 7, 0x20, 0]);
        let packet = |sequence, payload, arrival| Input { sequence, timestamp: 900, payload, vp8: true, arrival };
        rewriter.restart(&packet(50, &before, start), 90_000);
        let first = rewriter.rewrite(&packet(50, &before, start)).unwrap();
        let inserted = rewriter.insert(start, TICK, true, 90_000).unwrap();
        assert_eq!((inserted.sequence, inserted.timestamp), (first.sequence + 1, first.timestamp + 1800));
        assert_eq!(inserted.descriptor, [0x90, 0xe0, 0x80, 2, 1, 0x20]);
        let next = rewriter.insert(start + 2 * TICK, TICK, true, 90_000).unwrap();
        assert_eq!((next.sequence, next.timestamp), (inserted.sequence + 1, inserted.timestamp + 3600));
        rewriter.restart(&packet(90, &after, start + 3 * TICK), 90_000);
        let resumed = rewriter.rewrite(&packet(90, &after, start + 3 * TICK)).unwrap();
        assert_eq!((resumed.sequence, resumed.timestamp), (next.sequence + 1, next.timestamp + 1800));
        assert_eq!((rewriter.pictures.highest_out, rewriter.highest_tl0), (Some(4), Some(3)));
    }

    #[test]
    fn a_frame_is_inserted_without_picture_ids_where_there_were_none() {
        let now = Instant::now();
        let mut rewriter = Rewriter::default();
        let packet = Input { vp8: true, payload: &[0x10, 0], ..input(1, 0, now) };
        rewriter.restart(&packet, 90_000);
        rewriter.rewrite(&packet).unwrap();
        assert_eq!(rewriter.insert(now, Duration::ZERO, true, 90_000).unwrap().descriptor, [0x10]);
        assert!(rewriter.insert(now, Duration::ZERO, false, 90_000).unwrap().descriptor.is_empty());
    }

    proptest! {
        #[test]
        fn what_is_left_out_leaves_no_hole_and_order_of_arrival_does_not_matter(
            kept in proptest::collection::vec(any::<bool>(), 1..300), swaps in proptest::collection::vec(0usize..300, 0..50)
        ) {
            let mut numbers = Numbers::default();
            numbers.restart(1000, 1);
            let mut order: Vec<usize> = (0..kept.len()).collect();
            for swap in swaps {
                if swap + 1 < order.len() { order.swap(swap, swap + 1); }
            }
            let pass = |index: usize| if kept[index] { numbers.map(1000 + index as u64) } else { numbers.leave_out(1000 + index as u64) };
            let mut outputs: Vec<u64> = order.into_iter().filter_map(pass).collect();
            outputs.sort_unstable();
            prop_assert!(outputs.iter().enumerate().all(|(index, output)| *output == 1 + index as u64), "{outputs:?}");
        }

        #[test]
        fn picture_ids_count_on_through_wraps_and_switches(starts in proptest::collection::vec(0u16..0x8000, 1..6)) {
            let now = Instant::now();
            let mut rewriter = Rewriter::default();
            let mut sequence = 0;
            let mut told = 0;
            for start in starts {
                for step in 0..40u16 {
                    let picture = (start + step) & 0x7fff;
                    let [high, low] = (0x8000 | picture).to_be_bytes();
                    let payload = [0x90, 0xe0, high, low, step as u8, 0, 0];
                    sequence += 1;
                    let packet = Input { sequence, timestamp: 0, payload: &payload, vp8: true, arrival: now };
                    if step == 0 { rewriter.restart(&packet, 90_000); }
                    rewriter.rewrite(&packet).expect("in order");
                    told += 1;
                    prop_assert_eq!(rewriter.pictures.highest_out, Some(told));
                    prop_assert_eq!(rewriter.highest_tl0, Some(told - 1));
                }
            }
        }
    }
}
