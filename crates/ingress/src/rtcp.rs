//! RTCP as far as a receiver of media needs it (RFC 3550 section 6, RFC 3611, RFC 4585).

use visavis_rtp::rtcp::{
    EXTENDED_REPORT, NACK, PAYLOAD_FEEDBACK, PLI, RECEIVER_REPORT, SENDER_REPORT, TRANSPORT_FEEDBACK, parts, word,
    write_part,
};

use crate::reception::Block;

/// Blocks of one report; there is no room for more in its count.
pub(crate) const MOST_BLOCKS: usize = 31;

/// Blocks of an extended report.
const REFERENCE_TIME: u8 = 4;
const SINCE_REFERENCE_TIME: u8 = 5;

/// What a peer says of what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// The middle of the NTP time at which the source made its report.
    Sent { ssrc: u32, time: u32 },
    /// The middle of the reference time that whoever this names told last, and how long ago it came, in 65536ths of a second.
    Heard { ssrc: u32, time: u32, delay: u32 },
}

/// Reads a compound packet. What is cut off or unknown is skipped.
pub(crate) fn messages(packet: &[u8]) -> impl Iterator<Item = Message> {
    parts(packet).flat_map(|part| {
        let report = (part.kind == SENDER_REPORT).then(|| part.body.get(..24)).flatten();
        let sent = report.map(|report| Message::Sent { ssrc: word(report, 0), time: word(report, 6) });
        let blocks = (part.kind == EXTENDED_REPORT).then(|| part.body.get(4..)).flatten();
        sent.into_iter().chain(heard(blocks.unwrap_or_default()))
    })
}

fn heard(mut rest: &[u8]) -> impl Iterator<Item = Message> {
    let blocks = std::iter::from_fn(move || {
        let (&[kind, _, high, low], after) = rest.split_first_chunk()?;
        let (body, after) = after.split_at_checked(4 * usize::from(u16::from_be_bytes([high, low])))?;
        rest = after;
        Some(if kind == SINCE_REFERENCE_TIME { body } else { &[] })
    });
    blocks.flat_map(|body| body.chunks_exact(12)).map(|item| Message::Heard {
        ssrc: word(item, 0),
        time: word(item, 4),
        delay: word(item, 8),
    })
}

/// How a stream is received, and when its sender's last report was made and how long ago it came.
pub(crate) struct Report {
    pub ssrc: u32,
    pub block: Block,
    /// As in [`Message::Sent`]; 0: none came.
    pub last_report: u32,
    /// In 65536ths of a second.
    pub delay: u32,
}

/// Appends a receiver's report, and the time (NTP, 32.32), which who answers makes a round trip known by.
pub(crate) fn write_reports(bytes: &mut Vec<u8>, own: u32, reports: &[Report], time: u64) {
    write_part(bytes, RECEIVER_REPORT, reports.len() as u8, |bytes| {
        bytes.extend(own.to_be_bytes());
        for Report { ssrc, block, last_report, delay } in reports {
            bytes.extend(ssrc.to_be_bytes());
            bytes.push(block.fraction_lost);
            bytes.extend(&block.lost.to_be_bytes()[1..]);
            for value in [block.highest, block.jitter, *last_report, *delay] {
                bytes.extend(value.to_be_bytes());
            }
        }
    });
    write_part(bytes, EXTENDED_REPORT, 0, |bytes| {
        bytes.extend(own.to_be_bytes());
        bytes.extend([REFERENCE_TIME, 0, 0, 2]);
        bytes.extend(time.to_be_bytes());
    });
}

/// Appends a request for packets: pairs of a number and a mask.
pub(crate) fn write_nack(bytes: &mut Vec<u8>, own: u32, ssrc: u32, pairs: &[u8]) {
    write_part(bytes, TRANSPORT_FEEDBACK, NACK, |bytes| {
        bytes.extend(own.to_be_bytes());
        bytes.extend(ssrc.to_be_bytes());
        bytes.extend(pairs);
    });
}

/// Appends a request for a keyframe.
pub(crate) fn write_keyframe_request(bytes: &mut Vec<u8>, own: u32, ssrc: u32) {
    write_part(bytes, PAYLOAD_FEEDBACK, PLI, |bytes| {
        bytes.extend(own.to_be_bytes());
        bytes.extend(ssrc.to_be_bytes());
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_sender_says_is_read() {
        let mut packet = Vec::new();
        write_part(&mut packet, SENDER_REPORT, 0, |bytes| {
            bytes.extend(7u32.to_be_bytes());
            bytes.extend(0x0102_0304_0506_0708u64.to_be_bytes());
            bytes.extend([0; 12]);
        });
        write_part(&mut packet, EXTENDED_REPORT, 0, |bytes| {
            bytes.extend(7u32.to_be_bytes());
            bytes.extend([REFERENCE_TIME, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
            bytes.extend([SINCE_REFERENCE_TIME, 0, 0, 6]);
            bytes.extend([9u32, 1, 2, 10, 3, 4].map(u32::to_be_bytes).concat());
        });
        let read: Vec<_> = messages(&packet).collect();
        assert_eq!(
            read,
            [
                Message::Sent { ssrc: 7, time: 0x0304_0506 },
                Message::Heard { ssrc: 9, time: 1, delay: 2 },
                Message::Heard { ssrc: 10, time: 3, delay: 4 },
            ]
        );
    }

    #[test]
    fn a_report_is_as_rfc_3550_has_it() {
        let block = Block { fraction_lost: 64, lost: -2, highest: 0x0001_0002, jitter: 5 };
        let mut bytes = Vec::new();
        write_reports(&mut bytes, 1, &[Report { ssrc: 7, block, last_report: 8, delay: 9 }], 10);
        let report = [0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 7, 64, 0xff, 0xff, 0xfe, 0, 1, 0, 2];
        let rest =
            [0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 9, 0x80, 207, 0, 4, 0, 0, 0, 1, 4, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 10];
        assert_eq!(bytes, [&report[..], &rest].concat());
    }

    proptest! {
        #[test]
        fn any_bodies_are_read_to_the_end(kind in 200u8..208, words in proptest::collection::vec(any::<u32>(), 0..40)) {
            let mut packet = Vec::new();
            write_part(&mut packet, kind, 0, |bytes| bytes.extend(words.iter().flat_map(|word| word.to_be_bytes())));
            prop_assert!(messages(&packet).count() <= words.len() + 1);
        }
    }
}
