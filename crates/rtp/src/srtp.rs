//! SRTP and SRTCP (RFC 3711, RFC 7714), with keys that DTLS agreed on (RFC 5764).
//!
//! Keys are expanded once. Sealing writes in place: a packet is never copied for it; opening writes where the payload stays.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use crate::replay::Replays;

/// Labels of RFC 3711 section 4.3.
const RTP: u8 = 0;
const RTCP: u8 = 3;
const CIPHER: u8 = 0;
const AUTHENTICATION: u8 = 1;
const SALT: u8 = 2;

const GCM_TAG: usize = 16;
const CM_TAG: usize = 10;
const INDEX: usize = 4;
/// What of an RTCP packet stays readable.
const RTCP_HEADER: usize = 8;
const ENCRYPTED: u32 = 1 << 31;

/// A protection profile of RFC 5764 or RFC 7714.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Profile {
    Aes128CmSha1_80,
    AeadAes128Gcm,
    AeadAes256Gcm,
}

impl Profile {
    fn key_length(self) -> usize {
        if self == Self::AeadAes256Gcm { 32 } else { 16 }
    }

    fn salt_length(self) -> usize {
        if self == Self::Aes128CmSha1_80 { 14 } else { 12 }
    }

    fn is_gcm(self) -> bool {
        self != Self::Aes128CmSha1_80
    }
}

/// What DTLS exported for one connection.
#[derive(Clone)]
pub struct Keys {
    profile: Profile,
    /// Key and salt of what we send, and of what the peer sends.
    local: (Vec<u8>, Vec<u8>),
    remote: (Vec<u8>, Vec<u8>),
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({:?})", self.profile)
    }
}

impl Keys {
    /// Takes the exported material apart (RFC 5764 section 4.2); `None` if it is too short.
    pub fn new(profile: Profile, material: &[u8], is_client: bool) -> Option<Self> {
        let (key, salt) = (profile.key_length(), profile.salt_length());
        let part = |start: usize, length: usize| material.get(start..start + length).map(<[u8]>::to_vec);
        let client = (part(0, key)?, part(2 * key, salt)?);
        let server = (part(key, key)?, part(2 * key + salt, salt)?);
        let (local, remote) = if is_client { (client, server) } else { (server, client) };
        Some(Self { profile, local, remote })
    }
}

/// One direction of RTP or RTCP.
enum Cipher {
    Gcm { key: LessSafeKey, salt: [u8; 12] },
    Cm { key: Box<EncryptingKey>, salt: [u8; 14], authentication: Box<hmac::Key> },
}

impl Cipher {
    fn new(profile: Profile, (master, master_salt): &(Vec<u8>, Vec<u8>), of: u8) -> Option<Self> {
        let mut salt = [0; 14];
        salt[..master_salt.len()].copy_from_slice(master_salt);
        let derive = |label, out: &mut [u8]| derive(master, salt, of + label, out);
        let mut key = vec![0; profile.key_length()];
        derive(CIPHER, &mut key)?;
        if profile.is_gcm() {
            let mut salt = [0; 12];
            derive(SALT, &mut salt)?;
            let algorithm = if profile == Profile::AeadAes256Gcm { &AES_256_GCM } else { &AES_128_GCM };
            return Some(Self::Gcm { key: LessSafeKey::new(UnboundKey::new(algorithm, &key).ok()?), salt });
        }
        let (mut salt, mut authentication) = ([0; 14], [0; 20]);
        derive(SALT, &mut salt)?;
        derive(AUTHENTICATION, &mut authentication)?;
        let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, &key).ok()?).ok()?;
        let authentication = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &authentication);
        Some(Self::Cm { key: Box::new(key), salt, authentication: Box::new(authentication) })
    }
}

/// The key derivation function of RFC 3711 section 4.3.1, with a derivation rate of zero.
fn derive(master: &[u8], mut salt: [u8; 14], label: u8, out: &mut [u8]) -> Option<()> {
    salt[7] ^= label;
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(&salt);
    let algorithm = if master.len() == 32 { &AES_256 } else { &AES_128 };
    let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, master).ok()?).ok()?;
    out.fill(0);
    key.less_safe_encrypt(out, EncryptionContext::Iv128(FixedLength::from(&iv))).ok()?;
    Some(())
}

