//! SRTP for what is sent, and SRTCP in both directions (RFC 3711, RFC 7714), with keys that DTLS agreed on (RFC 5764).
//!
//! Keys are expanded once. Sealing writes in place: a packet is never copied for it.

use std::fmt;

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

impl Keys {
    /// Material that is like this but for what we seal with, which is random, and the keys that open what is sealed by it.
    ///
    /// For whoever must open what the peer seals and must not seal anything by itself: numbers that two count under one
    /// key give the key away.
    pub fn decoy(&self, is_client: bool) -> Option<(Vec<u8>, Self)> {
        let mut local = self.local.clone();
        aws_lc_rs::rand::fill(&mut local.0).ok()?;
        aws_lc_rs::rand::fill(&mut local.1).ok()?;
        let (client, server) = if is_client { (&local, &self.remote) } else { (&self.remote, &local) };
        let material = [&client.0[..], &server.0, &client.1, &server.1].concat();
        Some((material, Self { profile: self.profile, local: self.remote.clone(), remote: local }))
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

/// Seals what is sent.
pub(crate) struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    rtcp_index: u32,
}

impl Sealer {
    /// `None`: the library refuses the keys.
    pub fn new(keys: &Keys) -> Option<Self> {
        let cipher = |of| Cipher::new(keys.profile, &keys.local, of);
        Some(Self { rtp: cipher(RTP)?, rtcp: cipher(RTCP)?, rtcp_index: 0 })
    }

    /// Seals the packet at the end of `bytes`, which begins at `start` and has a header of so many bytes. Its number is
    /// the extended sequence number, never the same twice for one `ssrc`.
    pub fn seal_rtp(&self, bytes: &mut Vec<u8>, start: usize, header: usize, ssrc: u32, number: u64) -> Option<()> {
        match &self.rtp {
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

    /// Seals the RTCP packet at the end of `bytes` that begins at `start`.
    pub fn seal_rtcp(&mut self, bytes: &mut Vec<u8>, start: usize) -> Option<()> {
        let ssrc = u32::from_be_bytes(bytes.get(start + 4..start + 8)?.try_into().ok()?);
        let index = self.rtcp_index;
        self.rtcp_index = (index + 1) & !ENCRYPTED;
        let word = (index | ENCRYPTED).to_be_bytes();
        match &self.rtcp {
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

/// Opens the peer's RTCP.
pub(crate) struct Opener {
    rtcp: Cipher,
    replays: Replays,
    opened: Vec<u8>,
}

impl Opener {
    /// `None`: the library refuses the keys.
    pub fn new(keys: &Keys) -> Option<Self> {
        Some(Self {
            rtcp: Cipher::new(keys.profile, &keys.remote, RTCP)?,
            replays: Replays::default(),
            opened: Vec::new(),
        })
    }

    /// The packet as it was before it was sealed; `None`: it is not the peer's, or came before.
    pub fn open_rtcp(&mut self, packet: &[u8]) -> Option<&[u8]> {
        let ssrc = u32::from_be_bytes(packet.get(4..8)?.try_into().ok()?);
        let opened = &mut self.opened;
        opened.clear();
        match &self.rtcp {
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
        let rtp = Cipher::Gcm { key, salt };
        let sealer = Sealer {
            rtcp: Cipher::new(Profile::AeadAes128Gcm, &(vec![0; 16], vec![0; 12]), RTCP).expect("keys"),
            rtp,
            rtcp_index: 0,
        };
        let mut packet = bytes(
            "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573",
        );
        sealer.seal_rtp(&mut packet, 0, 12, 0x5501_a0b2, 0xf17b).expect("sealed");
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
            let mut sealer = Sealer::new(&keys(false)).expect("a sealer");
            let mut opener = Opener::new(&keys(true)).expect("an opener");
            let plain: Vec<u8> = [0x80, 200, 0, 6].into_iter().chain(1..=24).collect();
            for _ in 0..3 {
                let mut sealed = vec![9];
                sealed.extend(&plain);
                sealer.seal_rtcp(&mut sealed, 1).expect("sealed");
                assert_eq!(opener.open_rtcp(&sealed[1..]), Some(&plain[..]), "{profile:?}");
                assert_eq!(opener.open_rtcp(&sealed[1..]), None, "{profile:?}: again");
                for at in 0..sealed.len() - 1 {
                    let mut forged = sealed[1..].to_vec();
                    forged[at] ^= 1;
                    assert_eq!(opener.open_rtcp(&forged), None, "{profile:?}: byte {at}");
                    assert_eq!(opener.open_rtcp(&sealed[1..=at]), None, "{profile:?}: {at} bytes");
                }
            }
            let (decoy, foreign) = keys(false).decoy(false).expect("a decoy");
            let mut other = Sealer::new(&Keys::new(profile, &decoy, false).expect("as long")).expect("a sealer");
            let mut sealed = plain.clone();
            other.seal_rtcp(&mut sealed, 0).expect("sealed");
            assert_eq!(opener.open_rtcp(&sealed), None, "{profile:?}: the peer takes nothing of the decoy's");
            assert_eq!(Opener::new(&foreign).expect("an opener").open_rtcp(&sealed), Some(&plain[..]));
            assert!(Keys::new(profile, &material[1..], true).is_none(), "one byte too short");
        }
    }
}
