//! As much of STUN (RFC 8489) as routing needs; checking it is str0m's.

const HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const USERNAME: u16 = 0x0006;
const USE_CANDIDATE: u16 = 0x0025;

/// Whether the packet looks like a STUN binding request.
pub fn is_request(packet: &[u8]) -> bool {
    packet.len() >= HEADER && packet[..2] == BINDING_REQUEST && packet[4..8] == MAGIC_COOKIE
}

/// The receiver's ufrag of a binding request: what stands before the colon in its USERNAME. `None` for all else.
pub fn request_ufrag(packet: &[u8]) -> Option<&str> {
    if !is_request(packet) {
        return None;
    }
    let (_, username) = attributes(packet).find(|(kind, _)| *kind == USERNAME)?;
    let username = std::str::from_utf8(username).ok()?;
    Some(username.split_once(':')?.0)
}

/// A message's attributes, up to one that is cut off.
fn attributes(packet: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let length = packet.get(2..4).map_or(0, |length| usize::from(u16::from_be_bytes([length[0], length[1]])));
    let mut rest = packet.get(HEADER..HEADER + length).unwrap_or_default();
    std::iter::from_fn(move || {
        let [kind_high, kind_low, length_high, length_low, value @ ..] = rest else { return None };
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        let value_and_padding = value;
        let value = value_and_padding.get(..length)?;
        // Values are padded to four bytes.
        rest = value_and_padding.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_be_bytes([*kind_high, *kind_low]), value))
    })
}

/// Whether a binding request nominates the pair of addresses that it comes on.
pub(crate) fn nominates(request: &[u8]) -> bool {
    attributes(request).any(|(kind, _)| kind == USE_CANDIDATE)
}

/// An answer to a binding request that was authenticated.
pub(crate) fn is_success(packet: &[u8]) -> bool {
    packet.len() >= HEADER && packet[..2] == BINDING_SUCCESS && packet[4..8] == MAGIC_COOKIE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A binding request with the given USERNAME, after an attribute with padding.
    fn request(username: &[u8]) -> Vec<u8> {
        let mut attributes = vec![0x80, 0x22, 0, 3, b'a', b'b', b'c', 0];
        attributes.extend(USERNAME.to_be_bytes());
        attributes.extend((username.len() as u16).to_be_bytes());
        attributes.extend(username);
        attributes.resize(attributes.len().next_multiple_of(4), 0);
        let mut packet = BINDING_REQUEST.to_vec();
        packet.extend((attributes.len() as u16).to_be_bytes());
        packet.extend(MAGIC_COOKIE);
        packet.extend([7; 12]);
        packet.extend(attributes);
        packet
    }

    #[test]
    fn finds_the_local_ufrag_behind_other_attributes() {
        assert_eq!(request_ufrag(&request(b"00abcd:remote")), Some("00abcd"));
        assert_eq!(request_ufrag(&request(b"nocolon")), None);
        assert_eq!(request_ufrag(&request(&[0xff, 0xfe, b':'])), None);
        let mut response = request(b"00abcd:remote");
        response[0] = 1;
        assert_eq!(request_ufrag(&response), None);
        assert!(is_success(&response) && !is_request(&response));
    }

    #[test]
    fn what_is_cut_short_or_foreign_has_no_ufrag() {
        let packet = request(b"00ab:cd");
        for length in 0..packet.len() {
            assert_eq!(request_ufrag(&packet[..length]), None, "{length} bytes");
        }
        assert!(!is_request(&[0x16; 100]));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            request_ufrag(&bytes);
            let mut packet = request(b"");
            packet.extend(bytes);
            let length = (packet.len() - HEADER) as u16;
            packet[2..4].copy_from_slice(&length.to_be_bytes());
            request_ufrag(&packet);
        }
    }
}
