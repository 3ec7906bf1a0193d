//! A peer whose checks a test makes by hand, as its agent would or would not, and reads what is answered.

use std::net::SocketAddr;

use stun_types::attribute::{AttributeType, ErrorCode, RawAttribute, XorMappedAddress};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, Message, MessageClass, MessageIntegrityCredentials, MessageType, MessageWriteVec,
    ShortTermCredentials, TransactionId,
};
use stun_types::prelude::{MessageWrite, MessageWriteExt};
use visavis_sfu::{Event, Protocol};

use super::Call;
use super::network::{Datagram, SERVER};
use super::work::counted;

const USERNAME: u16 = 0x0006;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const SOFTWARE: u16 = 0x8022;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;

/// What is unusual about a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    WrongPassword,
    OtherUsername,
    /// It says that the peer is controlled, as we are, and has drawn this number.
    RoleConflict(u64),
    NoRole,
    NoPriority,
    TwoUsernames,
    /// An attribute that must be understood.
    Required,
    /// One that need not be.
    Optional,
    Software,
    NoFingerprint,
    WrongFingerprint,
    NoIntegrity,
    /// Bytes are missing at its end, or there are more than it says.
    Short(usize),
    Long(usize),
}

/// What is said to a check; what was wrong with its form is found before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Success(SocketAddr),
    Error(u16),
}

/// The agent of one connection.
#[derive(Debug, Clone)]
pub struct Peer {
    pub username: String,
    /// The server's.
    pub password: String,
    pub address: SocketAddr,
    pub priority: u32,
    /// Checks of the server's own, as they came.
    pub asked: Vec<Vec<u8>>,
    own_password: String,
    count: u128,
}

impl Peer {
    /// As a participant's publisher connection has it now.
    pub fn of(call: &mut Call, name: &str) -> Self {
        let publisher = &mut call.client(name).publisher;
        let (own, address) = (publisher.rtc.direct_api().local_ice_credentials(), publisher.address);
        let (ufrag, password) = server_credentials(call, name);
        let username = format!("{ufrag}:{}", own.ufrag);
        let (priority, asked, own_password) = (0x7e00_1eff, Vec::new(), own.pass);
        Self { username, password, address, priority, asked, own_password, count: 0 }
    }

    /// The same, and its client is gone without a word.
    pub fn instead_of(call: &mut Call, name: &str) -> Self {
        let peer = Self::of(call, name);
        call.vanish(name);
        peer
    }

    pub fn check(&mut self, nominates: bool, flaw: Flaw) -> Vec<u8> {
        self.count += 1;
        let kind = MessageType::from_class_method(MessageClass::Request, BINDING);
        let mut request = Message::builder(kind, TransactionId::from(self.count), MessageWriteVec::new());
        let mut put = |kind: u16, value: &[u8]| {
            request.add_attribute(&RawAttribute::new(AttributeType::new(kind), value)).expect("another attribute");
        };
        let username = if flaw == Flaw::OtherUsername { format!("{}x", self.username) } else { self.username.clone() };
        put(USERNAME, username.as_bytes());
        match flaw {
            Flaw::TwoUsernames => {
                put(USERNAME, b"somebody:else");
                put(ICE_CONTROLLING, &7_u64.to_be_bytes());
            }
            Flaw::RoleConflict(number) => put(ICE_CONTROLLED, &number.to_be_bytes()),
            Flaw::NoRole => {}
            _ => put(ICE_CONTROLLING, &7_u64.to_be_bytes()),
        }
        if nominates {
            put(USE_CANDIDATE, &[]);
        }
        match flaw {
            Flaw::Required => put(0x7ffe, b"what"),
            Flaw::Optional => put(0xc057, &[0, 1, 0, 10]),
            Flaw::Software => put(SOFTWARE, b"agent"),
            _ => {}
        }
        if flaw != Flaw::NoPriority {
            put(PRIORITY, &self.priority.to_be_bytes());
        }
        let password = if flaw == Flaw::WrongPassword { "guessed" } else { &self.password };
        if flaw != Flaw::NoIntegrity {
            let credentials = credentials(password);
            request.add_message_integrity(&credentials, IntegrityAlgorithm::Sha1).expect("a first one");
        }
        if flaw != Flaw::NoFingerprint {
            request.add_fingerprint().expect("a first one");
        }
        let mut packet = request.finish();
        match flaw {
            Flaw::WrongFingerprint => *packet.last_mut().expect("some bytes") ^= 1,
            Flaw::Short(bytes) => packet.truncate(packet.len().saturating_sub(bytes)),
            Flaw::Long(bytes) => packet.resize(packet.len() + bytes, 0),
            _ => {}
        }
        packet
    }

