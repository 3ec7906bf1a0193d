//! A network in virtual time: datagrams take as long as the seed says, or get lost.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// What happens to datagrams, the same in both directions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Link {
    /// Share of datagrams lost, 0.0 to 1.0.
    pub loss: f64,
    /// One way.
    pub delay: Duration,
    /// Up to this much more, evenly spread; as datagrams do not wait for each other, this reorders them.
    pub jitter: Duration,
    /// Bit/s of one client's last hop (not the server's), with a queue of [`QUEUE`]; 0: endless.
    pub bitrate: u64,
}

/// Where the server is.
pub const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 7882);
/// The payload type that str0m has for Opus.
const OPUS: u8 = 111;
/// How long the last hop's queue may get before it drops.
const QUEUE: Duration = Duration::from_millis(300);

/// Numbers from a seed (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// Evenly spread over 0 to `end`, without it.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly spread over 0.0 to 1.0.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// A datagram under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Datagram {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub payload: Vec<u8>,
}

/// Datagrams from one address to another.
struct Flow {
    ends: (SocketAddr, SocketAddr),
    random: Random,
    /// When the latest arrives.
    latest: Instant,
}

fn is_sound(payload: &[u8]) -> bool {
    matches!(payload, [0x80..=0xbf, marker_and_type, ..] if marker_and_type & 0x7f == OPUS)
}

/// Datagrams under way, in order of arrival.
///
/// Each flow (source and destination) has its own random numbers: str0m's own randomness (handshakes, ssrcs) may change
/// the order in which different flows send, and must not change what happens to any.
pub struct Network {
    pub link: Link,
    seed: u64,
    flows: Vec<Flow>,
    flying: BinaryHeap<Reverse<(Instant, u64, Datagram)>>,
    sent: u64,
    /// When each receiver's last hop is free again.
    busy: Vec<(SocketAddr, Instant)>,
    /// Bit/s of the last hops that differ from [`Link::bitrate`].
    pub narrow: Vec<(IpAddr, u64)>,
    /// The share lost of what such a client sends, where it differs from [`Link::loss`].
    pub weak: Vec<(IpAddr, f64)>,
    /// Clients that do not read sound: what comes to them of it is not even known to have come.
    pub deaf: Vec<IpAddr>,
    /// Clients whose NAT has given them another address: what they are, and what they seem to be.
    pub rebound: Vec<(SocketAddr, SocketAddr)>,
    /// Of this client it is seen which of its addresses are sent to.
    pub watched: Option<IpAddr>,
    pub seen: BTreeSet<SocketAddr>,
    /// Datagrams of a flow wait for each other: the jitter is a queue's, and reorders nothing.
    pub ordered: bool,
}

impl Network {
    pub fn new(link: Link, seed: u64) -> Self {
        Self {
            link,
            seed,
            flows: Vec::new(),
            flying: BinaryHeap::new(),
            sent: 0,
            busy: Vec::new(),
            narrow: Vec::new(),
            weak: Vec::new(),
            deaf: Vec::new(),
            rebound: Vec::new(),
            watched: None,
            seen: BTreeSet::new(),
            ordered: false,
        }
    }

    pub fn send(&mut self, now: Instant, mut datagram: Datagram) {
        self.sent += 1;
        if self.watched == Some(datagram.destination.ip()) {
            self.seen.insert(datagram.destination);
        }
        for (own, seeming) in &self.rebound {
            // To the former one nothing comes through any more.
            if datagram.destination == *own {
                return;
            }
            for (address, other) in
                [(&mut datagram.source, (own, seeming)), (&mut datagram.destination, (seeming, own))]
            {
                if address == other.0 {
                    *address = *other.1;
                }
            }
        }
        // Both numbers are drawn for every datagram, so that one lost does not move all others' fate.
        let weak = self.weak.iter().find(|(address, _)| *address == datagram.source.ip());
        let loss = weak.map_or(self.link.loss, |(_, loss)| *loss);
        let unread = self.deaf.contains(&datagram.destination.ip()) && is_sound(&datagram.payload);
        let (jitter, ordered) = (self.link.jitter, self.ordered);
        let earliest = now + self.link.delay;
        let flow = self.flow(datagram.source, datagram.destination, now);
        let (lost, late) = (flow.random.share() < loss, flow.random.share());
        if lost || unread {
            return;
        }
        let mut arrival = earliest + jitter.mul_f64(late);
        if ordered {
            arrival = arrival.max(flow.latest);
            flow.latest = arrival;
        }
        let own = self.narrow.iter().find(|(address, _)| *address == datagram.destination.ip());
        let bitrate = own.map_or(self.link.bitrate, |(_, bitrate)| *bitrate);
        if bitrate > 0 && datagram.destination != SERVER {
            let free = self.last_hop(datagram.destination, now);
            let start = arrival.max(*free);
            if start > arrival + QUEUE {
                return;
            }
            arrival = start + Duration::from_secs_f64(datagram.payload.len() as f64 * 8.0 / bitrate as f64);
            *self.last_hop(datagram.destination, now) = arrival;
        }
        self.flying.push(Reverse((arrival, self.sent, datagram)));
    }

    fn flow(&mut self, source: SocketAddr, destination: SocketAddr, now: Instant) -> &mut Flow {
        let index = self.flows.iter().position(|flow| flow.ends == (source, destination)).unwrap_or_else(|| {
            let tell = |address: SocketAddr| match address {
                SocketAddr::V4(v4) => u64::from(v4.ip().to_bits()) << 16 | u64::from(v4.port()),
                SocketAddr::V6(_) => unreachable!("the simulation has IPv4 addresses only"),
            };
            let seed = self.seed ^ tell(source).rotate_left(20) ^ tell(destination);
            self.flows.push(Flow { ends: (source, destination), random: Random(seed), latest: now });
            self.flows.len() - 1
        });
        &mut self.flows[index]
    }

    fn last_hop(&mut self, destination: SocketAddr, now: Instant) -> &mut Instant {
        let index = self.busy.iter().position(|(address, _)| *address == destination).unwrap_or_else(|| {
            self.busy.push((destination, now));
            self.busy.len() - 1
        });
        &mut self.busy[index].1
    }

    pub fn next_arrival(&self) -> Option<Instant> {
        self.flying.peek().map(|Reverse((at, ..))| *at)
    }

    /// What has arrived by `now`, oldest first.
    pub fn receive(&mut self, now: Instant) -> Option<Datagram> {
        if self.next_arrival()? > now {
            return None;
        }
        self.flying.pop().map(|Reverse((_, _, datagram))| datagram)
    }
}
