//! A TURN client against [`Turn`], in virtual time.

use proptest::prelude::*;
use std::time::Duration;
use stun_types::AddressFamily;
use stun_types::attribute::XorMappedAddress;
use stun_types::message::{IntegrityAlgorithm, LongTermKeyCredentials, Method, TransactionId};
use stun_types::prelude::AttributeWrite;
use turn_types::attribute::{
    ChannelNumber, DontFragment, Lifetime, RequestedAddressFamily, RequestedTransport, XorRelayedAddress,
};

use super::*;

const SECRET: &[u8] = b"the server's own";
const UNIX: u64 = 1_800_000_000;
const MEDIA: &str = "203.0.113.5:7882";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// One client with its credentials, and the server.
struct Stage {
    turn: Turn,
    start: Instant,
    later: Duration,
    client: Client,
    username: String,
    password: String,
    nonce: String,
}

impl Stage {
    fn new() -> Self {
        let turn = Turn::new(SECRET, vec![address(MEDIA), address("[2001:db8::5]:7882")]);
        turn.admit("PA_alice");
        let client = Client { protocol: Protocol::Udp, address: address("198.51.100.9:40000"), socket: 0 };
        let username = format!("{}:PA_alice", UNIX + 3600);
        let password = password_of(&username);
        let mut stage = Self {
            turn,
            start: Instant::now(),
            later: Duration::ZERO,
            client,
            username,
            password,
            nonce: String::new(),
        };
        stage.nonce = stage.turn.login.nonce(client.address, UNIX);
        stage
    }

    fn moment(&self) -> Moment {
        Moment { now: self.start + self.later, unix: UNIX + self.later.as_secs() }
    }

    fn signed(&self, method: Method, attributes: &[&dyn AttributeWrite], transaction: Option<u128>) -> Vec<u8> {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        if let Some(transaction) = transaction {
            let mut bytes = request.finish();
            bytes[4..20].copy_from_slice(&(transaction | (0x2112_a442 << 96)).to_be_bytes());
            request = MessageWriteVec::new();
            request.push_data(&bytes);
        }
        for attribute in attributes {
            request.add_attribute(*attribute).expect("fits");
        }
        request.add_attribute(&Username::new(&self.username).expect("short")).expect("fits");
        request.add_attribute(&Realm::new(REALM).expect("short")).expect("fits");
        request.add_attribute(&Nonce::new(&self.nonce).expect("short")).expect("fits");
        let credentials =
            LongTermKeyCredentials::new(self.username.clone(), self.password.clone(), REALM.into()).into();
        request.add_message_integrity(&credentials, IntegrityAlgorithm::Sha1).expect("once");
        request.finish()
    }

    fn send(&self, packet: &[u8]) -> Vec<u8> {
        match self.turn.handle(self.moment(), self.client, packet) {
            Reaction::Answer(answer) => answer,
            other => panic!("no answer but {other:?}"),
        }
    }

    /// The error code that a request is answered with; 0: success.
    fn ask(&self, method: Method, attributes: &[&dyn AttributeWrite]) -> u16 {
        code(&self.send(&self.signed(method, attributes, None)))
    }

    fn allocate(&self) -> SocketAddr {
        let answer = self.send(&self.signed(ALLOCATE, &[&RequestedTransport::new(17)], None));
        let answer = Message::from_bytes(&answer).expect("STUN");
        let relayed = answer.attribute::<XorRelayedAddress>().expect("an allocation").addr(answer.transaction_id());
        assert!(is_relayed(relayed), "{relayed} may be somebody's");
        relayed
    }

    /// ChannelBind with a transaction id for which XOR-ed addresses can be made beforehand.
    fn about_peer(&self, method: Method, peer: &str, channel: Option<u16>) -> u16 {
        let transaction = 7;
        let peer = XorPeerAddress::new(address(peer), TransactionId::from(transaction));
        let channel = channel.map(ChannelNumber::new);
        let mut attributes: Vec<&dyn AttributeWrite> = vec![&peer];
        attributes.extend(channel.as_ref().map(|channel| channel as &dyn AttributeWrite));
        code(&self.send(&self.signed(method, &attributes, Some(transaction))))
    }
}

fn password_of(username: &str) -> String {
    use base64::Engine as _;
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET);
    base64::prelude::BASE64_STANDARD.encode(aws_lc_rs::hmac::sign(&key, username.as_bytes()))
}

