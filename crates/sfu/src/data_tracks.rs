//! Data tracks: what a publisher sends on its `_data_track` channel goes to each subscriber, under a handle of its own.
//!
//! A packet has a header of 12 bytes, big-endian: version (3 bits), start, final and extension flags, a reserved byte,
//! handle, sequence and frame number (u16 each), timestamp (u32); with the extension flag a block of extensions follows,
//! whose first two bytes are its length in words, less one. Only the handle is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::connection::Channels;
use crate::data::MAX_MESSAGE;
use crate::exchange::Kind;
use crate::relay::{Handle, Origin, Relays, Upstream};
use crate::shard::Shard;

const HEADER: usize = 12;
const EXTENSIONS: u8 = 1 << 2;
const HANDLE: std::ops::Range<usize> = 2..4;

/// A published data track.
pub(crate) struct DataTrack {
    id: String,
    /// Names it among shards.
    shared: Handle,
    origin: Origin,
    /// Slab key.
    room: usize,
    relays: Relays,
    /// In the publisher's packets.
    handle: u16,
    /// By slab key: the handle in its packets.
    subscribers: BTreeMap<usize, u16>,
}

/// What another shard needs to know of a data track.
#[derive(Debug)]
pub(crate) struct DataTrackDescription {
    id: String,
    room: String,
    shared: Handle,
    /// Of the subscription that it comes with.
    number: u32,
}

/// One participant's part in data tracks; slab keys of tracks.
#[derive(Debug, Default)]
pub(crate) struct DataTracks {
    published: BTreeMap<u16, usize>,
    subscribed: BTreeSet<usize>,
}

/// The handle of a packet; `None` if the bytes are no packet.
fn handle_of(bytes: &[u8]) -> Option<u16> {
    let header: &[u8; HEADER] = bytes.first_chunk()?;
    if header[0] & EXTENSIONS != 0 {
        let words: [u8; 2] = *bytes[HEADER..].first_chunk()?;
        if bytes.len() < HEADER + (usize::from(u16::from_be_bytes(words)) + 1) * 4 {
            return None;
        }
    }
    (bytes.len() <= MAX_MESSAGE).then(|| u16::from_be_bytes([header[2], header[3]]))
}

impl Shard {
    pub(crate) fn publish_data_track(&mut self, key: usize, handle: u16, track: String) {
        if self.data_track_ids.contains_key(&track)
            || self.participants[key].data_tracks.published.contains_key(&handle)
        {
            return;
        }
        let id = track.clone();
        let room = self.participants[key].room;
        let index = self.insert_data_track(id, Origin::Here(key), room, handle);
        self.data_track_ids.insert(track, index);
        self.participants[key].data_tracks.published.insert(handle, index);
    }

    pub(crate) fn unpublish_data_track(&mut self, key: usize, track: &str) {
        if let Some(&index) = self.data_track_ids.get(track)
            && self.data_tracks[index].origin == Origin::Here(key)
        {
            self.end_data_track(index);
        }
    }

    fn end_data_track(&mut self, index: usize) {
        let track = self.data_tracks.remove(index);
        self.data_track_ids.remove(&track.id);
        match track.origin {
            Origin::Here(owner) => drop(self.participants[owner].data_tracks.published.remove(&track.handle)),
            Origin::There(Upstream { shard, handle, .. }) => drop(self.exchange.relayed_data.remove(&(shard, handle))),
        }
        for shard in track.relays.shards() {
            self.exchange.push(shard, Kind::EndData { handle: track.shared });
        }
        for subscriber in track.subscribers.keys() {
            self.participants[*subscriber].data_tracks.subscribed.remove(&index);
        }
    }

    pub(crate) fn subscribe_data_track(&mut self, key: usize, track: &str, handle: u16) {
        let Some(&index) = self.data_track_ids.get(track) else { return };
        let track = &mut self.data_tracks[index];
        if track.room == self.participants[key].room {
            track.subscribers.insert(key, handle);
            self.participants[key].data_tracks.subscribed.insert(index);
        }
    }

    pub(crate) fn unsubscribe_data_track(&mut self, key: usize, track: &str) {
        if let Some(&index) = self.data_track_ids.get(track) {
            self.data_tracks[index].subscribers.remove(&key);
            self.participants[key].data_tracks.subscribed.remove(&index);
            self.release_data_track(index);
        }
    }

    fn insert_data_track(&mut self, id: String, origin: Origin, room: usize, handle: u16) -> usize {
        let shared = self.exchange.handle(self.data_tracks.vacant_key());
        let (relays, subscribers) = (Relays::default(), BTreeMap::new());
        self.data_tracks.insert(DataTrack { id, shared, origin, room, relays, handle, subscribers })
    }

    // -- relayed ------------------------------------------------------------------------------------------------------

    pub(crate) fn describe_data_track(&mut self, id: &str, to: u16) -> Option<DataTrackDescription> {
        let track = &mut self.data_tracks[*self.data_track_ids.get(id)?];
        track.origin.owner()?;
        let room = self.rooms[track.room].id.clone();
        Some(DataTrackDescription { id: id.into(), room, shared: track.shared, number: track.relays.count(to) })
    }

