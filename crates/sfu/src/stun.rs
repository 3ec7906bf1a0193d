//! As much of STUN (RFC 8489) as routing needs, and answering a check that has nothing unusual about it; all else is str0m's.

use std::net::{IpAddr, SocketAddr};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{Context, HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, Tag};
use crc::{CRC_32_ISO_HDLC, Crc};

const HEADER: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const SOFTWARE: u16 = 0x8022;
const ALTERNATE_SERVER: u16 = 0x8023;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;
/// An attribute's kind and length, and with them what MESSAGE-INTEGRITY and FINGERPRINT take.
const KIND_AND_LENGTH: usize = 4;
const HMAC_SHA1: usize = 20;
const INTEGRITY_SIZE: usize = KIND_AND_LENGTH + HMAC_SHA1;
const FINGERPRINT_SIZE: usize = KIND_AND_LENGTH + 4;
/// PRIORITY of a check: a peer-reflexive candidate's (RFC 8445 section 5.1.2.1).
const PEER_REFLEXIVE: u32 = 110 << 24 | 0xffff << 8 | 0xff;
/// RFC 8489 section 14.7.
const FINGERPRINT_MASK: u32 = 0x5354_554e;
static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Of a request and its answer.
pub(crate) type Transaction = [u8; 12];

/// A binding request with nothing unusual about it: from an agent that controls, without anything that must be understood
/// and is not part of every check.
#[derive(Debug)]
pub(crate) struct Check<'a> {
    pub username: &'a [u8],
    pub transaction: Transaction,
    /// All before MESSAGE-INTEGRITY.
    signed: &'a [u8],
    integrity: &'a [u8],
}

impl<'a> Check<'a> {
    /// Reads it strictly: what str0m might read in another way is none.
    pub(crate) fn read(packet: &'a [u8]) -> Option<Self> {
        if !is_request(packet) || packet.len() != HEADER + length(packet) || !packet.len().is_multiple_of(4) {
            return None;
        }
        let (mut username, mut has_priority, mut is_controlling) = (None, false, false);
        let mut end = HEADER;
        for (kind, value) in attributes(packet) {
            match (kind, value.len()) {
                (USERNAME, _) if username.is_none() => username = Some(value),
                (PRIORITY, 4) => has_priority = true,
                (USE_CANDIDATE, 0) => {}
                (ICE_CONTROLLING, 8) => is_controlling = true,
                (MESSAGE_INTEGRITY, HMAC_SHA1) if has_priority && is_controlling => {
                    let (before, rest) = packet.split_at(end + INTEGRITY_SIZE);
                    let is_intact = rest.is_empty() || rest == fingerprint(before);
                    let check = Self {
                        username: username?,
                        transaction: transaction(packet)?,
                        signed: &packet[..end],
                        integrity: value,
                    };
                    return is_intact.then_some(check);
                }
                // A conflict of roles, and what str0m reads and we do not.
                (ICE_CONTROLLED | SOFTWARE | ALTERNATE_SERVER | FINGERPRINT, _) => return None,
                // What nobody has to understand.
                (0x8000.., _) => {}
                _ => return None,
            }
            end += KIND_AND_LENGTH + value.len().next_multiple_of(4);
        }
        None
    }

    /// The success that answers it, if it was made with this password.
    pub(crate) fn answer(&self, password: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
        let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, password);
        verify_slices_are_equal(integrity(&key, self.signed).as_ref(), self.integrity).ok()?;
        let address_size = if source.is_ipv4() { 8 } else { 20 };
        let length = KIND_AND_LENGTH + address_size + INTEGRITY_SIZE + FINGERPRINT_SIZE;
        let mut answer = Vec::with_capacity(HEADER + length);
        answer.extend(BINDING_SUCCESS);
        answer.extend((length as u16).to_be_bytes());
        answer.extend(MAGIC_COOKIE);
        answer.extend(self.transaction);
        put(&mut answer, XOR_MAPPED_ADDRESS, address_size);
        put_xored(&mut answer, source);
        seal(&mut answer, &key);
        Some(answer)
    }
}

