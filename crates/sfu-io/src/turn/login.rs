//! Who may use TURN: RFC 8489's long-term credentials, made from a secret that signalling knows, too.
//!
//! The user name tells until when it is good and whose it is, and the password is its HMAC: coturn's REST scheme. So
//! nothing is stored, and a request costs no more than its answer until it comes with a nonce that we gave to its sender.

use std::net::SocketAddr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use stun_types::attribute::{ErrorCode, MessageIntegrity, MessageIntegritySha256, Nonce, Realm, Username};
use stun_types::message::{IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageIntegrityCredentials};
use stun_types::prelude::AttributeStaticType;

pub(crate) const REALM: &str = "visavis";
/// Then a client is told the next one; none needs to notice.
const NONCE_SECONDS: u32 = 3600;
const TIME_BYTES: usize = 4;
/// Of the nonce's HMAC: it is guessed online only, and each byte makes the answer to a stranger longer.
const PROOF_BYTES: usize = 8;

pub(crate) struct Login {
    passwords: hmac::Key,
    nonces: hmac::Key,
}

/// Who sent a request, as its MESSAGE-INTEGRITY proves.
#[derive(Debug)]
pub(crate) struct User {
    pub name: String,
    pub participant: String,
    /// Seconds of Unix time until which the name may allocate.
    pub expires: u64,
    pub credentials: MessageIntegrityCredentials,
    pub algorithm: IntegrityAlgorithm,
}

impl Login {
    /// # Panics
    /// If the system has no random numbers.
    pub fn new(secret: &[u8]) -> Self {
        let random = aws_lc_rs::rand::SystemRandom::new();
        Self {
            passwords: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret),
            nonces: hmac::Key::generate(hmac::HMAC_SHA256, &random).expect("the system has random numbers"),
        }
    }

    /// The nonce for a client: proves to us that it receives what we send to this address.
    pub fn nonce(&self, client: SocketAddr, unix: u64) -> String {
        let time = unix as u32;
        let mut nonce = time.to_be_bytes().to_vec();
        nonce.extend(&self.proof(client, time)[..PROOF_BYTES]);
        BASE64_URL_SAFE_NO_PAD.encode(nonce)
    }

    /// Who sent the request, or the error to answer with (RFC 8489 section 9.2.4).
    pub fn authenticate(&self, request: &Message<'_>, client: SocketAddr, unix: u64) -> Result<User, u16> {
        if ![MessageIntegrity::TYPE, MessageIntegritySha256::TYPE].iter().any(|kind| request.has_attribute(*kind)) {
            return Err(ErrorCode::UNAUTHORIZED);
        }
        let bad = |_| ErrorCode::BAD_REQUEST;
        let name = request.attribute::<Username>().map_err(bad)?.username().to_owned();
        let realm = request.attribute::<Realm>().map_err(bad)?;
        let nonce = request.attribute::<Nonce>().map_err(bad)?;
        if !self.is_fresh(nonce.nonce(), client, unix) {
            return Err(ErrorCode::STALE_NONCE);
        }
        let (expires, participant) = name.split_once(':').ok_or(ErrorCode::UNAUTHORIZED)?;
        let expires = expires.parse().map_err(|_| ErrorCode::UNAUTHORIZED)?;
        let participant = participant.to_owned();
        if realm.realm() != REALM {
            return Err(ErrorCode::UNAUTHORIZED);
        }
        let password = BASE64_STANDARD.encode(hmac::sign(&self.passwords, name.as_bytes()));
        let credentials = LongTermKeyCredentials::new(name.clone(), password, REALM.to_owned()).into();
        let algorithm = request.validate_integrity(&credentials).map_err(|_| ErrorCode::UNAUTHORIZED)?;
        Ok(User { name, participant, expires, credentials, algorithm })
    }

    fn is_fresh(&self, nonce: &str, client: SocketAddr, unix: u64) -> bool {
        let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Some((time, proof)) = bytes.split_first_chunk::<TIME_BYTES>() else { return false };
        let time = u32::from_be_bytes(*time);
        // A clock that was set back makes nonces from the future: those are stale as well.
        (unix as u32).wrapping_sub(time) < NONCE_SECONDS
            && proof.len() == PROOF_BYTES
            && aws_lc_rs::constant_time::verify_slices_are_equal(proof, &self.proof(client, time)[..PROOF_BYTES])
                .is_ok()
    }

    fn proof(&self, client: SocketAddr, time: u32) -> Vec<u8> {
        hmac::sign(&self.nonces, format!("{client} {time}").as_bytes()).as_ref().to_vec()
    }
}
