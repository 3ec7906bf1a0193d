//! What a lot of datagrams will need is read before they are handled, one pointer further for all of them each time: so the
//! processor waits for its memory once for all, where it would for each. Between two packets of somebody, others have had
//! its cache. As in `fanout`, for what goes out.

use std::array::from_fn;
use std::hint::black_box;
use std::net::SocketAddr;

use crate::Protocol;
use crate::shard::Shard;

/// Datagrams, or steps of what goes out, that are looked at together before they are done.
pub const AHEAD: usize = 8;

impl Shard {
    /// Reads what [`Shard::handle_datagram`] will need for datagrams from there, to have it in the processor's cache. Of
    /// more than [`AHEAD`] the rest is left out.
    pub fn expect(&self, protocol: Protocol, sources: &[SocketAddr]) {
        if sources.len() < 2 {
            return;
        }
        let keys: [_; AHEAD] = from_fn(|ahead| self.addresses.get(&(protocol, *sources.get(ahead)?)).copied());
        let participants = keys.map(|key| key.and_then(|key| Some((self.participants.get(key.0)?, key.1))));
        for (participant, target) in participants.iter().flatten() {
            black_box(participant.traffic.packets_in);
            black_box(participant.connection_of(*target).is_some());
        }
        let connections =
            participants.map(|one| one.and_then(|(participant, target)| participant.connection_of(target)));
        for connection in connections.iter().flatten() {
            black_box(connection.heard);
            black_box(connection.media.is_some());
            black_box(connection.addresses.first());
            connection.checks.look();
        }
        let media = connections.map(|connection| connection.and_then(|connection| connection.media.as_deref()));
        media.iter().flatten().for_each(|media| media.look());
        media.iter().flatten().for_each(|media| media.look_further());
    }
}
