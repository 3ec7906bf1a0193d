//! The frame of RTCP: compound packets and their parts (RFC 3550 section 6.1).

/// Packet types (RFC 3550, RFC 4585, RFC 3611).
pub const SENDER_REPORT: u8 = 200;
/// Of who sends nothing.
pub const RECEIVER_REPORT: u8 = 201;
/// Names of sources.
pub const SOURCE_DESCRIPTION: u8 = 202;
/// About packets: NACK, transport-wide.
pub const TRANSPORT_FEEDBACK: u8 = 205;
/// About pictures: PLI, FIR.
pub const PAYLOAD_FEEDBACK: u8 = 206;
/// Extended reports.
pub const EXTENDED_REPORT: u8 = 207;

/// Feedback message types: of [`TRANSPORT_FEEDBACK`],
pub const NACK: u8 = 1;
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01)
pub const TRANSPORT_WIDE: u8 = 15;
/// and of [`PAYLOAD_FEEDBACK`].
pub const PLI: u8 = 1;
/// (RFC 5104)
pub const FIR: u8 = 4;

/// One part of a compound packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its packet type.
    pub kind: u8,
    /// The count of blocks, or the feedback's type.
    pub count: u8,
    /// What follows its first word, without padding.
    pub body: &'a [u8],
}

/// The parts of a compound packet. It ends where something is cut off.
pub fn parts(packet: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut rest = packet;
    std::iter::from_fn(move || {
        let (&[first, kind, high, low], after) = rest.split_first_chunk()?;
        let (mut body, after) = after.split_at_checked(4 * usize::from(u16::from_be_bytes([high, low])))?;
        rest = after;
        if first & 0x20 != 0 {
            let padding = usize::from(*body.last()?);
            body = body.get(..body.len().checked_sub(padding)?)?;
        }
        Some(Part { kind, count: first & 0x1f, body })
    })
}

/// Appends a part: `write` its body, whose length becomes whole words.
pub fn write_part(bytes: &mut Vec<u8>, kind: u8, count: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let start = bytes.len();
    bytes.extend([0x80 | count & 0x1f, kind, 0, 0]);
    write(bytes);
    while !(bytes.len() - start).is_multiple_of(4) {
        bytes.push(0);
    }
    let words = (bytes.len() - start) / 4 - 1;
    bytes[start + 2..start + 4].copy_from_slice(&(words as u16).to_be_bytes());
}

/// The word that begins at `at`; the caller has seen that it is there.
pub fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        write_part(&mut bytes, PAYLOAD_FEEDBACK, PLI, |bytes| bytes.extend([1, 2, 3, 4, 5, 6, 7, 8]));
        write_part(&mut bytes, EXTENDED_REPORT, 0, |bytes| bytes.extend([9]));
        bytes.extend([0xa0, 200, 0, 1, 0, 0, 0, 3]);
        bytes.extend([0x80, 201]);
        let read: Vec<_> = parts(&bytes).map(|part| (part.kind, part.count, part.body.to_vec())).collect();
        assert_eq!(
            read,
            [
                (PAYLOAD_FEEDBACK, PLI, vec![1, 2, 3, 4, 5, 6, 7, 8]),
                (EXTENDED_REPORT, 0, vec![9, 0, 0, 0]),
                (SENDER_REPORT, 0, vec![0]),
            ]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parts(&bytes).count() <= bytes.len() / 4);
        }
    }
}
