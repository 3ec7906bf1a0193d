//! What an encoding has sent since its last keyframe, while that is a moment ago: who comes then begins with it at once.
//! The publisher is asked for a keyframe only so often, and makes one more rarely still (libwebrtc: every 300 ms).

use std::time::{Duration, Instant};

use crate::bitstream::PacketInfo;
use crate::downtrack::{Incoming, Packet};
use crate::shard::Shard;

/// As long as a track's keyframes are not asked for again. What is older would be more to send than a keyframe is.
pub(crate) const RECENT: Duration = Duration::from_millis(500);
/// A browser that is connected already takes the packets of a new section only once it has done what the descriptions
/// say: so long after the server has the answer, or has given it.
pub(crate) const SETTLING: Duration = Duration::from_millis(100);
/// More than this at once is no good beginning for somebody's connection: 500 ms of 2 Mbit/s.
const MAX_BYTES: usize = 125_000;

/// Pictures sent at once are as far apart as that. By their own timestamps receivers would take it for a network of much
/// delay that ended (libwebrtc then shows pictures as they come for a long time, without smoothing).
const APART: Duration = Duration::from_millis(1);

/// One packet, what it says of itself, and when it came.
pub(crate) type Arrived = (Packet, PacketInfo, Instant);

#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// By sequence number, from the keyframe's first on. Empty: none is recent.
    packets: Vec<Arrived>,
    bytes: usize,
}

impl Recent {
    /// Keeps a packet of the encoding, which came just now.
    pub(crate) fn push(&mut self, packet: &Packet, info: PacketInfo, now: Instant) {
        let begins = info.keyframe && self.packets.first().is_none_or(|(first, ..)| is_after(packet, first));
        if begins {
            *self = Self::default();
        } else if self.packets.is_empty() {
            return;
        }
        // What came twice counts twice, too.
        self.bytes += packet.payload.len();
        if self.is_old(now) || self.bytes > MAX_BYTES {
            *self = Self::default();
            return;
        }
        let at = self.packets.partition_point(|(kept, ..)| kept.sequence < packet.sequence);
        let is_there = self.packets.get(at).is_some_and(|(kept, ..)| kept.sequence == packet.sequence);
        if begins || at > 0 && !is_there {
            self.packets.insert(at, (packet.clone(), info, now));
        }
    }

    /// The packets from the keyframe on; none if it is too long ago, or one of them is missing.
    pub(crate) fn packets(&self, now: Instant) -> &[Arrived] {
        let is_whole = self.packets.windows(2).all(|pair| pair[0].0.sequence + 1 == pair[1].0.sequence);
        if is_whole && !self.is_old(now) { &self.packets } else { &[] }
    }

    fn is_old(&self, now: Instant) -> bool {
        self.packets.first().is_some_and(|(.., at)| now.saturating_duration_since(*at) > RECENT)
    }
}

impl Shard {
    /// A downtrack awaits a layer: it begins with what is there of it, and what it awaits then is asked for. Where the
    /// client does not listen yet, the next beat is soon enough.
    pub(crate) fn begin(&mut self, downtrack: usize, now: Instant) {
        self.fan_out(now);
        let can_begin = self.replay(downtrack, now);
        let downtrack = &self.downtracks[downtrack];
        if can_begin && downtrack.listens_from > now {
            return;
        }
        if let Some(layer) = downtrack.awaits() {
            let key = downtrack.track;
            let track = &mut self.tracks[key];
            track.want_keyframe(layer);
            if downtrack.current.is_none() && !track.scalable && track.is_between_keyframes(layer, now) {
                // The lowest layer's may be asked for more often.
                track.want_keyframe(0);
            }
            self.ask_keyframes(key, now);
        }
    }

