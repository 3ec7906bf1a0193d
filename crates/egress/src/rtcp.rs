//! RTCP as far as a sender of media needs it (RFC 3550 section 6, RFC 4585, RFC 5104).

use visavis_rtp::rtcp::{
    FIR, NACK, PAYLOAD_FEEDBACK, PLI, Part, RECEIVER_REPORT, SENDER_REPORT, SOURCE_DESCRIPTION, TRANSPORT_FEEDBACK,
    TRANSPORT_WIDE, parts, word, write_part,
};

const CNAME: u8 = 1;
const REPORT_BLOCK: usize = 24;

/// One report block: how a receiver gets one of our streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reception {
    pub ssrc: u32,
    /// In 256ths, since the report before.
    pub fraction_lost: u8,
    /// The highest sequence number, with the receiver's count of its cycles above.
    pub highest: u32,
    /// In ticks of the stream's clock.
    pub jitter: u32,
    /// The middle of the NTP time of our last report, and how long ago it came, in 65536ths of a second; 0: none came.
    pub last_report: u32,
    pub delay: u32,
}

/// What a peer says that concerns what we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    Reception(Reception),
    /// Sequence numbers that are missing: pairs of a number and a mask of the sixteen after it.
    Nack {
        ssrc: u32,
        pairs: &'a [u8],
    },
    /// The feedback control information of transport-wide feedback.
    TransportWide(&'a [u8]),
    /// A picture is wanted whole.
    Keyframe {
        ssrc: u32,
    },
}

/// Reads a compound packet. What is cut off or unknown is skipped.
pub(crate) fn messages(packet: &[u8]) -> impl Iterator<Item = Message<'_>> {
    parts(packet).flat_map(part_messages)
}

fn part_messages<'a>(part: Part<'a>) -> impl Iterator<Item = Message<'a>> {
    let blocks = match part.kind {
        SENDER_REPORT => part.body.get(24..),
        RECEIVER_REPORT => part.body.get(4..),
        _ => None,
    };
    let receptions = blocks.unwrap_or_default().chunks_exact(REPORT_BLOCK).take(usize::from(part.count));
    let fir = match (part.kind, part.count) {
        (PAYLOAD_FEEDBACK, FIR) => part.body.get(8..),
        _ => None,
    };
    let wanted = fir.unwrap_or_default().chunks_exact(8).map(|entry| Message::Keyframe { ssrc: word(entry, 0) });
    receptions.map(reception).chain(wanted).chain(feedback(part))
}

fn feedback(part: Part<'_>) -> Option<Message<'_>> {
    let control = part.body.get(8..)?;
    let ssrc = word(part.body, 4);
    match (part.kind, part.count) {
        (TRANSPORT_FEEDBACK, NACK) => Some(Message::Nack { ssrc, pairs: control }),
        (TRANSPORT_FEEDBACK, TRANSPORT_WIDE) => Some(Message::TransportWide(control)),
        (PAYLOAD_FEEDBACK, PLI) => Some(Message::Keyframe { ssrc }),
        _ => None,
    }
}

fn reception(block: &[u8]) -> Message<'_> {
    Message::Reception(Reception {
        ssrc: word(block, 0),
        fraction_lost: block[4],
        highest: word(block, 8),
        jitter: word(block, 12),
        last_report: word(block, 16),
        delay: word(block, 20),
    })
}

/// The sequence numbers of a NACK's pairs.
pub(crate) fn missing(pairs: &[u8]) -> impl Iterator<Item = u16> {
    pairs.chunks_exact(4).flat_map(|pair| {
        let first = u16::from_be_bytes([pair[0], pair[1]]);
        let mask = u16::from_be_bytes([pair[2], pair[3]]);
        let others = (0..16).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| first.wrapping_add(bit + 1));
        std::iter::once(first).chain(others)
    })
}

/// What a sender report says of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    pub ssrc: u32,
    /// NTP time, 32.32.
    pub ntp: u64,
    /// The same moment by the stream's clock.
    pub timestamp: u32,
    pub packets: u32,
    pub bytes: u32,
}

