//! TURN (RFC 8656) that relays to our own media addresses and nowhere else, so it needs no sockets and is no open relay.
//!
//! An allocation is an address that packets seem to come from: what its client sends goes to the workers as a packet from
//! there, and what a worker sends there goes to the client over whatever it came by. Not here: sockets and streams.
//! Plain STUN binding requests (RFC 8489) are answered, too: clients learn by them which address they have outside.

mod allocations;
mod login;
mod requests;
pub(crate) mod stream;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Instant, SystemTime};

use stun_types::attribute::{ErrorCode, Nonce, Realm, Username};
use stun_types::message::{BINDING, Message, MessageClass, MessageWriteVec};
use stun_types::prelude::{AttributeStaticType, MessageWrite, MessageWriteExt};
use turn_types::attribute::{Data, XorPeerAddress};
use turn_types::channel::ChannelData;
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, DATA, REFRESH, SEND};
use visavis_sfu::{Protocol, is_request, request_ufrag};

use allocations::Allocations;
pub(crate) use allocations::{Client, is_relayed};
use login::{Login, REALM};
use requests::{bind, error, not_understood, put};

/// Whether a packet that came to a media port is for this module and no worker (RFC 7983, and RFC 8656 section 12).
pub(crate) fn is_turn(packet: &[u8]) -> bool {
    match packet {
        [0x40..=0x4f, ..] => true,
        [0..=3, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..] => match packet[..2] {
            [0x00, 0x01] => is_request(packet) && request_ufrag(packet).is_none(),
            // Answers to requests, which ICE sends to workers, and other methods, which nobody sends to us as answers.
            _ => packet[0] & 1 == 0 && packet[1] & 0x0f != 1,
        },
        _ => false,
    }
}

/// What to do about a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reaction<'a> {
    Answer(Vec<u8>),
    /// To be handled as if it had come to our address `peer` from `relayed`.
    Relay {
        relayed: SocketAddr,
        peer: SocketAddr,
        payload: &'a [u8],
    },
    Ignore,
}

/// When a packet came: by the clock of timers, and in seconds of Unix time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub now: Instant,
    pub unix: u64,
}

impl Moment {
    pub fn current() -> Self {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Self { now: Instant::now(), unix }
    }
}

/// Shared by the threads that read and the workers.
pub(crate) struct Turn {
    login: Login,
    /// Our media addresses, as candidates tell them.
    peers: Vec<SocketAddr>,
    allocations: RwLock<Allocations>,
}

impl Turn {
    /// `secret` makes the passwords; `peers` are the addresses that may be relayed to.
    pub fn new(secret: &[u8], peers: Vec<SocketAddr>) -> Self {
        Self { login: Login::new(secret), peers, allocations: RwLock::default() }
    }

    /// From now on this participant may allocate.
    pub fn admit(&self, participant: &str) {
        self.write().admit(participant);
    }

    /// And from now on no more; its allocations end.
    pub fn dismiss(&self, participant: &str) {
        self.write().dismiss(participant);
    }

    /// Ends allocations that were not refreshed. Returns the relayed addresses that are gone since the last call.
    pub fn expire(&self, now: Instant) -> Vec<SocketAddr> {
        self.write().expire(now)
    }

    /// A client's stream has ended, and its allocation with it.
    pub fn forget(&self, client: &Client) {
        self.write().remove(client);
    }

    pub fn knows(&self, client: &Client) -> bool {
        self.read().get(client).is_some()
    }