/// RFC 3711 section 4.1.1.
fn counter(salt: &[u8; 14], ssrc: u32, index: u64) -> EncryptionContext {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(salt);
    xor(&mut iv[4..8], &ssrc.to_be_bytes());
    xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
    EncryptionContext::Iv128(FixedLength::from(&iv))
}

/// RFC 7714 sections 8.1 and 9.1: six bytes of index.
fn nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut iv = *salt;
    xor(&mut iv[2..6], &ssrc.to_be_bytes());
    xor(&mut iv[6..12], &index.to_be_bytes()[2..]);
    Nonce::assume_unique_for_key(iv)
}

fn xor(bytes: &mut [u8], with: &[u8]) {
    for (byte, with) in bytes.iter_mut().zip(with) {
        *byte ^= with;
    }
}

/// Seals media that is sent.
pub struct RtpSealer {
    cipher: Cipher,
}

impl RtpSealer {
    /// `None`: the library refuses the keys.
    pub fn new(keys: &Keys) -> Option<Self> {
        Some(Self { cipher: Cipher::new(keys.profile, &keys.local, RTP)? })
    }

    /// Seals the packet at the end of `bytes`, which begins at `start` and has a header of so many bytes. Its number is
    /// the extended sequence number, never the same twice for one `ssrc`.
    pub fn seal(&self, bytes: &mut Vec<u8>, start: usize, header: usize, ssrc: u32, number: u64) -> Option<()> {
        match &self.cipher {
            Cipher::Gcm { key, salt } => {
                let (header, body) = bytes[start..].split_at_mut(header);
                let nonce = nonce(salt, ssrc, number);
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&*header), body).ok()?;
                bytes.extend_from_slice(tag.as_ref());
            }
            Cipher::Cm { key, salt, authentication } => {
                key.less_safe_encrypt(&mut bytes[start + header..], counter(salt, ssrc, number)).ok()?;
                let mut mac = hmac::Context::with_key(authentication);
                mac.update(&bytes[start..]);
                mac.update(&((number >> 16) as u32).to_be_bytes());
                bytes.extend_from_slice(&mac.sign().as_ref()[..CM_TAG]);
            }
        }
        Some(())
    }
}

/// Seals RTCP that is sent.
pub struct RtcpSealer {
    cipher: Cipher,
    next: u32,
}

impl RtcpSealer {
    /// It numbers packets from `first` on (31 bits). Two that seal under the same keys have each its own sources, or
    /// numbers that never meet: what comes twice under one key gives the key away. `None`: the library refuses the keys.
    pub fn new(keys: &Keys, first: u32) -> Option<Self> {
        Some(Self { cipher: Cipher::new(keys.profile, &keys.local, RTCP)?, next: first & !ENCRYPTED })
    }

    /// Seals the packet at the end of `bytes` that begins at `start`.
    pub fn seal(&mut self, bytes: &mut Vec<u8>, start: usize) -> Option<()> {
        let ssrc = u32::from_be_bytes(bytes.get(start + 4..start + 8)?.try_into().ok()?);
        let index = self.next;
        self.next = (index + 1) & !ENCRYPTED;
        let word = (index | ENCRYPTED).to_be_bytes();
        match &self.cipher {
            Cipher::Gcm { key, salt } => {
                let mut associated = [0; RTCP_HEADER + INDEX];
                associated[..RTCP_HEADER].copy_from_slice(&bytes[start..start + RTCP_HEADER]);
                associated[RTCP_HEADER..].copy_from_slice(&word);
                let nonce = nonce(salt, ssrc, u64::from(index));
                let body = &mut bytes[start + RTCP_HEADER..];
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(associated), body).ok()?;
                bytes.extend_from_slice(tag.as_ref());
                bytes.extend_from_slice(&word);
            }
            Cipher::Cm { key, salt, authentication } => {
                let body = &mut bytes[start + RTCP_HEADER..];
                key.less_safe_encrypt(body, counter(salt, ssrc, u64::from(index))).ok()?;
                bytes.extend_from_slice(&word);
                let tag = hmac::sign(authentication, &bytes[start..]);
                bytes.extend_from_slice(&tag.as_ref()[..CM_TAG]);
            }
        }
        Some(())
    }
}

/// Opens the peer's media.
pub struct RtpOpener {
    cipher: Cipher,
}

