//! Data tracks: what a publisher sends on its `_data_track` channel goes to each subscriber, under a handle of its own.
//!
//! A packet has a header of 12 bytes, big-endian: version (3 bits), start, final and extension flags, a reserved byte,
//! handle, sequence and frame number (u16 each), timestamp (u32); with the extension flag a block of extensions follows,
//! whose first two bytes are its length in words, less one. Only the handle is written here.

use std::collections::{BTreeMap, BTreeSet};

use crate::connection::Channels;
use crate::data::MAX_MESSAGE;
use crate::shard::Shard;

const HEADER: usize = 12;
const EXTENSIONS: u8 = 1 << 2;
const HANDLE: std::ops::Range<usize> = 2..4;

/// A published data track.
pub(crate) struct DataTrack {
    id: String,
    /// Slab key of the publisher.
    owner: usize,
    /// In the publisher's packets.
    handle: u16,
    /// By slab key: the handle in its packets.
    subscribers: BTreeMap<usize, u16>,
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
        let index = self.data_tracks.insert(DataTrack { id, owner: key, handle, subscribers: BTreeMap::new() });
        self.data_track_ids.insert(track, index);
        self.participants[key].data_tracks.published.insert(handle, index);
    }

    pub(crate) fn unpublish_data_track(&mut self, key: usize, track: &str) {
        if let Some(&index) = self.data_track_ids.get(track)
            && self.data_tracks[index].owner == key
        {
            self.end_data_track(index);
        }
    }

    fn end_data_track(&mut self, index: usize) {
        let track = self.data_tracks.remove(index);
        self.data_track_ids.remove(&track.id);
        self.participants[track.owner].data_tracks.published.remove(&track.handle);
        for subscriber in track.subscribers.keys() {
            self.participants[*subscriber].data_tracks.subscribed.remove(&index);
        }
    }

    pub(crate) fn subscribe_data_track(&mut self, key: usize, track: &str, handle: u16) {
        let Some(&index) = self.data_track_ids.get(track) else { return };
        let track = &mut self.data_tracks[index];
        if self.participants[track.owner].room == self.participants[key].room {
            track.subscribers.insert(key, handle);
            self.participants[key].data_tracks.subscribed.insert(index);
        }
    }

    pub(crate) fn unsubscribe_data_track(&mut self, key: usize, track: &str) {
        if let Some(&index) = self.data_track_ids.get(track) {
            self.data_tracks[index].subscribers.remove(&key);
            self.participants[key].data_tracks.subscribed.remove(&index);
        }
    }

    /// A participant leaves: its tracks end, and it gets no others.
    pub(crate) fn leave_data_tracks(&mut self, key: usize) {
        let tracks = std::mem::take(&mut self.participants[key].data_tracks);
        for index in tracks.subscribed {
            self.data_tracks[index].subscribers.remove(&key);
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
