//! As much of STUN (RFC 8489) as it takes to find the worker that a request is for. Nothing is verified here.

const HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const USERNAME: u16 = 0x0006;

/// Whether the packet looks like a STUN binding request.
pub(crate) fn is_binding_request(packet: &[u8]) -> bool {
    packet.len() >= HEADER && packet[..2] == BINDING_REQUEST && packet[4..8] == MAGIC_COOKIE
}

/// The index of the shard that a binding request is for: the first two characters of its USERNAME, which begins with
/// our own ufrag (see `visavis_sfu::ufrag_prefix`). `None` if there is none or it is not one of ours.
pub(crate) fn shard_of_request(packet: &[u8]) -> Option<u16> {
    let username = username(packet)?;
    let (high, low) = (digit(*username.first()?)?, digit(*username.get(1)?)?);
    Some(high * 36 + low)
}

fn username(packet: &[u8]) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
    let mut rest = packet.get(HEADER..HEADER + length)?;
    while rest.len() >= 4 {
        let kind = u16::from_be_bytes([rest[0], rest[1]]);
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let value = rest.get(4..4 + length)?;
        if kind == USERNAME {
            return Some(value);
        }
        // Values are padded to four bytes.
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
    None
}

fn digit(character: u8) -> Option<u16> {
    match character {
        b'0'..=b'9' => Some(u16::from(character - b'0')),
        b'a'..=b'z' => Some(u16::from(character - b'a') + 10),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A binding request with the given USERNAME, after an attribute with padding.
    pub(crate) fn request(username: &[u8]) -> Vec<u8> {
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
    fn finds_the_shard_of_each_prefix() {
        for index in [0, 1, 35, 36, 1295] {
            let mut username = visavis_sfu::ufrag_prefix(index).to_vec();
            username.extend(b"Rest:theirs");
            let packet = request(&username);
            assert!(is_binding_request(&packet));
            assert_eq!(shard_of_request(&packet), Some(index));
        }
    }

    #[test]
    fn what_is_cut_short_or_foreign_has_no_shard() {
        let packet = request(b"00ab:cd");
        for length in 0..packet.len() {
            assert_eq!(shard_of_request(&packet[..length]), None, "{length} bytes");
        }
        assert_eq!(shard_of_request(&request(b"")), None);
        assert_eq!(shard_of_request(&request(b"A0:x")), None);
        assert!(!is_binding_request(&[0x16; 100]));
    }
}
