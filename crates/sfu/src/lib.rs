//! The selective forwarding core: participants, tracks, forwarding, layer choice, speakers, data, congestion.
//!
//! Sans-IO: packets, commands and time come in as values; packets, events and the next timeout come out. No socket, no
//! thread, no clock; what must not be guessed (keys, ICE credentials, ssrcs) str0m draws from the system's randomness, and
//! no decision depends on it. One [`Shard`] holds all rooms of one worker thread; a large
//! room has parts on several, which then have parcels for each other.
//!
//! The loop around it (`crates/sfu-io` is the real one; tests have a virtual one):
//! 1. feed everything that is there: [`Shard::handle_command`], [`Shard::handle_datagram`], [`Shard::handle_timeout`],
//!    [`Shard::handle_relay`] with what [`Shard::poll_relay`] gave elsewhere;
//! 2. [`Shard::flush`] once, then take all of [`Shard::poll_transmit`], [`Shard::poll_event`], [`Shard::poll_route`],
//!    [`Shard::poll_relay`];
//! 3. wait for input, or until [`Shard::poll_timeout`].

mod allocation;
mod apply;
mod backup;
mod beat;
mod bitstream;
mod blank;
mod calm;
mod chat;
mod checks;
mod command;
mod connection;
mod data;
mod data_tracks;
mod dependency_descriptor;
mod downtrack;
mod downtracks;
mod dtls;
mod dynacast;
mod egress;
mod event;
mod exchange;
mod expected;
mod fanout;
mod fields;
mod figures;
mod forwarding;
mod h265;
mod incoming;
mod layers;
mod media;
mod messages;
mod negotiation;
mod offers;
mod participant;
mod parts;
mod playout_delay;
mod prober;
mod quality;
mod recent;
mod red;
mod relay;
mod reliability;
mod rewriter;
mod sdp;
mod shard;
mod single;
mod speakers;
mod strain;
mod stun;
mod svc;
mod temporal;
mod timers;
mod track;

pub use command::{Command, LayerInfo, Source, Target, TrackSettings};
pub use event::{ConnectionState, Event, Kind, Protocol, Quality, SubscriptionError};
pub use exchange::{Media as RelayedMedia, Messages, Parcel};
pub use expected::AHEAD;
pub use figures::{ParticipantFigures, PublishedFigures, ReceivedFigures};
pub use playout_delay::PlayoutLimits;
pub use shard::Shard;
pub use stun::{is_request, request_ufrag};

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

/// What a shard must know from its surroundings.
#[derive(Debug, Clone)]
pub struct ShardConfig {
    /// Index of this shard. Every local ICE ufrag begins with [`ufrag_prefix`] of it, so that whoever receives a STUN
    /// request can tell the shard without a table.
    pub index: u16,
    /// Addresses put into candidates for UDP.
    pub udp: Vec<SocketAddr>,
    /// Addresses put into passive TCP candidates.
    pub tcp: Vec<SocketAddr>,
    /// Bit/s assumed for a subscriber before the first estimate.
    pub initial_bitrate: u64,
    /// str0m seals and sends media, instead of our own path: what tests compare with.
    pub reference: bool,
}

/// The first two characters of each ufrag of shard `index`. (0-9a-z, so 1296 shards.)
pub fn ufrag_prefix(index: u16) -> [u8; 2] {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    [DIGITS[usize::from(index) / 36 % 36], DIGITS[usize::from(index) % 36]]
}

/// The shard that made a ufrag (see [`ufrag_prefix`]), if one can have made it.
pub fn shard_of_ufrag(ufrag: &str) -> Option<u16> {
    let digit = |character: &u8| match character {
        b'0'..=b'9' => Some(u16::from(character - b'0')),
        b'a'..=b'z' => Some(u16::from(character - b'a') + 10),
        _ => None,
    };
    let [high, low, ..] = ufrag.as_bytes() else { return None };
    Some(digit(high)? * 36 + digit(low)?)
}

/// A packet to put on the wire.
#[derive(Debug)]
pub struct Transmit {
    /// How.
    pub protocol: Protocol,
    /// From which of our addresses (the candidate's).
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
    /// One datagram, or one frame of ICE-TCP without its length prefix (RFC 4571).
    pub payload: Vec<u8>,
}

/// From now on packets from `source` that are not STUN requests belong (`add`) or no longer belong to this shard.
/// Told only after an authenticated STUN request, so a forged source address steals nobody's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// UDP, or the TCP connection with that peer address.
    pub protocol: Protocol,
    /// The peer's address.
    pub source: SocketAddr,
    /// Add or remove.
    pub add: bool,
}

/// Counters since start.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs)]
pub struct Stats {
    pub packets_in: u64,
    pub packets_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub packets_dropped: u64,
    pub participants: u64,
    pub rooms: u64,
    pub panics: u64,
}

/// Highest reliable sequence per participant, readable from another thread without asking the shard.
pub type ReliableSequence = Arc<AtomicU32>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ufrag_tells_its_shard() {
        for index in [0, 1, 35, 36, 1295] {
            let ufrag: String = ufrag_prefix(index).map(char::from).into_iter().chain("Rest".chars()).collect();
            assert_eq!(shard_of_ufrag(&ufrag), Some(index), "{ufrag}");
        }
        assert_eq!(["", "0", "A0", "0é"].map(shard_of_ufrag), [None; 4]);
    }
}
