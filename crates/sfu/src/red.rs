//! Redundant audio (RFC 2198): packets of Opus that carry the ones before them, for receivers that take them and for
//! those that do not. The former get them as they are; the latter the Opus inside, and what was lost on the way here
//! from the packets that came after it.

use std::sync::Arc;

use str0m::format::PayloadParams;
use str0m::media::Pt;

use crate::bitstream::Codec;
use crate::downtrack::Packet;

/// How many of a packet's redundant blocks are looked at, newest first. Browsers send one, LiveKit two.
const MAX_RECOVERED: usize = 8;

/// With which payload type a receiver takes a track's redundant audio as it is; `None`: it does not.
///
/// The blocks inside name the publisher's payload type for Opus, so the receiver must have the same. All that LiveKit's
/// clients negotiate have.
pub(crate) fn taken_as_is(track: &PayloadParams, receiver: &PayloadParams) -> Option<Pt> {
    receiver.red().filter(|_| receiver.pt() == track.pt())
}

/// Makes Opus of one track's redundant packets.
#[derive(Debug, Default)]
pub(crate) struct Unpacker {
    /// The newest packet so far: its sequence number and timestamp.
    newest: Option<(u64, u32)>,
    /// Which of the 64 packets before it came or were recovered; the lowest bit is the one just before.
    known: u64,
    unpacked: Vec<Packet>,
}

/// A block of a redundant packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block<'a> {
    pt: u8,
    /// How far it is before the packet's timestamp.
    offset: u32,
    payload: &'a [u8],
}

impl Unpacker {
    /// Takes the Opus out of `packet` that did not come before; nothing if it is malformed.
    pub(crate) fn unpack(&mut self, packet: &Packet, codec: Codec, opus: Pt) {
        self.unpacked.clear();
        if codec != Codec::Red {
            if self.take_note(packet.sequence, packet.timestamp) {
                self.unpacked.push(packet.clone());
            }
            return;
        }
        let before = self.newest;
        let Some((primary, redundant)) = read(&packet.payload).filter(|(primary, _)| primary.pt == *opus) else {
            return;
        };
        let is_new = self.take_note(packet.sequence, packet.timestamp);
        for (distance, block) in (1..).zip(redundant.take(MAX_RECOVERED)) {
            let Some(sequence) = packet.sequence.checked_sub(distance) else { break };
            let timestamp = packet.timestamp.wrapping_sub(block.offset);
            // Where it belongs follows from its place alone. A sender with another pattern betrays itself in time.
            let fits = before.is_some_and(|before| in_order((sequence, timestamp), before));
            if block.pt == *opus && block.offset > 0 && fits && self.take_note(sequence, timestamp) {
                let payload = Arc::from(block.payload);
                let recovered =
                    Packet { sequence, timestamp, marker: false, payload, capture_time: None, ..Packet::default() };
                self.unpacked.push(recovered);
            }
        }
        self.unpacked.reverse();
        if is_new {
            self.unpacked.push(Packet { payload: Arc::from(primary.payload), ..packet.clone() });
        }
    }

    /// What came out of the last packet, oldest first.
    pub(crate) fn unpacked(&self) -> &[Packet] {
        &self.unpacked
    }

    /// True if this packet is not known yet.
    fn take_note(&mut self, sequence: u64, timestamp: u32) -> bool {
        let Some((newest, _)) = self.newest else {
            // What was before the first one was not for us.
            (self.newest, self.known) = (Some((sequence, timestamp)), u64::MAX);
            return true;
        };
        if sequence > newest {
            let step = u32::try_from(sequence - newest).unwrap_or(u32::MAX);
            self.known = self.known.checked_shl(step).unwrap_or(0) | 1u64.checked_shl(step - 1).unwrap_or(0);
            self.newest = Some((sequence, timestamp));
            return true;
        }
        let Some(bit) = (newest - sequence).checked_sub(1).filter(|bit| *bit < 64) else { return false };
        let bit = 1 << bit;
        let is_new = self.known & bit == 0;
        self.known |= bit;
        is_new
    }
}

/// Whether one packet (sequence number, timestamp) is on the same side of the other in both.
fn in_order(one: (u64, u32), other: (u64, u32)) -> bool {
    let later = one.1 != other.1 && one.1.wrapping_sub(other.1) < 1 << 31;
    one.0 != other.0 && (one.0 > other.0) == later
}

/// The primary block, and the redundant ones, newest first.
fn read(payload: &[u8]) -> Option<(Block<'_>, impl Iterator<Item = Block<'_>>)> {
    let mut headers = 0;
    let mut length = 0;
    while payload.get(headers)? & 0x80 != 0 {
        length += header(payload.get(headers..headers + 4)?).2;
        headers += 4;
    }
    let data = &payload[headers + 1..];
    let primary = Block { pt: payload[headers], offset: 0, payload: data.get(length..)? };
    let mut end = length;
    let redundant = payload[..headers].rchunks_exact(4).map(move |bytes| {
        let (pt, offset, length) = header(bytes);
        let start = end - length;
        Block { pt, offset, payload: &data[start..std::mem::replace(&mut end, start)] }
    });
    Some((primary, redundant))
}