fn code(answer: &[u8]) -> u16 {
    let answer = Message::from_bytes(answer).expect("STUN");
    match answer.class() {
        MessageClass::Success => 0,
        _ => answer.attribute::<ErrorCode>().expect("an error says which").code(),
    }
}

fn indication(peer: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = Message::builder_indication(SEND, MessageWriteVec::new());
    let peer = XorPeerAddress::new(address(peer), message.transaction_id());
    message.add_attribute(&peer).expect("fits");
    message.add_attribute(&Data::new(payload)).expect("fits");
    message.finish()
}

#[test]
fn a_stranger_is_told_how_to_log_in_in_hardly_more_than_it_sent() {
    let stage = Stage::new();
    let mut request = Message::builder_request(ALLOCATE, MessageWriteVec::new());
    request.add_attribute(&RequestedTransport::new(17)).expect("fits");
    let request = request.finish();
    let answer = stage.send(&request);
    let parsed = Message::from_bytes(&answer).expect("STUN");
    assert_eq!(code(&answer), 401);
    assert_eq!(parsed.attribute::<Realm>().expect("a realm").realm(), REALM);
    assert_eq!(parsed.attribute::<Nonce>().expect("a nonce").nonce(), stage.nonce);
    // With the headers of IP and UDP.
    assert!(28 + answer.len() <= 2 * (28 + request.len()), "{} bytes for {}", answer.len(), request.len());
}

#[test]
fn packets_go_to_the_media_address_and_back_by_indication_and_by_channel() {
    let stage = Stage::new();
    let relayed = stage.allocate();
    let media = address(MEDIA);
    let hello = indication(MEDIA, b"hello");
    assert_eq!(stage.turn.handle(stage.moment(), stage.client, &hello), Reaction::Ignore, "without a permission");
    assert_eq!(stage.turn.wrap(stage.moment().now, media, relayed, b"hi"), None, "without a permission");
    assert_eq!(stage.about_peer(CREATE_PERMISSION, MEDIA, None), 0);
    let relay = |payload| Reaction::Relay { relayed, peer: media, payload };
    assert_eq!(stage.turn.handle(stage.moment(), stage.client, &hello), relay(b"hello"));
    let (client, wrapped) = stage.turn.wrap(stage.moment().now, media, relayed, b"hi").expect("a permission");
    let message = Message::from_bytes(&wrapped).expect("STUN");
    assert_eq!((client, message.method()), (stage.client, DATA));
    assert_eq!(message.attribute::<Data>().expect("data").data(), b"hi");
    assert_eq!(message.attribute::<XorPeerAddress>().expect("peer").addr(message.transaction_id()), media);
    assert_eq!(stage.about_peer(CHANNEL_BIND, MEDIA, Some(0x4001)), 0);
    assert_eq!(stage.turn.handle(stage.moment(), stage.client, b"\x40\x01\x00\x03abcPAD"), relay(b"abc"));
    let (_, wrapped) = stage.turn.wrap(stage.moment().now, media, relayed, b"abc").expect("a channel");
    assert_eq!(wrapped, b"\x40\x01\x00\x03abc");
}

#[test]
fn channel_data_on_a_stream_is_padded() {
    let mut stage = Stage::new();
    stage.client.protocol = Protocol::Tcp;
    let relayed = stage.allocate();
    stage.about_peer(CHANNEL_BIND, MEDIA, Some(0x4001));
    let (_, wrapped) = stage.turn.wrap(stage.moment().now, address(MEDIA), relayed, b"abc").expect("a channel");
    assert_eq!(wrapped, b"\x40\x01\x00\x03abc\x00");
}

#[test]
fn nobody_but_ourselves_is_relayed_to() {
    let stage = Stage::new();
    stage.allocate();
    for peer in ["192.0.2.1:7882", "127.0.0.1:22", "169.254.169.254:80", "0.0.0.0:7882", "203.0.113.6:7882"] {
        assert_eq!(stage.about_peer(CREATE_PERMISSION, peer, None), 403, "{peer}");
        assert_eq!(stage.about_peer(CHANNEL_BIND, peer, Some(0x4000)), 403, "{peer}");
    }
    assert_eq!(stage.about_peer(CHANNEL_BIND, "203.0.113.5:22", Some(0x4000)), 403, "another port of ours");
    assert_eq!(stage.about_peer(CREATE_PERMISSION, "[2001:db8::5]:7882", None), 443, "another family");
    assert_eq!(stage.about_peer(CREATE_PERMISSION, MEDIA, None), 0);
    let elsewhere = indication("203.0.113.5:22", b"hello");
    assert_eq!(
        stage.turn.handle(stage.moment(), stage.client, &elsewhere),
        Reaction::Ignore,
        "a permission has no port"
    );
}