/// A check of our own, from an agent that does not control.
pub(crate) fn controlled_check(username: &str, password: &str, transaction: Transaction) -> Vec<u8> {
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
    let padded = username.len().next_multiple_of(4);
    let length = 3 * KIND_AND_LENGTH + padded + 4 + 8 + INTEGRITY_SIZE + FINGERPRINT_SIZE;
    let mut check = Vec::with_capacity(HEADER + length);
    check.extend(BINDING_REQUEST);
    check.extend((length as u16).to_be_bytes());
    check.extend(MAGIC_COOKIE);
    check.extend(transaction);
    put(&mut check, USERNAME, username.len());
    check.extend(username.as_bytes());
    check.extend(std::iter::repeat_n(0, padded - username.len()));
    put(&mut check, PRIORITY, 4);
    check.extend(PEER_REFLEXIVE.to_be_bytes());
    // If the peer believes that it does not control either, the larger number takes control: that is to be the peer's.
    put(&mut check, ICE_CONTROLLED, 8);
    check.extend([0; 8]);
    seal(&mut check, &key);
    check
}

/// Ends a message whose length is written already.
fn seal(message: &mut Vec<u8>, key: &Key) {
    let integrity = integrity(key, message);
    put(message, MESSAGE_INTEGRITY, HMAC_SHA1);
    message.extend(integrity.as_ref());
    let fingerprint = fingerprint(message);
    message.extend(fingerprint);
}

/// MESSAGE-INTEGRITY's value behind `signed` (RFC 8489 section 14.5): the length that it is of counts it, and nothing after it.
fn integrity(key: &Key, signed: &[u8]) -> Tag {
    let length = (signed.len() + INTEGRITY_SIZE - HEADER) as u16;
    let mut context = Context::with_key(key);
    context.update(&signed[..2]);
    context.update(&length.to_be_bytes());
    context.update(&signed[4..]);
    context.sign()
}

/// FINGERPRINT as it ends a message whose length counts it.
fn fingerprint(before: &[u8]) -> [u8; FINGERPRINT_SIZE] {
    let [kind_high, kind_low] = FINGERPRINT.to_be_bytes();
    let [a, b, c, d] = (CRC.checksum(before) ^ FINGERPRINT_MASK).to_be_bytes();
    [kind_high, kind_low, 0, 4, a, b, c, d]
}

fn put(message: &mut Vec<u8>, kind: u16, length: usize) {
    message.extend(kind.to_be_bytes());
    message.extend((length as u16).to_be_bytes());
}

/// XOR-MAPPED-ADDRESS's value (RFC 8489 section 14.2), behind the header that it is XORed with.
fn put_xored(message: &mut Vec<u8>, address: SocketAddr) {
    message.extend([0, if address.is_ipv4() { 1 } else { 2 }]);
    message.extend([0, 1].map(|index| address.port().to_be_bytes()[index] ^ MAGIC_COOKIE[index]));
    let start = message.len();
    match address.ip() {
        IpAddr::V4(ip) => message.extend(ip.octets()),
        IpAddr::V6(ip) => message.extend(ip.octets()),
    }
    for index in start..message.len() {
        message[index] ^= message[4 + index - start];
    }
}

/// Whether the packet looks like a STUN binding request.
pub fn is_request(packet: &[u8]) -> bool {
    packet.len() >= HEADER && packet[..2] == BINDING_REQUEST && packet[4..8] == MAGIC_COOKIE
}

/// The receiver's ufrag of a binding request: what stands before the colon in its USERNAME. `None` for all else.
pub fn request_ufrag(packet: &[u8]) -> Option<&str> {
    if !is_request(packet) {
        return None;
    }
    let username = std::str::from_utf8(username(packet)?).ok()?;
    Some(username.split_once(':')?.0)
}

/// What a message says whose password it was made with.
pub(crate) fn username(packet: &[u8]) -> Option<&[u8]> {
    attributes(packet).find(|(kind, _)| *kind == USERNAME).map(|(_, username)| username)
}

