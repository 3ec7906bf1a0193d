//! RTP headers with the extensions that were negotiated (RFC 3550 section 5.1, RFC 8285).

use visavis_rtp::CaptureTime;

const ONE_BYTE: u16 = 0xbede;
const TWO_BYTES: u16 = 0x1000;
/// What does not fit the short form.
const LONGEST_SHORT: usize = 16;

/// The ids of the extensions that a receiver takes; `None`: it does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`
    pub mid: Option<u8>,
    /// Transport-wide sequence numbers.
    pub transport_wide: Option<u8>,
    /// Absolute send time.
    pub send_time: Option<u8>,
    /// Absolute capture time.
    pub capture_time: Option<u8>,
    /// Playout delay.
    pub playout_delay: Option<u8>,
    /// AV1's dependency descriptor.
    pub descriptor: Option<u8>,
}

/// How long pictures are held back, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PlayoutDelay {
    pub min: u32,
    pub max: u32,
}

/// One packet's header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'a> {
    pub pt: u8,
    pub marker: bool,
    pub padding: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub mid: Option<&'a str>,
    pub transport_wide: Option<u16>,
    /// 6.18 fixed-point seconds.
    pub send_time: u32,
    pub capture_time: Option<CaptureTime>,
    pub playout_delay: Option<PlayoutDelay>,
    pub descriptor: Option<&'a [u8]>,
}

impl Header<'_> {
    /// Appends it; returns its length.
    pub fn write(&self, bytes: &mut Vec<u8>, ids: &ExtensionIds) -> usize {
        let start = bytes.len();
        bytes.push(0x80 | u8::from(self.padding) << 5);
        bytes.push(self.pt & 0x7f | u8::from(self.marker) << 7);
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.timestamp.to_be_bytes());
        bytes.extend_from_slice(&self.ssrc.to_be_bytes());
        let long = self.descriptor.is_some_and(|descriptor| descriptor.len() > LONGEST_SHORT);
        let extensions = bytes.len();
        let form = if long { TWO_BYTES } else { ONE_BYTE };
        bytes.extend_from_slice(&form.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        let mut put = |id: Option<u8>, value: &[u8]| {
            let Some(id) = id.filter(|_| !value.is_empty()) else { return };
            if long {
                bytes.extend_from_slice(&[id, value.len() as u8]);
            } else {
                bytes.push(id << 4 | (value.len() - 1) as u8);
            }
            bytes.extend_from_slice(value);
        };
        put(ids.mid, self.mid.unwrap_or_default().as_bytes());
        match self.transport_wide {
            Some(number) => put(ids.transport_wide, &number.to_be_bytes()),
            // Who reports transport-wide needs no second clock.
            None if ids.transport_wide.is_none() => put(ids.send_time, &self.send_time.to_be_bytes()[1..]),
            None => {}
        }
        if let Some(CaptureTime { ntp, offset }) = self.capture_time {
            let mut value = [0; 16];
            value[..8].copy_from_slice(&ntp.to_be_bytes());
            value[8..].copy_from_slice(&offset.unwrap_or_default().to_be_bytes());
            put(ids.capture_time, if offset.is_some() { &value } else { &value[..8] });
        }
        if let Some(PlayoutDelay { min, max }) = self.playout_delay {
            let tens = |milliseconds: u32| (milliseconds / 10).min(0xfff);
            put(ids.playout_delay, &(tens(min) << 12 | tens(max)).to_be_bytes()[1..]);
        }
        put(ids.descriptor, self.descriptor.unwrap_or_default());
        while !(bytes.len() - extensions).is_multiple_of(4) {
            bytes.push(0);
        }
        let words = (bytes.len() - extensions) / 4 - 1;
        if words == 0 {
            bytes.truncate(extensions);
        } else {
            bytes[start] |= 0x10;
            bytes[extensions + 2..extensions + 4].copy_from_slice(&(words as u16).to_be_bytes());
        }
        bytes.len() - start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: ExtensionIds = ExtensionIds {
        mid: Some(4),
        transport_wide: Some(3),
        send_time: Some(2),
        capture_time: Some(9),
        playout_delay: Some(5),
        descriptor: Some(12),
    };

    fn header<'a>() -> Header<'a> {
        Header {
            pt: 96,
            marker: true,
            padding: false,
            sequence: 0x0102,
            timestamp: 0x0304_0506,
            ssrc: 0x0708_090a,
            mid: None,
            transport_wide: None,
            send_time: 0x00ab_cdef,
            capture_time: None,
            playout_delay: None,
            descriptor: None,
        }
    }

    fn written(header: &Header<'_>, ids: &ExtensionIds) -> Vec<u8> {
        let mut bytes = vec![0xee];
        let length = header.write(&mut bytes, ids);
        assert_eq!(bytes.remove(0), 0xee);
        assert_eq!(length, bytes.len());
        bytes
    }

    #[test]
    fn a_header_without_extensions_has_none() {
        let bytes = written(&header(), &ExtensionIds::default());
        assert_eq!(bytes, [0x80, 0x80 | 96, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn extensions_are_written_in_the_short_form() {
        let bytes = written(&Header { mid: Some("1"), transport_wide: Some(0x1122), ..header() }, &IDS);
        assert_eq!(bytes[0], 0x90);
        assert_eq!(bytes[12..], [0xbe, 0xde, 0, 2, 0x40, b'1', 0x31, 0x11, 0x22, 0, 0, 0]);
        assert_eq!(
            written(&header(), &IDS).len(),
            12,
            "who would report transport-wide needs no clock meanwhile either"
        );
        let bytes = written(&header(), &ExtensionIds { transport_wide: None, ..IDS });
        assert_eq!(bytes[12..], [0xbe, 0xde, 0, 1, 0x22, 0xab, 0xcd, 0xef]);
        let delay = Some(PlayoutDelay { min: 100, max: 40_950 });
        let bytes = written(&Header { playout_delay: delay, transport_wide: Some(1), ..header() }, &IDS);
        assert_eq!(bytes[16..], [0x31, 0, 1, 0x52, 0x00, 0xaf, 0xff, 0]);
        let capture_time = Some(CaptureTime { ntp: 5, offset: None });
        let bytes = written(&Header { capture_time, transport_wide: Some(1), ..header() }, &IDS);
        assert_eq!(bytes[16..], [0x31, 0, 1, 0x97, 0, 0, 0, 0, 0, 0, 0, 5]);
    }

    #[test]
    fn a_long_descriptor_takes_the_long_form() {
        let descriptor = [7; 17];
        let header = Header { descriptor: Some(&descriptor), transport_wide: Some(0x1122), ..header() };
        let bytes = written(&header, &IDS);
        assert_eq!(bytes[12..22], [0x10, 0, 0, 6, 3, 2, 0x11, 0x22, 12, 17]);
        assert_eq!(bytes[22..], [[7; 17].as_slice(), &[0]].concat());
    }
}