#[test]
fn credentials_are_refused_when_they_are_wrong_or_over() {
    let transport = RequestedTransport::new(17);
    let attempt = |change: &dyn Fn(&mut Stage)| {
        let mut stage = Stage::new();
        change(&mut stage);
        stage.ask(ALLOCATE, &[&transport])
    };
    assert_eq!(attempt(&|_| {}), 0);
    assert_eq!(attempt(&|stage| stage.password = "wrong".into()), 401);
    assert_eq!(attempt(&|stage| stage.username = format!("{}:PA_alice", UNIX + 7200)), 401, "another's password");
    assert_eq!(attempt(&|stage| stage.username = "PA_alice".into()), 401);
    assert_eq!(attempt(&|stage| stage.turn.dismiss("PA_alice")), 401, "who has left");
    let old = |stage: &mut Stage| {
        stage.username = format!("{}:PA_alice", UNIX - 1);
        stage.password = password_of(&stage.username);
    };
    assert_eq!(attempt(&old), 401, "expired");
    assert_eq!(attempt(&|stage| stage.nonce = "AAAAAAAAAAAAAAAA".into()), 438);
    assert_eq!(attempt(&|stage| stage.nonce = "a b".into()), 438);
    assert_eq!(attempt(&|stage| stage.client.address = address("198.51.100.10:40000")), 438, "another's nonce");
    assert_eq!(attempt(&|stage| stage.later = Duration::from_secs(3600)), 438, "an old nonce");
}

#[test]
fn an_allocation_is_its_makers() {
    let mut stage = Stage::new();
    assert_eq!(stage.ask(REFRESH, &[]), 437);
    stage.allocate();
    assert_eq!(stage.ask(ALLOCATE, &[&RequestedTransport::new(17)]), 437, "it has one");
    stage.turn.admit("PA_bob");
    stage.username = format!("{}:PA_bob", UNIX + 3600);
    stage.password = password_of(&stage.username);
    assert_eq!(stage.ask(REFRESH, &[]), 441);
    assert_eq!(stage.about_peer(CREATE_PERMISSION, MEDIA, None), 441);
    assert_eq!(stage.about_peer(CHANNEL_BIND, MEDIA, Some(0x4000)), 441);
}

#[test]
fn a_request_that_comes_twice_is_answered_alike() {
    let stage = Stage::new();
    let request = stage.signed(ALLOCATE, &[&RequestedTransport::new(17)], None);
    assert_eq!(stage.send(&request), stage.send(&request));
}

#[test]
fn what_is_not_offered_is_refused_by_its_number() {
    let stage = Stage::new();
    let udp = RequestedTransport::new(17);
    assert_eq!(stage.ask(ALLOCATE, &[]), 400);
    assert_eq!(stage.ask(ALLOCATE, &[&RequestedTransport::new(6)]), 442);
    assert_eq!(stage.ask(ALLOCATE, &[&udp, &DontFragment::new()]), 420);
    let only_v4 = Turn::new(SECRET, vec![address(MEDIA)]);
    only_v4.admit("PA_alice");
    let mut other = Stage::new();
    other.turn = only_v4;
    other.nonce = other.turn.login.nonce(other.client.address, UNIX);
    assert_eq!(other.ask(ALLOCATE, &[&udp, &RequestedAddressFamily::new(AddressFamily::IPV6)]), 440);
    assert_eq!(stage.ask(ALLOCATE, &[&udp, &RequestedAddressFamily::new(AddressFamily::IPV6)]), 0);
    assert_eq!(stage.about_peer(CHANNEL_BIND, "[2001:db8::5]:7882", Some(0x5000)), 400);
    assert_eq!(stage.about_peer(CHANNEL_BIND, "[2001:db8::5]:7882", Some(0x4fff)), 0);
    assert_eq!(stage.about_peer(CHANNEL_BIND, "[2001:db8::5]:7882", Some(0x4ffe)), 400, "it has a channel");
}