    /// Sends a check from an address, and takes what is answered: as it is, and as it reads.
    pub fn ask(&mut self, call: &mut Call, source: SocketAddr, check: &[u8]) -> Option<(Vec<u8>, Answer)> {
        let now = call.now;
        counted(|| call.shard.handle_datagram(now, Protocol::Udp, source, SERVER, check));
        call.shard.flush(now);
        let mut answers = Vec::new();
        while let Some(transmit) = call.shard.poll_transmit() {
            assert_eq!((transmit.protocol, transmit.source), (Protocol::Udp, SERVER));
            if transmit.payload[0] == 1 && transmit.destination == source {
                answers.push(transmit.payload);
            } else if transmit.payload[..2] == [0, 1] && transmit.destination == source {
                self.asked.push(transmit.payload);
            } else {
                let (source, destination, payload) = (transmit.source, transmit.destination, transmit.payload);
                call.network.send(now, Datagram { source, destination, payload });
            }
        }
        assert!(answers.len() <= 1, "{} answers to one check", answers.len());
        let answer = answers.pop()?;
        let read = self.read(check, &answer);
        Some((answer, read))
    }

    /// The same from where it is, with an ordinary check.
    pub fn is_answered(&mut self, call: &mut Call, nominates: bool) -> bool {
        let (check, source) = (self.check(nominates, Flaw::None), self.address);
        self.ask(call, source, &check).is_some()
    }

    /// Reads a check of the server's, which must be in order, and one of an agent that leaves the nomination to the other.
    pub fn assert_controls(&self, check: &[u8]) {
        let message = Message::from_bytes(check).expect("a check in order");
        let made_with = message.validate_integrity(&credentials(&self.own_password));
        assert_eq!(made_with.expect("made with the peer's password"), IntegrityAlgorithm::Sha1);
        let username = message.raw_attribute(AttributeType::new(USERNAME)).expect("whose it is");
        let (server, own) = self.username.split_once(':').expect("two parts");
        assert_eq!(username.value[..], *format!("{own}:{server}").as_bytes());
        for needed in [PRIORITY, ICE_CONTROLLED, FINGERPRINT] {
            assert!(message.has_attribute(AttributeType::new(needed)), "{needed:04x}");
        }
        assert!(!message.has_attribute(AttributeType::new(USE_CANDIDATE)));
    }

    /// Reads an answer, which must be in order.
    fn read(&self, check: &[u8], answer: &[u8]) -> Answer {
        // That looks at FINGERPRINT, too.
        let message = Message::from_bytes(answer).expect("an answer in order");
        let made_with = message.validate_integrity(&credentials(&self.password));
        assert_eq!(made_with.expect("made with the password"), IntegrityAlgorithm::Sha1);
        assert!(message.has_attribute(AttributeType::new(FINGERPRINT)));
        assert_eq!(answer[8..20], check[8..20], "the check's transaction");
        match message.class() {
            MessageClass::Success => {
                let mapped = message.attribute::<XorMappedAddress>().expect("where the check came from");
                Answer::Success(mapped.addr(message.transaction_id()))
            }
            _ => Answer::Error(message.attribute::<ErrorCode>().expect("what is wrong").code()),
        }
    }
}

fn credentials(password: &str) -> MessageIntegrityCredentials {
    ShortTermCredentials::new(password.to_owned()).into()
}

/// What the server has told of its agent last.
fn server_credentials(call: &Call, name: &str) -> (String, String) {
    let answers = call.events_of(|event| match event {
        Event::Answer { participant, sdp, .. } if participant == name => Some(sdp.as_str()),
        _ => None,
    });
    let sdp = answers.last().expect("an answered offer");
    let value = |name| sdp.lines().find_map(|line| line.strip_prefix(name)).expect("in every answer").to_owned();
    (value("a=ice-ufrag:"), value("a=ice-pwd:"))
}