/// Payload type, timestamp offset and length of a redundant block (RFC 2198 section 3).
fn header(bytes: &[u8]) -> (u8, u32, usize) {
    let offset = u32::from(bytes[1]) << 6 | u32::from(bytes[2]) >> 2;
    (bytes[0] & 0x7f, offset, usize::from(bytes[2] & 0x03) << 8 | usize::from(bytes[3]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPUS: u8 = 111;

    /// A packet as the sender's number `sequence`, with its redundant blocks, oldest first.
    fn redundant(sequence: u64, distances: &[u64]) -> Packet {
        let mut payload = Vec::new();
        for distance in distances {
            let (offset, length) = (*distance as u32 * 960, 2u32);
            payload.push(0x80 | OPUS);
            payload.extend([(offset >> 6) as u8, (offset << 2) as u8 | (length >> 8) as u8, length as u8]);
        }
        payload.push(OPUS);
        for distance in distances.iter().chain([&0]) {
            payload.extend([0xfc, (sequence - distance) as u8]);
        }
        plain(sequence, &payload)
    }

    fn plain(sequence: u64, payload: &[u8]) -> Packet {
        let timestamp = (sequence as u32).wrapping_mul(960).wrapping_add(u32::MAX - 10_000);
        Packet { sequence, timestamp, marker: true, payload: payload.into(), ..Packet::default() }
    }

    /// What a receiver gets of these packets; each must be as it was before it was wrapped.
    fn unpacked(packets: &[Packet]) -> Vec<u64> {
        let mut unpacker = Unpacker::default();
        let mut out = Vec::new();
        for packet in packets {
            unpacker.unpack(packet, Codec::Red, OPUS.into());
            for opus in unpacker.unpacked() {
                assert_eq!(&opus.payload[..], [0xfc, opus.sequence as u8]);
                assert_eq!(opus.timestamp, plain(opus.sequence, &[]).timestamp);
                out.push(opus.sequence);
            }
        }
        out
    }

    #[test]
    fn nothing_comes_twice_when_nothing_is_lost() {
        let packets: Vec<Packet> = (10..20).map(|sequence| redundant(sequence, &[2, 1])).collect();
        assert_eq!(unpacked(&packets), (10..20).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_lost_is_recovered_in_order() {
        let one = |sequence| redundant(sequence, &[1]);
        assert_eq!(unpacked(&[one(10), one(12), one(13)]), [10, 11, 12, 13]);
        let two = |sequence| redundant(sequence, &[2, 1]);
        assert_eq!(unpacked(&[two(10), two(13), two(14)]), [10, 11, 12, 13, 14]);
        assert_eq!(unpacked(&[one(10), one(13)]), [10, 12, 13], "one of them is nowhere");
        assert_eq!(unpacked(&[one(10), one(200)]), [10, 199, 200], "after a long gap");
    }

    #[test]
    fn what_comes_late_fills_only_a_hole() {
        let one = |sequence| redundant(sequence, &[1]);
        assert_eq!(unpacked(&[one(10), one(12), one(11)]), [10, 11, 12], "it was recovered already");
        assert_eq!(unpacked(&[one(10), one(14), one(12), one(11)]), [10, 13, 14, 11, 12]);
        assert_eq!(unpacked(&[one(10), one(100), one(11)]), [10, 99, 100], "too old to know");
    }

    #[test]
    fn what_was_before_the_first_is_not_recovered() {
        assert_eq!(unpacked(&[redundant(10, &[2, 1])]), [10]);
        assert_eq!(unpacked(&[redundant(10, &[1]), redundant(9, &[1])]), [10]);
    }

    #[test]
    fn another_pattern_is_not_put_in_the_wrong_place() {
        // The second block back is really four back: 11 would get the sound of 9.
        assert_eq!(unpacked(&[redundant(10, &[1]), redundant(13, &[4, 1])]), [10, 12, 13]);
    }

    #[test]
    fn packets_that_are_not_wrapped_pass() {
        let mut unpacker = Unpacker::default();
        let mut count = |packet: &Packet, codec| {
            unpacker.unpack(packet, codec, OPUS.into());
            unpacker.unpacked().len()
        };
        assert_eq!(count(&redundant(10, &[1]), Codec::Red), 1);
        assert_eq!(count(&plain(11, &[1]), Codec::Opus), 1);
        assert_eq!(count(&plain(11, &[1]), Codec::Opus), 0);
        assert_eq!(count(&redundant(12, &[1]), Codec::Red), 1);
    }

    #[test]
    fn malformed_and_foreign_packets_give_nothing() {
        let mut unpacker = Unpacker::default();
        let broken: [&[u8]; 5] =
            [&[], &[0x80 | OPUS], &[0x80 | OPUS, 0, 4, 9, OPUS, 1, 2], &[0x80 | OPUS, 0, 4, 9], &[OPUS + 1, 1]];
        for payload in broken {
            unpacker.unpack(&plain(1, payload), Codec::Red, OPUS.into());
            assert!(unpacker.unpacked().is_empty(), "{payload:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(payloads in proptest::collection::vec((0u64..100, proptest::collection::vec(any::<u8>(), 0..40)), 0..20)) {
            let mut unpacker = Unpacker::default();
            for (sequence, payload) in payloads {
                unpacker.unpack(&plain(sequence, &payload), Codec::Red, OPUS.into());
            }
        }

        #[test]
        fn each_comes_at_most_once_and_single_losses_are_made_good(lost in proptest::collection::vec(any::<bool>(), 1..200)) {
            let came = |sequence: u64| sequence == 0 || sequence as usize > lost.len() || !lost[sequence as usize - 1];
            let sent = lost.len() as u64 + 2;
            let packets: Vec<Packet> = (0..sent).filter(|s| came(*s)).map(|s| redundant(s + 1, if s > 0 { &[1] } else { &[] })).collect();
            let expected: Vec<u64> = (0..sent).filter(|s| came(*s) || came(s + 1)).map(|s| s + 1).collect();
            prop_assert_eq!(unpacked(&packets), expected);
        }
    }
}