    /// Sends what came since a recent keyframe to who has no picture at all; false if there is none to send.
    fn replay(&mut self, key: usize, now: Instant) -> bool {
        let downtrack = &mut self.downtracks[key];
        let Some(target) = downtrack.awaits().filter(|_| downtrack.current.is_none()) else { return false };
        let (track_key, subscriber) = (downtrack.track, downtrack.subscriber);
        let track = &self.tracks[track_key];
        let highest = if track.scalable { 0 } else { target };
        // Until the target's keyframe comes, any lower layer is better than nothing.
        let recent = |layer: usize| Some((layer, track.layers.get(layer)?.recent.packets(now)));
        let Some((layer, packets)) = (0..=highest).rev().filter_map(recent).find(|(_, packets)| !packets.is_empty())
        else {
            return false;
        };
        let Some((last, _, end)) = packets.last() else { return false };
        let clock_rate = track.params.spec().clock_rate.get();
        let ticks = (APART.as_secs_f64() * f64::from(clock_rate)) as u32;
        let is_next = |pair: &&[Arrived]| pair[0].0.timestamp != pair[1].0.timestamp;
        let mut left = packets.windows(2).filter(is_next).count() as u32;
        // Time runs forward in what a receiver gets.
        if downtrack.rewriter.has_sent_since(*end - left * APART) {
            return false;
        }
        let receiving = self.participants[subscriber].receiving();
        let Some(connection) = self.participants[subscriber].connection(receiving) else { return false };
        if downtrack.listens_from > now || !connection.connected() {
            return true;
        }
        downtrack.pause();
        let mut sent = false;
        let mut picture = packets[0].0.timestamp;
        for (packet, info, _) in packets {
            left -= u32::from(std::mem::replace(&mut picture, packet.timestamp) != packet.timestamp);
            let timestamp = last.timestamp.wrapping_sub(left * ticks);
            let (packet, info) = (&Packet { timestamp, ..packet.clone() }, *info);
            let arrival = *end - left * APART;
            let incoming = Incoming { packet, layer, codec: track.codec, info, clock_rate, arrival };
            downtrack.forward(&incoming, |packet| sent |= connection.send(packet, now, &mut self.batch));
        }
        let resumed = sent && std::mem::take(&mut downtrack.paused);
        self.touch_media((subscriber, receiving));
        if resumed {
            self.tell_paused(subscriber, track_key, false);
        }
        true
    }
}

/// Of a later picture: a keyframe's parameter sets and slices are all marked as its beginning.
fn is_after(packet: &Packet, first: &Packet) -> bool {
    packet.sequence > first.sequence && packet.timestamp != first.timestamp
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(40);

    fn packet(sequence: u64, timestamp: u32) -> Packet {
        Packet { sequence, timestamp, payload: vec![0; 1000].into(), ..Packet::default() }
    }

    fn kept(recent: &Recent, now: Instant) -> Vec<u64> {
        recent.packets(now).iter().map(|(packet, ..)| packet.sequence).collect()
    }

    const KEY: PacketInfo = PacketInfo { keyframe: true, temporal_id: None, layer_sync: false, frame: None };
    const DELTA: PacketInfo = PacketInfo { keyframe: false, ..KEY };

    #[test]
    fn it_begins_with_the_last_keyframe() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        recent.push(&packet(9, 1), DELTA, now);
        assert_eq!(kept(&recent, now), []);
        // Parameter sets and slices, each marked.
        for sequence in 10..13 {
            recent.push(&packet(sequence, 2), KEY, now);
        }
        recent.push(&packet(13, 3), DELTA, now + FRAME);
        assert_eq!(kept(&recent, now + FRAME), [10, 11, 12, 13]);
        recent.push(&packet(14, 4), KEY, now + FRAME);
        recent.push(&packet(12, 2), DELTA, now + FRAME);
        assert_eq!(kept(&recent, now + FRAME), [14], "what belongs to the one before is over");
    }

    #[test]
    fn it_is_nothing_with_a_hole_until_that_is_filled() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        recent.push(&packet(1, 1), KEY, now);
        recent.push(&packet(3, 1), DELTA, now);
        assert_eq!(kept(&recent, now), []);
        recent.push(&packet(2, 1), DELTA, now);
        recent.push(&packet(2, 1), DELTA, now);
        assert_eq!(kept(&recent, now), [1, 2, 3], "and what came twice is there once");
    }

    #[test]
    fn it_keeps_neither_what_is_old_nor_more_than_a_moment_carries() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        recent.push(&packet(1, 1), KEY, now);
        assert_eq!(kept(&recent, now + RECENT), [1]);
        assert_eq!(kept(&recent, now + RECENT + FRAME), []);
        recent.push(&packet(2, 2), DELTA, now + RECENT + FRAME);
        assert!(recent.packets.is_empty());

        recent.push(&packet(3, 3), KEY, now);
        for sequence in 4..=3 + MAX_BYTES as u64 / 1000 {
            recent.push(&packet(sequence, 4), DELTA, now);
        }
        assert!(recent.packets.is_empty());
    }
}
