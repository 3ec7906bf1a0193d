//! The allocations: who may have packets relayed, for how long, and to which of our addresses.
//!
//! An allocation has no socket. Its relayed address is one that no host can have, so a packet for it never leaves us.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use stun_types::attribute::ErrorCode;
use stun_types::message::TransactionId;
use visavis_sfu::Protocol;

pub(crate) const MAX_LIFETIME: Duration = Duration::from_secs(600);
const PERMISSION_LIFETIME: Duration = Duration::from_secs(300);
const CHANNEL_LIFETIME: Duration = Duration::from_secs(600);
/// Two connections, each over a few transports and interfaces, and those of a reconnect before them.
const MAX_OF_PARTICIPANT: usize = 48;
/// Many participants may be behind one address.
const MAX_OF_ADDRESS: usize = 2048;
const MAX: usize = 16_384;

/// RFC 7600's dummy address and RFC 6666's discard prefix: both are nobody's, and routers forward nothing to them.
const RELAYED_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 0, 8));
const RELAYED_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 1));
const FIRST_PORT: u16 = 1024;

/// Whether this is the address of an allocation, now or ever.
pub(crate) fn is_relayed(address: SocketAddr) -> bool {
    address.ip() == RELAYED_V4 || address.ip() == RELAYED_V6
}

/// Whom we talk TURN with: RFC 8656's five-tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    pub protocol: Protocol,
    pub address: SocketAddr,
    /// Which of our UDP sockets it talks to.
    pub socket: usize,
}

#[derive(Debug)]
pub(crate) struct Allocation {
    pub client: Client,
    pub user: String,
    pub relayed: SocketAddr,
    /// Of the request that made it: a retransmission gets the same answer.
    pub transaction: TransactionId,
    pub expires: Instant,
    participant: String,
    permissions: HashMap<IpAddr, Instant>,
    channels: Vec<Channel>,
}

#[derive(Debug)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    expires: Instant,
}

impl Allocation {
    /// The peer that a channel stands for.
    pub fn peer_of(&self, number: u16, now: Instant) -> Option<SocketAddr> {
        self.channels
            .iter()
            .find(|channel| channel.number == number && channel.expires > now)
            .map(|channel| channel.peer)
    }

    /// The channel that stands for a peer.
    pub fn channel_to(&self, peer: SocketAddr, now: Instant) -> Option<u16> {
        self.channels.iter().find(|channel| channel.peer == peer && channel.expires > now).map(|channel| channel.number)
    }

    pub fn permits(&self, peer: IpAddr, now: Instant) -> bool {
        self.permissions.get(&peer).is_some_and(|expires| *expires > now)
    }

    /// Peers are only ever our own addresses, so there are few.
    pub fn permit(&mut self, peer: IpAddr, now: Instant) {
        self.permissions.insert(peer, now + PERMISSION_LIFETIME);
    }

    /// Binds a channel, or binds it for longer.
    pub fn bind(&mut self, number: u16, peer: SocketAddr, now: Instant) -> Result<(), u16> {
        self.channels.retain(|channel| channel.expires > now);
        let expires = now + CHANNEL_LIFETIME;
        match self.channels.iter_mut().find(|channel| channel.number == number || channel.peer == peer) {
            Some(channel) if channel.number == number && channel.peer == peer => channel.expires = expires,
            Some(_) => return Err(ErrorCode::BAD_REQUEST),
            None => self.channels.push(Channel { number, peer, expires }),
        }
        self.permit(peer.ip(), now);
        Ok(())
    }
}

/// All of them, and who may have any.
#[derive(Debug, Default)]
pub(crate) struct Allocations {
    by_client: HashMap<Client, Allocation>,
    by_relayed: HashMap<SocketAddr, Client>,
    of_participant: HashMap<String, HashSet<Client>>,
    of_address: HashMap<IpAddr, usize>,
    next_port: u16,
    /// Relayed addresses of allocations that have ended.
    ended: Vec<SocketAddr>,
}

impl Allocations {
    /// A participant has come and may allocate.
    pub fn admit(&mut self, participant: &str) {
        self.of_participant.entry(participant.to_owned()).or_default();
    }

    /// A participant has gone, and its allocations with it.
    pub fn dismiss(&mut self, participant: &str) {
        for client in self.of_participant.remove(participant).unwrap_or_default() {
            self.remove(&client);
        }
    }

    pub fn get(&self, client: &Client) -> Option<&Allocation> {
        self.by_client.get(client)
    }

    pub fn get_mut(&mut self, client: &Client) -> Option<&mut Allocation> {
        self.by_client.get_mut(client)
    }

    pub fn of_relayed(&self, relayed: SocketAddr) -> Option<&Allocation> {
        self.by_client.get(self.by_relayed.get(&relayed)?)
    }

    /// Makes one and tells its relayed address, or the error to answer with.
    pub fn add(
        &mut self,
        client: Client,
        user: (&str, &str),
        ipv6: bool,
        transaction: TransactionId,
        expires: Instant,
    ) -> Result<SocketAddr, u16> {
        let (name, participant) = user;
        let total = self.by_client.len();
        let own = self.of_participant.get(participant).ok_or(ErrorCode::UNAUTHORIZED)?.len();
        let of_address = self.of_address.get(&client.address.ip()).copied().unwrap_or_default();
        if own >= MAX_OF_PARTICIPANT || of_address >= MAX_OF_ADDRESS {
            return Err(ErrorCode::ALLOCATION_QUOTA_REACHED);
        }
        if total >= MAX {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY);
        }
        let relayed = self.free_address(ipv6);
        self.by_relayed.insert(relayed, client);
        self.of_participant.entry(participant.to_owned()).or_default().insert(client);
        *self.of_address.entry(client.address.ip()).or_default() += 1;
        let allocation = Allocation {
            client,
            user: name.to_owned(),
            relayed,
            transaction,
            expires,
            participant: participant.to_owned(),
            permissions: HashMap::new(),
            channels: Vec::new(),
        };
        self.by_client.insert(client, allocation);
        Ok(relayed)
    }

    /// Ends one, if it is there.
    pub fn remove(&mut self, client: &Client) {
        let Some(allocation) = self.by_client.remove(client) else { return };
        self.by_relayed.remove(&allocation.relayed);
        if let Some(clients) = self.of_participant.get_mut(&allocation.participant) {
            clients.remove(client);
        }
        let ip = client.address.ip();
        match self.of_address.get_mut(&ip) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.of_address.remove(&ip)),
        }
        self.ended.push(allocation.relayed);
    }

    /// Ends those whose time is over. Returns the relayed addresses of all that have ended since the last call.
    pub fn expire(&mut self, now: Instant) -> Vec<SocketAddr> {
        let over = self.by_client.values().filter(|allocation| allocation.expires <= now);
        let clients: Vec<Client> = over.map(|allocation| allocation.client).collect();
        clients.iter().for_each(|client| self.remove(client));
        std::mem::take(&mut self.ended)
    }

    /// Ports in turn: it takes long until one comes back, and with it what was still on the way to who had it before.
    fn free_address(&mut self, ipv6: bool) -> SocketAddr {
        let ip = if ipv6 { RELAYED_V6 } else { RELAYED_V4 };
        loop {
            self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_PORT).max(FIRST_PORT);
            let address = SocketAddr::new(ip, self.next_port);
            if !self.by_relayed.contains_key(&address) {
                return address;
            }
        }
    }
}