impl RtpOpener {
    /// `None`: the library refuses the keys.
    pub fn new(keys: &Keys) -> Option<Self> {
        Some(Self { cipher: Cipher::new(keys.profile, &keys.remote, RTP)? })
    }

    /// The payload of a packet with a header of so many bytes, if its number is this extended one; `None`: it is not the peer's.
    pub fn open(&self, packet: &[u8], header: usize, ssrc: u32, number: u64) -> Option<Arc<[u8]>> {
        match &self.cipher {
            Cipher::Gcm { key, salt } => {
                let (sealed, tag) = packet.split_at_checked(packet.len().checked_sub(GCM_TAG)?)?;
                let (header, body) = sealed.split_at_checked(header)?;
                let mut payload = zeros(body.len());
                let out = Arc::get_mut(&mut payload)?;
                key.open_separate_gather(nonce(salt, ssrc, number), Aad::from(header), body, tag, out).ok()?;
                Some(payload)
            }
            Cipher::Cm { key, salt, authentication } => {
                let (sealed, tag) = packet.split_at_checked(packet.len().checked_sub(CM_TAG)?)?;
                let mut mac = hmac::Context::with_key(authentication);
                mac.update(sealed);
                mac.update(&((number >> 16) as u32).to_be_bytes());
                let expected = mac.sign();
                aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..CM_TAG], tag).ok()?;
                let mut payload: Arc<[u8]> = sealed.get(header..)?.into();
                // Counter mode is its own inverse.
                key.less_safe_encrypt(Arc::get_mut(&mut payload)?, counter(salt, ssrc, number)).ok()?;
                Some(payload)
            }
        }
    }
}

fn zeros(length: usize) -> Arc<[u8]> {
    std::iter::repeat_n(0, length).collect()
}

/// Opens the peer's RTCP.
pub struct RtcpOpener {
    cipher: Cipher,
    replays: Replays,
    opened: Vec<u8>,
}

impl RtcpOpener {
    /// `None`: the library refuses the keys.
    pub fn new(keys: &Keys) -> Option<Self> {
        let cipher = Cipher::new(keys.profile, &keys.remote, RTCP)?;
        Some(Self { cipher, replays: Replays::default(), opened: Vec::new() })
    }

    /// Reads what [`Self::open`] will, to have it in the processor's cache.
    pub fn look(&self) {
        black_box(self.opened.first());
        self.replays.look();
    }