    pub(crate) fn on_relayed_data_subscription(
        &mut self,
        from: u16,
        participant: &str,
        handle: u16,
        track: DataTrackDescription,
    ) {
        let DataTrackDescription { id, room, shared, number } = track;
        let known = self.exchange.relayed_data.get(&(from, shared)).copied();
        let upstream = Origin::There(Upstream { shard: from, handle: shared, number, told: None });
        let subscriber = self.participant_ids.get(participant).copied();
        let index = match (known, self.room_ids.get(&room)) {
            (Some(index), _) => {
                self.data_tracks[index].origin = upstream;
                index
            }
            (None, Some(&room)) if subscriber.is_some() && !self.data_track_ids.contains_key(&id) => {
                let index = self.insert_data_track(id.clone(), upstream, room, 0);
                self.data_track_ids.insert(id.clone(), index);
                self.exchange.relayed_data.insert((from, shared), index);
                index
            }
            _ => return self.exchange.push(from, Kind::ReleaseData { handle: shared, number }),
        };
        if let Some(subscriber) = subscriber {
            self.subscribe_data_track(subscriber, &id, handle);
        }
        self.release_data_track(index);
    }

    /// A relayed track goes with its last subscriber.
    fn release_data_track(&mut self, index: usize) {
        let track = &self.data_tracks[index];
        if let Origin::There(Upstream { shard, handle, number, .. }) = track.origin
            && track.subscribers.is_empty()
        {
            self.end_data_track(index);
            self.exchange.push(shard, Kind::ReleaseData { handle, number });
        }
    }

    pub(crate) fn on_data_track_release(&mut self, from: u16, handle: Handle, number: u32) {
        if let Some(track) = self.data_tracks.get_mut(handle.key as usize).filter(|track| track.shared == handle) {
            track.relays.release(from, number);
        }
    }

    pub(crate) fn on_relayed_data_track_end(&mut self, from: u16, handle: Handle) {
        if let Some(&index) = self.exchange.relayed_data.get(&(from, handle)) {
            self.end_data_track(index);
        }
    }

    pub(crate) fn on_relayed_data_track_packet(&mut self, from: u16, handle: Handle, packet: &[u8]) {
        if let Some(&index) = self.exchange.relayed_data.get(&(from, handle)) {
            self.send_data_track_packet(index, packet);
        }
    }

    pub(crate) fn forget_data_relays(&mut self, shard: u16) {
        self.data_tracks.iter_mut().for_each(|(_, track)| track.relays.remove(shard));
        let from = self.exchange.relayed_data.iter().filter(|((from, _), _)| *from == shard);
        let gone: Vec<usize> = from.map(|(_, index)| *index).collect();
        gone.into_iter().for_each(|index| self.end_data_track(index));
    }

    /// A participant leaves: its tracks end, and it gets no others.
    pub(crate) fn leave_data_tracks(&mut self, key: usize) {
        let tracks = std::mem::take(&mut self.participants[key].data_tracks);
        for index in tracks.subscribed {
            self.data_tracks[index].subscribers.remove(&key);
            self.release_data_track(index);
        }
        for index in tracks.published.into_values() {
            self.end_data_track(index);
        }
    }

    pub(crate) fn on_data_track_packet(&mut self, key: usize, packet: &[u8]) {
        let participant = &self.participants[key];
        let track = handle_of(packet).and_then(|handle| participant.data_tracks.published.get(&handle).copied());
        let Some(track) = track.filter(|_| participant.can_publish_data) else {
            self.stats.packets_dropped += 1;
            return;
        };
        let relays = &self.data_tracks[track];
        if relays.relays.shards().next().is_some() {
            let packet: Arc<[u8]> = packet.into();
            for shard in relays.relays.shards() {
                self.exchange.push_data(shard, relays.shared, packet.clone());
            }
        }
        self.send_data_track_packet(track, packet);
    }

    /// Sends a packet to those of this shard that have subscribed.
    fn send_data_track_packet(&mut self, track: usize, packet: &[u8]) {
        let mut packet = packet.to_vec();
        // Taken out and put back, as sending may need all of the shard.
        let subscribers = std::mem::take(&mut self.data_tracks[track].subscribers);
        for (subscriber, handle) in &subscribers {
            packet[HANDLE].copy_from_slice(&handle.to_be_bytes());
            self.send_lossy(*subscriber, Channels::data_track, &packet);
        }
        self.data_tracks[track].subscribers = subscribers;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_has_a_whole_header() {
        let plain = [0x18, 0, 0x12, 0x34, 0, 1, 0, 1, 0, 0, 0, 9];
        assert_eq!(handle_of(&plain), Some(0x1234));
        assert_eq!(handle_of(&[&plain[..], b"payload"].concat()), Some(0x1234));
        for length in 0..HEADER {
            assert_eq!(handle_of(&plain[..length]), None);
        }
        assert_eq!(handle_of(&[&plain[..], &[0; MAX_MESSAGE]].concat()), None);
    }

    #[test]
    fn extensions_fit_into_their_packet() {
        let extended = |rest: &[u8]| [&[0x1c, 0, 0x12, 0x34, 0, 1, 0, 1, 0, 0, 0, 9], rest].concat();
        assert_eq!(handle_of(&extended(&[0, 0, 1, 0])), Some(0x1234));
        assert_eq!(handle_of(&extended(&[0, 1, 1, 2, 7, 7, 0, 0, b'p'])), Some(0x1234));
        for rest in [&[][..], &[0], &[0, 0, 1], &[0, 1, 1, 0], &[0xff, 0xff, 1, 0]] {
            assert_eq!(handle_of(&extended(rest)), None, "{rest:?}");
        }
    }
}