/// How much [`write_report`] appends at most, with a name of so many bytes.
pub(crate) fn report_length(cname: &str) -> usize {
    28 + 8 + 2 + cname.len() + 4
}

/// Appends a sender report and the canonical name of the stream.
pub(crate) fn write_report(bytes: &mut Vec<u8>, report: &Report, cname: &str) {
    write_part(bytes, SENDER_REPORT, 0, |bytes| {
        bytes.extend(report.ssrc.to_be_bytes());
        bytes.extend(report.ntp.to_be_bytes());
        for value in [report.timestamp, report.packets, report.bytes] {
            bytes.extend(value.to_be_bytes());
        }
    });
    write_part(bytes, SOURCE_DESCRIPTION, 1, |bytes| {
        bytes.extend(report.ssrc.to_be_bytes());
        bytes.extend([CNAME, cname.len() as u8]);
        bytes.extend(cname.as_bytes());
        // The list ends with a zero, and the chunk at a whole word.
        bytes.push(0);
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(kind: u8, count: u8, body: &[u8]) -> Vec<u8> {
        let mut part = Vec::new();
        write_part(&mut part, kind, count, |bytes| bytes.extend(body));
        part
    }

    #[test]
    fn a_compound_packet_is_read_part_by_part() {
        let block: Vec<u8> = [7u32, 0x4000_0001, 0x0001_0002, 90, 0x1234_5678, 65_536].map(u32::to_be_bytes).concat();
        let receiver = part(RECEIVER_REPORT, 1, &[&1u32.to_be_bytes()[..], &block].concat());
        let ssrcs = [1u32, 7].map(u32::to_be_bytes).concat();
        let nack = part(TRANSPORT_FEEDBACK, NACK, &[&ssrcs[..], &[0xff, 0xff, 0x80, 0x01]].concat());
        let pli = part(PAYLOAD_FEEDBACK, PLI, &ssrcs);
        let fir = part(PAYLOAD_FEEDBACK, FIR, &[&ssrcs[..], &9u32.to_be_bytes(), &[1, 0, 0, 0]].concat());
        let unknown = part(207, 3, &[0; 8]);
        let packet = [receiver, unknown, nack, pli, fir, vec![0x80, 201]].concat();
        let read: Vec<_> = messages(&packet).collect();
        let [Message::Reception(reception), Message::Nack { ssrc: 7, pairs }, rest @ ..] = &read[..] else {
            panic!("{read:?}");
        };
        assert_eq!((reception.fraction_lost, reception.highest, reception.jitter), (64, 0x0001_0002, 90));
        assert_eq!((reception.last_report, reception.delay), (0x1234_5678, 65_536));
        assert_eq!(missing(pairs).collect::<Vec<_>>(), [65_535, 0, 15]);
        assert_eq!(rest, [Message::Keyframe { ssrc: 7 }, Message::Keyframe { ssrc: 9 }]);
    }

    #[test]
    fn a_report_is_whole_words_and_no_longer_than_told() {
        for name in ["", "a", "abc", "a name of some length"] {
            let mut bytes = vec![1, 2, 3];
            let report = Report { ssrc: 9, ntp: 1 << 32, timestamp: 5, packets: 6, bytes: 7 };
            write_report(&mut bytes, &report, name);
            let written = &bytes[3..];
            assert!(written.len().is_multiple_of(4) && written.len() <= report_length(name));
            let parts: Vec<_> = parts(written).collect();
            assert_eq!(parts.iter().map(|part| part.kind).collect::<Vec<_>>(), [SENDER_REPORT, SOURCE_DESCRIPTION]);
            assert_eq!(parts[0].body.len() + parts[1].body.len() + 8, written.len(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for message in messages(&bytes) {
                if let Message::Nack { pairs, .. } = message {
                    prop_assert!(missing(pairs).count() <= 17 * bytes.len());
                }
            }
        }

        #[test]
        fn any_bodies_are_read_to_the_end(
            kind in 200u8..208, count in 0u8..32, words in proptest::collection::vec(any::<u32>(), 0..20)
        ) {
            let body: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            prop_assert!(messages(&part(kind, count, &body)).count() <= words.len() + 1);
        }
    }
}