    /// The packet as it was before it was sealed; `None`: it is not the peer's, or came before.
    pub fn open(&mut self, packet: &[u8]) -> Option<&[u8]> {
        let ssrc = u32::from_be_bytes(packet.get(4..8)?.try_into().ok()?);
        let opened = &mut self.opened;
        opened.clear();
        match &self.cipher {
            Cipher::Gcm { key, salt } => {
                let (sealed, word) = packet.split_at_checked(packet.len().checked_sub(INDEX)?)?;
                let (header, body) = sealed.split_at_checked(RTCP_HEADER)?;
                let index = u32::from_be_bytes(word.try_into().ok()?);
                // Nobody who does encryption leaves a packet without it.
                if index & ENCRYPTED == 0 || body.len() < GCM_TAG {
                    return None;
                }
                let mut associated = [0; RTCP_HEADER + INDEX];
                associated[..RTCP_HEADER].copy_from_slice(header);
                associated[RTCP_HEADER..].copy_from_slice(word);
                opened.extend_from_slice(sealed);
                let nonce = nonce(salt, ssrc, u64::from(index & !ENCRYPTED));
                let length = key.open_in_place(nonce, Aad::from(associated), &mut opened[RTCP_HEADER..]).ok()?.len();
                opened.truncate(RTCP_HEADER + length);
                if !self.replays.note(ssrc, index & !ENCRYPTED) {
                    return None;
                }
            }
            Cipher::Cm { key, salt, authentication } => {
                let (signed, tag) = packet.split_at_checked(packet.len().checked_sub(CM_TAG)?)?;
                let (sealed, word) = signed.split_at_checked(signed.len().checked_sub(INDEX)?)?;
                let index = u32::from_be_bytes(word.try_into().ok()?);
                if index & ENCRYPTED == 0 || sealed.len() < RTCP_HEADER {
                    return None;
                }
                let expected = hmac::sign(authentication, signed);
                aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..CM_TAG], tag).ok()?;
                if !self.replays.note(ssrc, index & !ENCRYPTED) {
                    return None;
                }
                opened.extend_from_slice(sealed);
                let context = counter(salt, ssrc, u64::from(index & !ENCRYPTED));
                // Counter mode is its own inverse.
                key.less_safe_encrypt(&mut opened[RTCP_HEADER..], context).ok()?;
            }
        }
        Some(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
    }

    #[test]
    fn keys_are_derived_as_in_rfc_3711_appendix_b_3() {
        let master = bytes("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt: [u8; 14] = bytes("0EC675AD498AFEEBB6960B3AABE6").try_into().expect("fourteen");
        let derived = |label, length| {
            let mut out = vec![0; length];
            derive(&master, salt, label, &mut out).expect("derived");
            out
        };
        assert_eq!(derived(CIPHER, 16), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived(SALT, 14), bytes("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(derived(AUTHENTICATION, 20), bytes("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    #[test]
    fn a_packet_is_sealed_as_in_rfc_7714_section_16_1() {
        let key =
            LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &bytes("000102030405060708090a0b0c0d0e0f")).expect("a key"));
        let salt = bytes("517569642070726f2071756f").try_into().expect("twelve");
        let sealer = RtpSealer { cipher: Cipher::Gcm { key, salt } };
        let mut packet = bytes(
            "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573",
        );
        sealer.seal(&mut packet, 0, 12, 0x5501_a0b2, 0xf17b).expect("sealed");
        assert_eq!(
            packet,
            bytes(
                "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833\
                 899d7f27beb16a9152cf765ee4390cce"
                    .replace(' ', "")
                    .as_str()
            )
        );
    }

    #[test]
    fn what_one_side_seals_the_other_opens_and_nothing_else() {
        for profile in [Profile::Aes128CmSha1_80, Profile::AeadAes128Gcm, Profile::AeadAes256Gcm] {
            let material: Vec<u8> = (0..2 * (profile.key_length() + profile.salt_length()) as u8).collect();
            let keys = |is_client| Keys::new(profile, &material, is_client).expect("long enough");
            let mut sealer = RtcpSealer::new(&keys(false), 7).expect("a sealer");
            let mut opener = RtcpOpener::new(&keys(true)).expect("an opener");
            let plain: Vec<u8> = [0x80, 200, 0, 6].into_iter().chain(1..=24).collect();
            for _ in 0..3 {
                let mut sealed = vec![9];
                sealed.extend(&plain);
                sealer.seal(&mut sealed, 1).expect("sealed");
                assert_eq!(opener.open(&sealed[1..]), Some(&plain[..]), "{profile:?}");
                assert_eq!(opener.open(&sealed[1..]), None, "{profile:?}: again");
                for at in 0..sealed.len() - 1 {
                    let mut forged = sealed[1..].to_vec();
                    forged[at] ^= 1;
                    assert_eq!(opener.open(&forged), None, "{profile:?}: byte {at}");
                    assert_eq!(opener.open(&sealed[1..=at]), None, "{profile:?}: {at} bytes");
                }
            }
            let sealer = RtpSealer::new(&keys(false)).expect("a sealer");
            let opener = RtpOpener::new(&keys(true)).expect("an opener");
            for length in [0, 1, 20, 1200] {
                let (number, ssrc) = (0x0003_0102, 0x0405_0607);
                let header = [0x80, 96, 1, 2, 9, 9, 9, 9, 4, 5, 6, 7];
                let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
                let mut sealed = [&header[..], &payload].concat();
                sealer.seal(&mut sealed, 0, header.len(), ssrc, number).expect("sealed");
                let open = |packet: &[u8], number| opener.open(packet, header.len(), ssrc, number);
                assert_eq!(open(&sealed, number).as_deref(), Some(&payload[..]), "{profile:?}");
                assert_eq!(open(&sealed, number + (1 << 16)), None, "{profile:?}: of another cycle");
                for at in (0..sealed.len()).filter(|at| *at < 40 || at % 97 == 0) {
                    let mut forged = sealed.clone();
                    forged[at] ^= 1;
                    assert_eq!(open(&forged, number), None, "{profile:?}: byte {at}");
                    assert_eq!(open(&sealed[..at], number), None, "{profile:?}: {at} bytes");
                }
            }
            assert!(Keys::new(profile, &material[1..], true).is_none(), "one byte too short");
        }
    }
}
