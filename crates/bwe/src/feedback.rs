//! Transport-wide feedback, read in place.
//!
//! The FCI of draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1: which packets from a base sequence number on
//! came, and when. Checked once as a whole; after that, reading it cannot fail.

use std::fmt;

/// Base sequence number, count, reference time, number of the feedback.
const HEADER: usize = 8;
/// Of the reference time, in microseconds.
const REFERENCE_UNIT: i64 = 64_000;
/// Of a delta, in microseconds.
const DELTA_UNIT: i64 = 250;

/// One feedback message's FCI: what follows the SSRCs in an RTCP packet of type 205, format 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feedback<'a> {
    base: u16,
    count: u16,
    reference: u32,
    number: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// Why bytes are no feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Not even the header is there.
    Short,
    /// It tells of no packet.
    Empty,
    /// The chunks end before all packets were told of.
    Chunks,
    /// A delta of a received packet is missing.
    Deltas,
    /// A status that the draft reserves.
    Reserved,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "transport-wide feedback shorter than its header",
            Self::Empty => "transport-wide feedback about no packet",
            Self::Chunks => "transport-wide feedback whose chunks tell of fewer packets than its header",
            Self::Deltas => "transport-wide feedback without the arrival time of a received packet",
            Self::Reserved => "transport-wide feedback with a reserved packet status",
        })
    }
}

impl std::error::Error for Malformed {}

impl<'a> Feedback<'a> {
    /// Reads an FCI. What follows the last delta is padding.
    pub fn parse(fci: &'a [u8]) -> Result<Self, Malformed> {
        let Some((&[b0, b1, c0, c1, r0, r1, r2, number], rest)) = fci.split_first_chunk::<HEADER>() else {
            return Err(Malformed::Short);
        };
        let (base, count) = (u16::from_be_bytes([b0, b1]), u16::from_be_bytes([c0, c1]));
        if count == 0 {
            return Err(Malformed::Empty);
        }
        let (mut told, mut deltas, mut chunks) = (0usize, 0usize, 0usize);
        while told < usize::from(count) {
            let Some(&[high, low]) = rest.get(chunks..chunks + 2) else { return Err(Malformed::Chunks) };
            let chunk = Chunk(u16::from_be_bytes([high, low]));
            chunks += 2;
            let length = chunk.length().min(usize::from(count) - told);
            deltas += chunk.delta_bytes(length)?;
            told += length;
        }
        let deltas = rest.get(chunks..chunks + deltas).ok_or(Malformed::Deltas)?;
        let reference = u32::from_be_bytes([0, r0, r1, r2]);
        Ok(Self { base, count, reference, number, chunks: &rest[..chunks], deltas })
    }

    /// The sequence number of the first packet that it tells of.
    pub fn base(&self) -> u16 {
        self.base
    }

    /// Of how many packets it tells.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// Where its arrival times begin: 24 bits in units of 64 ms.
    pub fn reference(&self) -> u32 {
        self.reference
    }

    /// Which feedback of the receiver it is, modulo 256.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// For each packet from the base on: when it arrived, in microseconds from the reference time, or nothing.
    pub fn packets(&self) -> Packets<'a> {
        Packets {
            chunks: self.chunks,
            deltas: self.deltas,
            left: self.count,
            chunk: Chunk(0),
            index: 0,
            length: 0,
            at: 0,
        }
    }

    /// The signed distance from another feedback's reference time to this one's, in microseconds.
    pub(crate) fn micros_since(&self, reference: u32) -> i64 {
        let steps = (self.reference.wrapping_sub(reference) << 8) as i32 >> 8;
        i64::from(steps) * REFERENCE_UNIT
    }
}

/// A packet status chunk (sections 3.1.3 and 3.1.4).
#[derive(Debug, Clone, Copy)]
struct Chunk(u16);

const LOST: u16 = 0;
const SMALL: u16 = 1;
const LARGE: u16 = 2;

impl Chunk {
    fn is_run(self) -> bool {
        self.0 & 0x8000 == 0
    }

    fn has_two_bits(self) -> bool {
        self.0 & 0x4000 != 0
    }

    fn length(self) -> usize {
        match (self.is_run(), self.has_two_bits()) {
            (true, _) => usize::from(self.0 & 0x1fff),
            (false, true) => 7,
            (false, false) => 14,
        }
    }

    fn status(self, index: usize) -> u16 {
        match (self.is_run(), self.has_two_bits()) {
            (true, _) => self.0 >> 13 & 3,
            (false, true) => self.0 >> (12 - 2 * index) & 3,
            (false, false) => self.0 >> (13 - index) & 1,
        }
    }