/// Of what follows the header, as it says itself.
fn length(packet: &[u8]) -> usize {
    packet.get(2..4).map_or(0, |length| usize::from(u16::from_be_bytes([length[0], length[1]])))
}

/// A message's attributes, up to one that is cut off.
fn attributes(packet: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = packet.get(HEADER..HEADER + length(packet)).unwrap_or_default();
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

/// PRIORITY of a check; 0 without.
pub(crate) fn priority(request: &[u8]) -> u32 {
    let value = attributes(request).find(|(kind, _)| *kind == PRIORITY).map(|(_, value)| value);
    value.and_then(|value| value.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// Whether a packet is STUN, by its first byte (RFC 7983).
pub(crate) fn is_stun(packet: &[u8]) -> bool {
    matches!(packet, [0..=3, ..])
}

/// An answer to a binding request that was authenticated.
pub(crate) fn is_success(packet: &[u8]) -> bool {
    packet.len() >= HEADER && packet[..2] == BINDING_SUCCESS && packet[4..8] == MAGIC_COOKIE
}

/// Which request a message is, or answers.
pub(crate) fn transaction(packet: &[u8]) -> Option<Transaction> {
    packet.get(8..HEADER)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use str0m::net::DatagramRecv;

    /// A binding request with the given USERNAME, after an attribute with padding.
    fn request(username: &[u8]) -> Vec<u8> {
        let mut attributes = vec![0xff, 0x22, 0, 3, b'a', b'b', b'c', 0];
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

    /// A check as a peer makes it, but for the attributes given; `ends`: with FINGERPRINT.
    fn check(extra: &[u8], ends: bool) -> Vec<u8> {
        let mut packet = request(b"00abcd:remote");
        put(&mut packet, PRIORITY, 4);
        packet.extend([1; 4]);
        put(&mut packet, ICE_CONTROLLING, 8);
        packet.extend([2; 8]);
        packet.extend(extra);
        let tag = integrity(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"secret"), &packet);
        put(&mut packet, MESSAGE_INTEGRITY, HMAC_SHA1);
        packet.extend(tag.as_ref());
        let length = packet.len() - HEADER + if ends { FINGERPRINT_SIZE } else { 0 };
        packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        if ends {
            packet.extend(fingerprint(&packet));
        }
        packet
    }

    #[test]
    fn a_check_is_read_and_answered_with_its_password_alone() {
        let source = "192.0.2.1:4000".parse().expect("an address");
        for packet in [check(&[], true), check(&[], false), check(&[0xc0, 0x57, 0, 0], true)] {
            let check = Check::read(&packet).expect("nothing unusual about it");
            assert_eq!(check.username, b"00abcd:remote");
            let answer = check.answer(b"secret", source).expect("its password");
            assert!(is_success(&answer) && answer[8..20] == packet[8..20]);
            assert_eq!(check.answer(b"guessed", source), None);
        }
        // What must be understood, and what str0m reads and we do not.
        for extra in [[0x7f, 0xfe, 0, 0], [0x80, 0x22, 0, 0]] {
            assert!(Check::read(&check(&extra, true)).is_none(), "{extra:02x?}");
        }
    }

    #[test]
    fn a_check_with_any_bit_turned_is_none_or_is_not_answered() {
        let packet = check(&[], true);
        for bit in 0..packet.len() * 8 {
            let mut turned = packet.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            let answer = Check::read(&turned).and_then(|check| check.answer(b"secret", ([192, 0, 2, 1], 4000).into()));
            assert_eq!(answer, None, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), ends in any::<bool>()) {
            request_ufrag(&bytes);
            let mut packet = request(b"");
            packet.extend(&bytes);
            let length = (packet.len() - HEADER) as u16;
            packet[2..4].copy_from_slice(&length.to_be_bytes());
            request_ufrag(&packet);
            for packet in [packet, check(&bytes, ends)] {
                // What is read here str0m can read, too: it will be told.
                prop_assert!(Check::read(&packet).is_none() || DatagramRecv::try_from(&packet[..]).is_ok());
            }
        }
    }
}
