//! What an authenticated client may ask for: RFC 8656 sections 7 to 12, for UDP and our own addresses.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stun_types::AddressFamily;
use stun_types::attribute::{
    AttributeType, ErrorCode, MessageIntegrity, MessageIntegritySha256, Nonce, Realm, UnknownAttributes, Username,
    XorMappedAddress,
};
use stun_types::message::{Message, MessageWriteVec};
use stun_types::prelude::{
    Attribute, AttributeFromRaw, AttributeStaticType, AttributeWrite, MessageWrite, MessageWriteExt,
};
use turn_types::attribute::{
    ChannelNumber, Lifetime, RequestedAddressFamily, RequestedTransport, XorPeerAddress, XorRelayedAddress,
};

use super::allocations::{Allocation, Allocations, MAX_LIFETIME};
use super::login::User;
use super::{Client, Moment, Turn};

const UDP_TRANSPORT: u8 = 17;
/// An allocation that ends before its answer arrives helps nobody.
const MIN_LIFETIME: Duration = Duration::from_secs(30);
/// RFC 8656 section 12; the rest up to 0x7fff is reserved.
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;
/// An attribute that is not among these and whose number says that it must be understood ends a request.
const UNDERSTOOD: [AttributeType; 10] = [
    Username::TYPE,
    MessageIntegrity::TYPE,
    MessageIntegritySha256::TYPE,
    Realm::TYPE,
    Nonce::TYPE,
    ChannelNumber::TYPE,
    Lifetime::TYPE,
    XorPeerAddress::TYPE,
    RequestedAddressFamily::TYPE,
    RequestedTransport::TYPE,
];

type Answer = Result<MessageWriteVec, u16>;

/// Attributes of 0x8000 and above may be ignored.
pub(super) fn not_understood(request: &Message<'_>) -> Option<MessageWriteVec> {
    let types = request.iter_attributes().map(|(_, attribute)| attribute.get_type());
    let unknown: Vec<AttributeType> =
        types.filter(|kind| kind.comprehension_required() && !UNDERSTOOD.contains(kind)).take(8).collect();
    if unknown.is_empty() {
        return None;
    }
    let mut answer = error(request, ErrorCode::UNKNOWN_ATTRIBUTE);
    put(&mut answer, &UnknownAttributes::new(&unknown));
    Some(answer)
}

impl Turn {
    pub(super) fn allocate(&self, moment: Moment, client: Client, request: &Message<'_>, user: &User) -> Answer {
        if moment.unix >= user.expires {
            // Of the name, not of an allocation that was made with it: a call may last longer than the right to start one.
            return Err(ErrorCode::UNAUTHORIZED);
        }
        let transport = request.attribute::<RequestedTransport>().map_err(bad_request)?;
        if transport.protocol() != UDP_TRANSPORT {
            return Err(ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL);
        }
        let has = |ipv6: bool| self.peers.iter().any(|peer| peer.is_ipv6() == ipv6);
        let ipv6 = match optional::<RequestedAddressFamily>(request)? {
            // "IPv4 unless asked otherwise", but a server that has only IPv6 can relay to nothing else.
            None => !has(false),
            Some(family) => family.family() == AddressFamily::IPV6,
        };
        if !has(ipv6) {
            return Err(ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED);
        }
        let lifetime = lifetime(request)?.max(MIN_LIFETIME);
        let mut allocations = self.write();
        if let Some(known) = allocations.get(&client) {
            if known.transaction != request.transaction_id() {
                return Err(ErrorCode::ALLOCATION_MISMATCH);
            }
            let (relayed, rest) = (known.relayed, known.expires.saturating_duration_since(moment.now));
            return Ok(allocated(request, &client, relayed, rest));
        }
        let names = (&user.name[..], &user.participant[..]);
        let relayed = allocations.add(client, names, ipv6, request.transaction_id(), moment.now + lifetime)?;
        Ok(allocated(request, &client, relayed, lifetime))
    }

    pub(super) fn refresh(&self, now: Instant, client: &Client, request: &Message<'_>, user: &User) -> Answer {
        let lifetime = lifetime(request)?;
        let mut allocations = self.write();
        own(&mut allocations, client, user)?.expires = now + lifetime;
        if lifetime.is_zero() {
            allocations.remove(client);
        }
        drop(allocations);
        let mut answer = Message::builder_success(request, MessageWriteVec::new());
        put(&mut answer, &Lifetime::new(lifetime.as_secs() as u32));
        Ok(answer)
    }

