//! RTP headers as they come, with the extensions that were negotiated (RFC 3550 section 5.1, RFC 8285).

use visavis_rtp::CaptureTime;

const FIXED: usize = 12;
const ONE_BYTE: u16 = 0xbede;
/// The last four bits are the application's.
const TWO_BYTES: u16 = 0x1000;
/// An id that ends the short form.
const RESERVED: u8 = 15;

/// The ids of the extensions that are read; `None`: not negotiated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`
    pub mid: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`
    pub rid: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id`
    pub repaired_rid: Option<u8>,
    /// Audio level.
    pub level: Option<u8>,
    /// Transport-wide sequence numbers.
    pub transport_wide: Option<u8>,
    /// Absolute capture time.
    pub capture_time: Option<u8>,
    /// AV1's dependency descriptor.
    pub descriptor: Option<u8>,
}

/// One packet's header. Nothing of it is proven before the packet is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Header<'a> {
    pub pt: u8,
    pub marker: bool,
    pub has_padding: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// In bytes, with its extensions.
    pub length: usize,
    pub mid: Option<&'a str>,
    pub rid: Option<&'a str>,
    pub repaired_rid: Option<&'a str>,
    /// In −dBov: 0 is loudest, 127 silence.
    pub level: Option<u8>,
    pub transport_wide: Option<u16>,
    pub capture_time: Option<CaptureTime>,
    pub descriptor: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    /// The header of a packet; `None`: it has none. What of its extensions makes no sense is skipped.
    pub fn read(packet: &'a [u8], ids: &ExtensionIds) -> Option<Self> {
        let fixed = packet.first_chunk::<FIXED>()?;
        let mut header = Self {
            pt: fixed[1] & 0x7f,
            marker: fixed[1] & 0x80 != 0,
            has_padding: fixed[0] & 0x20 != 0,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            length: FIXED + 4 * usize::from(fixed[0] & 0x0f),
            ..Self::default()
        };
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let rest = packet.get(header.length..)?;
        if fixed[0] & 0x10 == 0 {
            return Some(header);
        }
        let (&[form, more, high, low], rest) = rest.split_first_chunk()?;
        let extensions = rest.get(..4 * usize::from(u16::from_be_bytes([high, low])))?;
        header.length += 4 + extensions.len();
        match u16::from_be_bytes([form, more]) {
            ONE_BYTE => header.read_short(extensions, ids),
            form if form & 0xfff0 == TWO_BYTES => header.read_long(extensions, ids),
            _ => {}
        }
        Some(header)
    }

    fn read_short(&mut self, mut rest: &'a [u8], ids: &ExtensionIds) {
        while let Some((&first, after)) = rest.split_first() {
            let (id, length) = (first >> 4, usize::from(first & 0x0f) + 1);
            if id == RESERVED {
                return;
            }
            let length = if id == 0 { 0 } else { length };
            let Some((value, after)) = after.split_at_checked(length) else { return };
            self.take(id, value, ids);
            rest = after;
        }
    }

    fn read_long(&mut self, mut rest: &'a [u8], ids: &ExtensionIds) {
        while let Some((&id, after)) = rest.split_first() {
            if id == 0 {
                rest = after;
                continue;
            }
            let Some((&length, after)) = after.split_first() else { return };
            let Some((value, after)) = after.split_at_checked(usize::from(length)) else { return };
            self.take(id, value, ids);
            rest = after;
        }
    }

    fn take(&mut self, id: u8, value: &'a [u8], ids: &ExtensionIds) {
        if id == 0 || value.is_empty() {
            return;
        }
        let (id, text) = (Some(id), || std::str::from_utf8(value).ok());
        if id == ids.transport_wide {
            self.transport_wide = value.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
        } else if id == ids.level {
            self.level = Some(value[0] & 0x7f);
        } else if id == ids.mid {
            self.mid = text();
        } else if id == ids.rid {
            self.rid = text();
        } else if id == ids.repaired_rid {
            self.repaired_rid = text();
        } else if id == ids.descriptor {
            self.descriptor = Some(value);
        } else if id == ids.capture_time {
            self.capture_time = value.split_first_chunk().map(|(ntp, rest)| CaptureTime {
                ntp: u64::from_be_bytes(*ntp),
                offset: rest.first_chunk().map(|bytes| i64::from_be_bytes(*bytes)),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDS: ExtensionIds = ExtensionIds {
        mid: Some(4),
        rid: Some(10),
        repaired_rid: Some(11),
        level: Some(1),
        transport_wide: Some(3),
        capture_time: Some(9),
        descriptor: Some(12),
    };
    const FIXED_PART: [u8; 12] = [0x90, 0x80 | 96, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

    fn packet(form: u16, extensions: &[u8]) -> Vec<u8> {
        assert!(extensions.len().is_multiple_of(4));
        let words = (extensions.len() / 4) as u16;
        [&FIXED_PART[..], &form.to_be_bytes(), &words.to_be_bytes(), extensions, &[0xaa]].concat()
    }

    #[test]
    fn what_is_fixed_is_read() {
        let packet = [0xa1, 0x60, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0, 9, 0xaa];
        let expected = Header {
            pt: 96,
            has_padding: true,
            sequence: 0x0102,
            timestamp: 0x0304_0506,
            ssrc: 0x0708_090a,
            length: 16,
            ..Header::default()
        };
        assert_eq!(Header::read(&packet, &IDS), Some(expected), "a contributing source is skipped");
        assert_eq!(Header::read(&packet[..15], &IDS), None, "cut off");
        assert_eq!(Header::read(&[0x40; 20], &IDS), None, "another version");
    }

    #[test]
    fn extensions_are_read_in_both_forms() {
        let short = packet(ONE_BYTE, &[0x40, b'1', 0x10, 0x85, 0, 0x31, 0x11, 0x22, 0xa0, b'q', 0x70, 1]);
        let long = packet(0x1003, &[4, 1, b'1', 1, 1, 0x85, 0, 3, 2, 0x11, 0x22, 10, 1, b'q', 7, 0]);
        for bytes in [short, long] {
            let read = Header::read(&bytes, &IDS).expect("a header");
            assert_eq!(
                (read.mid, read.level, read.transport_wide, read.rid),
                (Some("1"), Some(5), Some(0x1122), Some("q"))
            );
            assert_eq!(bytes[read.length..], [0xaa]);
            let none = Header::read(&bytes, &ExtensionIds::default()).expect("a header");
            assert_eq!((none.mid, none.level, none.transport_wide, none.rid), (None, None, None, None));
        }
        let reserved = packet(ONE_BYTE, &[0xf0, 0, 0x40, b'1']);
        assert_eq!(Header::read(&reserved, &IDS).and_then(|read| read.mid), None, "nothing after it counts");
    }

    #[test]
    fn capture_time_and_descriptor_are_read() {
        let time = [&[9, 16][..], &5u64.to_be_bytes(), &(-7i64).to_be_bytes(), &[12, 3, 1, 2, 3, 0]].concat();
        let bytes = packet(0x1000, &[&time[..], &[0; 3]].concat()[..24]);
        let read = Header::read(&bytes, &IDS).expect("a header");
        assert_eq!(read.capture_time, Some(CaptureTime { ntp: 5, offset: Some(-7) }));
        assert_eq!(read.descriptor, Some(&[1, 2, 3][..]));
        let bytes = packet(ONE_BYTE, &[&[0x97][..], &5u64.to_be_bytes(), &[0; 3]].concat());
        let read = Header::read(&bytes, &IDS).expect("a header");
        assert_eq!(read.capture_time, Some(CaptureTime { ntp: 5, offset: None }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_within_them(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), form in 0u16..3) {
            if let Some(first) = bytes.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            let at = bytes.first().map_or(0, |first| 12 + 4 * usize::from(first & 0x0f));
            if let Some(place) = bytes.get_mut(at..at + 2) {
                place.copy_from_slice(&[ONE_BYTE, TWO_BYTES, 7][usize::from(form)].to_be_bytes());
            }
            if let Some(header) = Header::read(&bytes, &IDS) {
                prop_assert!((12..=bytes.len()).contains(&header.length));
            }
        }
    }
}