#[test]
fn everything_ends_unless_it_is_refreshed() {
    let mut stage = Stage::new();
    let relayed = stage.allocate();
    stage.about_peer(CHANNEL_BIND, MEDIA, Some(0x4001));
    stage.later = Duration::from_secs(599);
    assert_eq!(stage.turn.expire(stage.moment().now), []);
    assert_eq!(stage.ask(REFRESH, &[&Lifetime::new(1_000_000)]), 0);
    stage.later = Duration::from_secs(601);
    assert_eq!(stage.turn.wrap(stage.moment().now, address(MEDIA), relayed, b"hi"), None, "the channel");
    stage.later = Duration::from_secs(599 + 601);
    assert_eq!(stage.turn.expire(stage.moment().now), [relayed], "no lifetime is longer than 600 s");
    assert_eq!(stage.ask(REFRESH, &[]), 437);
}

#[test]
fn a_call_may_last_longer_than_the_right_to_begin_one() {
    let mut stage = Stage::new();
    stage.allocate();
    stage.later = Duration::from_secs(590);
    stage.username = stage.username.clone();
    assert_eq!(stage.ask(REFRESH, &[]), 0);
    stage.later = Duration::from_secs(7200);
    stage.nonce = stage.turn.login.nonce(stage.client.address, stage.moment().unix);
    assert_eq!(stage.ask(REFRESH, &[]), 0, "the name has expired, the allocation was not swept");
}

#[test]
fn an_allocation_ends_when_its_client_says_so_or_leaves() {
    let stage = Stage::new();
    let first = stage.allocate();
    assert_eq!(stage.ask(REFRESH, &[&Lifetime::new(0)]), 0);
    assert!(!stage.turn.knows(&stage.client));
    let second = stage.allocate();
    assert_ne!(first, second);
    stage.turn.dismiss("PA_alice");
    assert!(!stage.turn.knows(&stage.client));
    assert_eq!(stage.turn.expire(stage.moment().now), [first, second]);
}

#[test]
fn one_participant_gets_only_so_many_allocations() {
    let mut stage = Stage::new();
    for port in 1..=48 {
        stage.client.address.set_port(port);
        stage.nonce = stage.turn.login.nonce(stage.client.address, UNIX);
        stage.allocate();
    }
    stage.client.address.set_port(49);
    stage.nonce = stage.turn.login.nonce(stage.client.address, UNIX);
    assert_eq!(stage.ask(ALLOCATE, &[&RequestedTransport::new(17)]), 486);
}

#[test]
fn a_plain_binding_request_is_told_its_address() {
    let stage = Stage::new();
    let request = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
    assert!(is_turn(&request));
    let answer = stage.send(&request);
    let answer = Message::from_bytes(&answer).expect("STUN");
    let mapped = answer.attribute::<XorMappedAddress>().expect("an address").addr(answer.transaction_id());
    assert_eq!(mapped, stage.client.address);
}

#[test]
fn what_ice_dtls_and_rtp_send_is_not_for_turn() {
    let named = crate::router::tests::request(b"00ab:cd");
    let success = [&[1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[0; 12]].concat();
    let indication = [&[0, 0x11, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[0; 12]].concat();
    for packet in
        [&named[..], &success, &indication, &[0x16, 0xfe, 0xfd], &[0x80; 20], &[0xbf; 20], &[], &[0x40 - 1; 9]]
    {
        assert!(!is_turn(packet), "{packet:?}");
    }
    let answer = [&[1, 3, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[0; 12]].concat();
    assert!(!is_turn(&answer), "answers are for clients");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0u8..10) {
        let stage = Stage::new();
        stage.allocate();
        stage.turn.react(stage.moment(), stage.client, &bytes);
        let mut packet = [&[0, kind, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &bytes].concat();
        packet[2..4].copy_from_slice(&(bytes.len() as u16).to_be_bytes());
        stage.turn.react(stage.moment(), stage.client, &packet);
        stage.turn.react(stage.moment(), stage.client, &[&[0x40][..], &bytes].concat());
    }

    #[test]
    fn no_change_of_a_good_request_panics_or_passes(at in 0usize..200, byte in any::<u8>(), cut in 0usize..200) {
        let stage = Stage::new();
        let mut request = stage.signed(ALLOCATE, &[&RequestedTransport::new(17)], None);
        let at = at % request.len();
        let unchanged = request[at] == byte;
        request[at] = byte;
        stage.turn.react(stage.moment(), stage.client, &request[..cut.min(request.len())]);
        stage.turn.react(stage.moment(), stage.client, &request);
        prop_assert!(unchanged || !stage.turn.knows(&stage.client));
    }
}