    pub(super) fn create_permission(
        &self,
        now: Instant,
        client: &Client,
        request: &Message<'_>,
        user: &User,
    ) -> Answer {
        let mut allocations = self.write();
        let allocation = own(&mut allocations, client, user)?;
        let addresses: Vec<SocketAddr> = request
            .iter_attributes()
            .filter(|(_, attribute)| attribute.get_type() == XorPeerAddress::TYPE)
            .map(|(_, attribute)| XorPeerAddress::try_from(&attribute))
            .map(|address| Ok(address.map_err(bad_request)?.addr(request.transaction_id())))
            .collect::<Result<_, u16>>()?;
        if addresses.is_empty() {
            return Err(ErrorCode::BAD_REQUEST);
        }
        for address in &addresses {
            self.check_peer(*address, allocation, |peer| peer.ip() == address.ip())?;
        }
        addresses.iter().for_each(|address| allocation.permit(address.ip(), now));
        Ok(Message::builder_success(request, MessageWriteVec::new()))
    }

    pub(super) fn bind_channel(&self, now: Instant, client: &Client, request: &Message<'_>, user: &User) -> Answer {
        let mut allocations = self.write();
        let allocation = own(&mut allocations, client, user)?;
        let number = request.attribute::<ChannelNumber>().map_err(bad_request)?.channel();
        let peer = request.attribute::<XorPeerAddress>().map_err(bad_request)?.addr(request.transaction_id());
        if !CHANNELS.contains(&number) {
            return Err(ErrorCode::BAD_REQUEST);
        }
        self.check_peer(peer, allocation, |own| *own == peer)?;
        allocation.bind(number, peer, now)?;
        Ok(Message::builder_success(request, MessageWriteVec::new()))
    }

    /// Nothing is relayed but to ourselves.
    fn check_peer(
        &self,
        peer: SocketAddr,
        allocation: &Allocation,
        is_it: impl Fn(&SocketAddr) -> bool,
    ) -> Result<(), u16> {
        if peer.is_ipv6() != allocation.relayed.is_ipv6() {
            return Err(ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH);
        }
        if self.peers.iter().any(is_it) { Ok(()) } else { Err(ErrorCode::FORBIDDEN) }
    }
}

/// The answer to a plain binding request: the address that it came from.
pub(super) fn bind(client: SocketAddr, request: &Message<'_>) -> Vec<u8> {
    let mut answer = Message::builder_success(request, MessageWriteVec::new());
    put(&mut answer, &XorMappedAddress::new(client, request.transaction_id()));
    answer.finish()
}

/// An error without its reason in words: the number says it, and an answer is to be hardly longer than its request.
pub(super) fn error(request: &Message<'_>, code: u16) -> MessageWriteVec {
    let mut answer = Message::builder_error(request, MessageWriteVec::new());
    put(&mut answer, &ErrorCode::builder(code).reason("").build().expect("one of the RFC's codes"));
    answer
}

pub(super) fn put(answer: &mut MessageWriteVec, attribute: &dyn AttributeWrite) {
    answer.add_attribute(attribute).expect("an answer's few attributes differ and fit");
}

fn allocated(request: &Message<'_>, client: &Client, relayed: SocketAddr, lifetime: Duration) -> MessageWriteVec {
    let transaction = request.transaction_id();
    let mut answer = Message::builder_success(request, MessageWriteVec::new());
    put(&mut answer, &XorRelayedAddress::new(relayed, transaction));
    put(&mut answer, &Lifetime::new(lifetime.as_secs() as u32));
    put(&mut answer, &XorMappedAddress::new(client.address, transaction));
    answer
}

/// The client's allocation, if this user made it.
fn own<'a>(allocations: &'a mut Allocations, client: &Client, user: &User) -> Result<&'a mut Allocation, u16> {
    let allocation = allocations.get_mut(client).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
    if allocation.user == user.name { Ok(allocation) } else { Err(ErrorCode::WRONG_CREDENTIALS) }
}

fn lifetime(request: &Message<'_>) -> Result<Duration, u16> {
    let asked = optional::<Lifetime>(request)?.map(|lifetime| Duration::from_secs(lifetime.seconds().into()));
    Ok(asked.unwrap_or(MAX_LIFETIME).min(MAX_LIFETIME))
}

fn optional<'a, A: AttributeFromRaw<'a> + AttributeStaticType>(request: &'a Message<'a>) -> Result<Option<A>, u16> {
    if request.has_attribute(A::TYPE) { request.attribute().map(Some).map_err(bad_request) } else { Ok(None) }
}

fn bad_request<E>(_: E) -> u16 {
    ErrorCode::BAD_REQUEST
}