    /// Handles what a client sent, if [`is_turn`].
    pub fn handle<'a>(&self, moment: Moment, client: Client, packet: &'a [u8]) -> Reaction<'a> {
        // The parser is not ours, and a panic would end the thread that reads for everybody.
        catch_unwind(AssertUnwindSafe(|| self.react(moment, client, packet))).unwrap_or_else(|_| {
            tracing::error!("handling a TURN packet panicked; this is a bug");
            Reaction::Ignore
        })
    }

    /// Wraps what a worker sends from our address `peer` to a relayed address, for the client that has that.
    pub fn wrap(
        &self,
        now: Instant,
        peer: SocketAddr,
        relayed: SocketAddr,
        payload: &[u8],
    ) -> Option<(Client, Vec<u8>)> {
        let allocations = self.read();
        let allocation = allocations.of_relayed(relayed)?;
        if let Some(channel) = allocation.channel_to(peer, now) {
            let length = 4 + payload.len();
            let mut wrapped = vec![0; length];
            ChannelData::new(channel, payload).write_into_unchecked(&mut wrapped);
            if allocation.client.protocol == Protocol::Tcp {
                wrapped.resize(length.next_multiple_of(4), 0);
            }
            return Some((allocation.client, wrapped));
        }
        if !allocation.permits(peer.ip(), now) {
            return None;
        }
        let mut message = Message::builder_indication(DATA, MessageWriteVec::with_capacity(payload.len() + 64));
        let address = XorPeerAddress::new(peer, message.transaction_id());
        message.add_attribute(&address).ok()?;
        message.add_attribute(&Data::new(payload)).ok()?;
        Some((allocation.client, message.finish()))
    }

    fn react<'a>(&self, moment: Moment, client: Client, packet: &'a [u8]) -> Reaction<'a> {
        if let Some(0x40..=0x4f) = packet.first() {
            return self.relay_channel(moment.now, &client, packet).unwrap_or(Reaction::Ignore);
        }
        let message = match Message::from_bytes(packet) {
            // The parser reads what comes after the length that the header tells, too.
            Ok(message) if stream::length(packet) == Some(packet.len()) => message,
            _ => return Reaction::Ignore,
        };
        match (message.class(), message.method()) {
            (MessageClass::Indication, SEND) => {
                self.relay_indication(moment.now, &client, &message, packet).unwrap_or(Reaction::Ignore)
            }
            (MessageClass::Request, BINDING) if !message.has_attribute(Username::TYPE) => {
                Reaction::Answer(bind(client.address, &message))
            }
            (MessageClass::Request, ALLOCATE | REFRESH | CREATE_PERMISSION | CHANNEL_BIND) => {
                Reaction::Answer(self.answer(moment, client, &message))
            }
            _ => Reaction::Ignore,
        }
    }

    fn relay_channel<'a>(&self, now: Instant, client: &Client, packet: &'a [u8]) -> Option<Reaction<'a>> {
        let (number, length) = ChannelData::parse_header(packet).ok()?;
        let payload = packet.get(4..4 + length)?;
        let allocations = self.read();
        let allocation = allocations.get(client)?;
        let peer = allocation.peer_of(number, now)?;
        Some(Reaction::Relay { relayed: allocation.relayed, peer, payload })
    }

    fn relay_indication<'a>(
        &self,
        now: Instant,
        client: &Client,
        message: &Message<'_>,
        packet: &'a [u8],
    ) -> Option<Reaction<'a>> {
        let peer = message.attribute::<XorPeerAddress>().ok()?.addr(message.transaction_id());
        let (offset, data) = message.attribute_and_offset::<Data>().ok()?;
        let start = offset + 4;
        let payload = packet.get(start..start + data.data().len())?;
        let allocations = self.read();
        let allocation = allocations.get(client)?;
        let is_allowed = self.peers.contains(&peer) && allocation.permits(peer.ip(), now);
        is_allowed.then_some(Reaction::Relay { relayed: allocation.relayed, peer, payload })
    }

    fn answer(&self, moment: Moment, client: Client, request: &Message<'_>) -> Vec<u8> {
        let user = match self.login.authenticate(request, client.address, moment.unix) {
            Ok(user) => user,
            Err(code) => return self.challenge(request, code, client.address, moment.unix),
        };
        let done = match request.method() {
            _ if let Some(refusal) = not_understood(request) => Ok(refusal),
            ALLOCATE => self.allocate(moment, client, request, &user),
            REFRESH => self.refresh(moment.now, &client, request, &user),
            CREATE_PERMISSION => self.create_permission(moment.now, &client, request, &user),
            _ => self.bind_channel(moment.now, &client, request, &user),
        };
        let mut answer = match done {
            Ok(answer) => answer,
            Err(ErrorCode::UNAUTHORIZED) => {
                return self.challenge(request, ErrorCode::UNAUTHORIZED, client.address, moment.unix);
            }
            Err(code) => error(request, code),
        };
        answer.add_message_integrity(&user.credentials, user.algorithm).expect("an answer has it once");
        answer.finish()
    }

    /// An error for whoever has not proved who it is. Only 401 and 438 tell how to, so that answers stay short.
    fn challenge(&self, request: &Message<'_>, code: u16, client: SocketAddr, unix: u64) -> Vec<u8> {
        let mut answer = error(request, code);
        if code != ErrorCode::BAD_REQUEST {
            let realm = Realm::new(REALM).expect("a short word");
            let nonce = Nonce::new(&self.login.nonce(client, unix)).expect("a short word");
            put(&mut answer, &realm);
            put(&mut answer, &nonce);
        }
        answer.finish()
    }

    fn read(&self) -> RwLockReadGuard<'_, Allocations> {
        self.allocations.read().expect("nothing panics while it holds the allocations")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Allocations> {
        self.allocations.write().expect("nothing panics while it holds the allocations")
    }
}