    /// Of the first `length` packets.
    fn delta_bytes(self, length: usize) -> Result<usize, Malformed> {
        let bytes = |status| match status {
            LOST => Ok(0),
            SMALL => Ok(1),
            LARGE => Ok(2),
            _ => Err(Malformed::Reserved),
        };
        if self.is_run() {
            return Ok(bytes(self.status(0))? * length);
        }
        (0..length).try_fold(0, |sum, index| Ok(sum + bytes(self.status(index))?))
    }
}

/// What [`Feedback::packets`] returns.
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    chunks: &'a [u8],
    deltas: &'a [u8],
    left: u16,
    chunk: Chunk,
    index: usize,
    length: usize,
    at: i64,
}

impl Iterator for Packets<'_> {
    type Item = Option<i64>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // Chunks of no packets may be there, too.
        while self.index == self.length {
            let (&[high, low], rest) = self.chunks.split_first_chunk()?;
            (self.chunks, self.chunk, self.index) = (rest, Chunk(u16::from_be_bytes([high, low])), 0);
            self.length = self.chunk.length();
        }
        let status = self.chunk.status(self.index);
        self.index += 1;
        let steps = match status {
            SMALL => {
                let (&[delta], rest) = self.deltas.split_first_chunk()?;
                self.deltas = rest;
                i64::from(delta)
            }
            LARGE => {
                let (&delta, rest) = self.deltas.split_first_chunk()?;
                self.deltas = rest;
                i64::from(i16::from_be_bytes(delta))
            }
            _ => return Some(None),
        };
        self.at += steps * DELTA_UNIT;
        Some(Some(self.at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(base: u16, count: u16, reference: u32) -> Vec<u8> {
        let mut bytes = [base.to_be_bytes(), count.to_be_bytes()].concat();
        bytes.extend(&reference.to_be_bytes()[1..]);
        bytes.push(7);
        bytes
    }

    #[test]
    fn every_kind_of_chunk_is_read() {
        let mut bytes = header(0xfffe, 2 + 14 + 7 + 3, 0x00ff_ffff);
        // Two small ones; one bit each, the first and the last; two bits each, small, large, lost …; lost to the end.
        for chunk in [0x2002u16, 0xa001, 0xc000 | SMALL << 12 | LARGE << 10, 0x0003] {
            bytes.extend(chunk.to_be_bytes());
        }
        bytes.extend([4, 0, 8, 255, 1]);
        bytes.extend((-2i16).to_be_bytes());
        bytes.extend([0, 0]);
        let feedback = Feedback::parse(&bytes).expect("well-formed");
        assert_eq!((feedback.base(), feedback.count(), feedback.number()), (0xfffe, 26, 7));
        let packets: Vec<_> = feedback.packets().collect();
        assert_eq!(packets.len(), 26);
        let came: Vec<_> = packets.iter().enumerate().filter_map(|(i, at)| Some((i, (*at)?))).collect();
        assert_eq!(came, [(0, 1000), (1, 1000), (2, 3000), (15, 66_750), (16, 67_000), (17, 66_500)]);
        assert_eq!(feedback.micros_since(0), -REFERENCE_UNIT, "24 bits wrap");
        assert_eq!(feedback.micros_since(0x00ff_fffd), 2 * REFERENCE_UNIT);
    }

    #[test]
    fn what_is_not_whole_is_refused_by_name() {
        let with = |count, chunk: u16, deltas: &[u8]| {
            [header(0, count, 0), chunk.to_be_bytes().to_vec(), deltas.into()].concat()
        };
        let refused = |bytes: &[u8]| Feedback::parse(bytes).expect_err("malformed");
        assert_eq!(refused(&[0; 7]), Malformed::Short);
        assert_eq!(refused(&header(0, 0, 0)), Malformed::Empty);
        assert_eq!(refused(&with(3, 0x0002, &[])), Malformed::Chunks);
        assert_eq!(refused(&with(2, 0x2002, &[1])), Malformed::Deltas);
        assert_eq!(refused(&with(1, 0x6001, &[1, 1])), Malformed::Reserved);
        assert!(Feedback::parse(&with(1, 0xffff, &[1, 1])).is_err_and(|error| error == Malformed::Reserved));
        assert!(Feedback::parse(&with(1, 0xbfff, &[1])).is_ok(), "what is behind the count does not count");
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read_to_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(feedback) = Feedback::parse(&bytes) {
                prop_assert_eq!(feedback.packets().count(), usize::from(feedback.count()));
            }
        }
    }
}
