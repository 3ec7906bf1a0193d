//! A room that is spread over several shards: its parts know of each other, and what is said in one is heard in all.

use std::time::Instant;

use crate::data::Routed;
use crate::exchange::{Kind, RelayedData};
use crate::shard::Shard;

/// Nobody's key: what another part's participant sent is replayed to everyone it is for.
const ELSEWHERE: usize = usize::MAX;

impl Shard {
    /// The room's parts are on these shards now.
    pub(crate) fn spread_room(&mut self, room: &str, parts: &[u16], now: Instant) {
        let Some(&key) = self.room_ids.get(room) else { return };
        let own = self.factory.config.index;
        let room = &mut self.rooms[key];
        let before = std::mem::replace(&mut room.peers, parts.iter().copied().filter(|part| *part != own).collect());
        // Who joined there may have missed what was said here before we knew.
        for peer in room.peers.iter().filter(|peer| !before.contains(peer)) {
            for (at, _, packet) in room.replay.recent(now) {
                let (room, packet) = (room.id.clone(), packet.clone());
                let data = RelayedData { room, packet, reliable: true, at, replayed: true };
                self.exchange.push(*peer, Kind::Data(Box::new(data)));
            }
        }
    }

    /// Sends a packet of one of ours, or of the server's, to the room's other parts.
    pub(crate) fn relay_data(&mut self, key: usize, packet: &Routed, reliable: bool, at: Instant) {
        let room = &self.rooms[key];
        for peer in &room.peers {
            let (room, packet) = (room.id.clone(), packet.clone());
            self.exchange
                .push(*peer, Kind::Data(Box::new(RelayedData { room, packet, reliable, at, replayed: false })));
        }
    }

    pub(crate) fn on_relayed_data(&mut self, data: RelayedData, now: Instant) {
        let RelayedData { room, packet, reliable, at, replayed } = data;
        let Some(&room) = self.room_ids.get(&room) else { return };
        if packet.nonce.is_some_and(|nonce| !self.rooms[room].nonces.accept(nonce)) {
            return;
        }
        if !replayed {
            self.deliver(room, None, &packet, reliable, now);
        }
        if let Some(room) = self.rooms.get_mut(room).filter(|_| reliable) {
            room.replay.push(at, ELSEWHERE, packet);
        }
    }
}
