//! Blank frames: what the server itself puts into a subscriber's stream when its source falls silent or goes, as LiveKit does.
//!
//! Sound that stops anywhere is followed by silence, or decoders conceal the loss with the noise of what was last heard. A
//! track that ends is followed by black (by silence), before the client hears of the end: whoever keeps the element does not
//! keep the last picture of somebody who has gone. A picture that is only muted stands still; clients hide it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::media::Mid;

use crate::bitstream::Codec;
use crate::downtrack::Place;
use crate::egress::Outgoing;
use crate::participant::Use;
use crate::rewriter::Inserted;
use crate::shard::Shard;
use crate::timers::Timer;
use crate::track::Track;

/// How long they are sent: enough of them get through.
const SILENT: Duration = Duration::from_secs(1);
const CLOSING: Duration = Duration::from_millis(200);
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
const VIDEO_INTERVAL: Duration = Duration::from_millis(33);

/// A key frame of 8 × 8 black pixels. These very bytes: clients that decrypt let a frame of the server's pass by its hash
/// (`VP8KeyFrame8x8` in livekit-client), as they do with the silence.
const VP8_BLACK: [u8; 31] = [
    0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x08, 0x00, 0x08, 0x00, 0x00, 0x47, 0x08, 0x85, 0x85, 0x88, 0x85, 0x84, 0x88,
    0x02, 0x02, 0x00, 0x0c, 0x0d, 0x60, 0x00, 0xfe, 0xff, 0xab, 0x50, 0x80,
];

/// Opus: 20 ms of CELT in full band without sound, padded to what clients know.
const OPUS_SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];
const OPUS_BYTES: usize = 80;

/// G.711: samples of no amplitude, 20 ms of them.
const PCMU_SILENCE: [u8; 160] = [0xff; 160];
const PCMA_SILENCE: [u8; 160] = [0xd5; 160];

/// H264 in the Baseline profile, one macroblock large (H.264 sections 7.3.2.1, 7.3.2.2, 7.3.3).
const H264_SPS: [u8; 6] = [0x67, 0x42, 0xc0, 0x0a, 0xda, 0x79];
const H264_PPS: [u8; 4] = [0x68, 0xce, 0x38, 0x80];
/// An IDR slice up to its macroblock, which is raw (I_PCM): these luma and chroma samples.
const H264_SLICE: [u8; 5] = [0x65, 0x88, 0x84, 0x86, 0x80];
const BLACK: [(u8, usize); 2] = [(16, 256), (128, 128)];

/// Blank frames under way in one downtrack.
#[derive(Debug)]
pub(crate) struct Blanking {
    /// When the next is due.
    next: Instant,
    left: u32,
    interval: Duration,
    clock_rate: u32,
    vp8: bool,
    /// Behind VP8's descriptor, which counts.
    frame: Arc<[u8]>,
    /// The track has ended: the downtrack ends with this.
    closing: bool,
}

impl Blanking {
    /// `None`: of this codec there are no blank frames.
    fn new(track: &Track, duration: Duration, closing: bool, now: Instant) -> Option<Self> {
        let mut frame = blank(track.codec)?;
        frame.extend(&track.trailer);
        let interval = if track.codec.is_audio() { AUDIO_INTERVAL } else { VIDEO_INTERVAL };
        Some(Self {
            next: now,
            left: (duration.as_millis() / interval.as_millis()) as u32,
            interval,
            clock_rate: track.params.spec().clock_rate.get(),
            vp8: track.codec == Codec::Vp8,
            frame: frame.into(),
            closing,
        })
    }

    fn payload(&self, descriptor: &[u8]) -> Arc<[u8]> {
        if descriptor.is_empty() { self.frame.clone() } else { [descriptor, &self.frame].concat().into() }
    }
}

/// A blank frame in one RTP payload.
fn blank(codec: Codec) -> Option<Vec<u8>> {
    const STAP_A: u8 = 24;
    match codec {
        // Redundant audio is sent as plain Opus, too.
        Codec::Opus | Codec::Red => {
            let mut frame = OPUS_SILENCE.to_vec();
            frame.resize(OPUS_BYTES, 0);
            Some(frame)
        }
        Codec::Pcmu => Some(PCMU_SILENCE.to_vec()),
        Codec::Pcma => Some(PCMA_SILENCE.to_vec()),
        Codec::Vp8 => Some(VP8_BLACK.to_vec()),
        Codec::H264 => {
            let samples = BLACK.into_iter().flat_map(|(sample, count)| std::iter::repeat_n(sample, count));
            let slice: Vec<u8> = H264_SLICE.into_iter().chain(samples).chain([0x80]).collect();
            let mut payload = vec![STAP_A];
            for unit in [&H264_SPS[..], &H264_PPS, &slice] {
                payload.extend((unit.len() as u16).to_be_bytes());
                payload.extend(unit);
            }
            Some(payload)
        }
        Codec::Vp9 | Codec::Av1 | Codec::H265 => None,
    }
}

impl Shard {
    /// Those of the downtracks whose media flows, to see later for which of them it ended.
    pub(crate) fn flowing(&self, mut downtracks: Vec<usize>) -> Vec<usize> {
        downtracks.retain(|downtrack| self.downtracks[*downtrack].current.is_some());
        downtracks
    }

    /// What flowed until now and does not any more is followed by silence, if it was sound.
    pub(crate) fn silence(&mut self, flowed: Vec<usize>, now: Instant) {
        for key in flowed {
            let Some(downtrack) = self.downtracks.get_mut(key).filter(|downtrack| downtrack.current.is_none()) else {
                continue;
            };
            let track = &self.tracks[downtrack.track];
            if track.codec.is_audio() {
                downtrack.blanking = Blanking::new(track, SILENT, false, now);
                self.send_blank(key, now);
            }
        }
    }

    /// Ends a subscription: its section serves another track after the next offer, which comes after blank frames.
    pub(crate) fn close_downtrack(&mut self, key: usize, id: &str, now: Instant) -> bool {
        let Some(&downtrack_key) = self.participants[key].subscriptions.get(id) else { return false };
        let downtrack = &self.downtracks[downtrack_key];
        let blanking = Blanking::new(&self.tracks[downtrack.track], CLOSING, true, now);
        let place = downtrack.place;
        let connected = self.participants[key].receiving_connection().is_some_and(|connection| connection.connected());
        let (Place::Ready(mid, ..), Some(blanking), true) = (place, blanking, connected) else {
            self.detach(key, id);
            self.request_offer(key, now);
            return true;
        };
        self.end_subscription(key, id);
        self.downtracks[downtrack_key].blanking = Some(blanking);
        if let Some(section) = self.participants[key].section_of(mid) {
            section.used = Use::Flushing(downtrack_key);
        }
        self.send_blank(downtrack_key, now);
        true
    }

    /// The downtracks of a participant that only send blank frames end now: its next description is made.
    pub(crate) fn end_flushes(&mut self, key: usize) {
        for section in &mut self.participants[key].sections {
            if let Use::Flushing(downtrack) = section.used {
                self.downtracks.remove(downtrack);
                section.used = Use::Leaving;
            }
        }
    }

    pub(crate) fn on_blank_timer(&mut self, key: usize, at: Instant, now: Instant) {
        let Some(downtrack) = self.downtracks.get_mut(key) else { return };
        if downtrack.blanking.as_ref().is_none_or(|blanking| blanking.next != at) {
            return;
        }
        if downtrack.current.is_some() && downtrack.blanking.as_ref().is_some_and(|blanking| !blanking.closing) {
            downtrack.blanking = None; // it is heard again
            return;
        }
        self.send_blank(key, now);
    }

    /// Sends the next blank frame, and ends with the last.
    fn send_blank(&mut self, key: usize, now: Instant) {
        let downtrack = &mut self.downtracks[key];
        let (subscriber, place) = (downtrack.subscriber, downtrack.place);
        let (Some(blanking), Place::Ready(mid, pt, index)) = (&mut downtrack.blanking, place) else { return };
        let is_over = blanking.left == 0;
        blanking.left = blanking.left.saturating_sub(1);
        let closing = blanking.closing;
        let inserted = if is_over {
            None
        } else {
            downtrack.rewriter.insert(now, blanking.interval, blanking.vp8, blanking.clock_rate)
        };
        // It is over, too, if nothing was sent that would have to be blanked.
        let Some(Inserted { sequence, timestamp, descriptor }) = inserted else {
            downtrack.blanking = None;
            return if closing {
                self.end_flush(key, subscriber, mid, now)
            };
        };
        let outgoing = Outgoing {
            mid,
            index,
            pt,
            sequence,
            timestamp,
            marker: true,
            payload: blanking.payload(&descriptor),
            patch: None,
            capture_time: None,
            descriptor: None,
            playout_delay: None,
            nackable: blanking.interval == VIDEO_INTERVAL,
            arrival: now,
            forget_older: false,
        };
        blanking.next = now + blanking.interval;
        let next = blanking.next;
        let receiving = self.participants[subscriber].receiving();
        if let Some(connection) = self.participants[subscriber].connection(receiving) {
            connection.send(outgoing, now, &mut self.batch);
        }
        self.touch_media((subscriber, receiving));
        self.timers.set(next, Timer::Blank(key));
    }

    fn end_flush(&mut self, key: usize, subscriber: usize, mid: Mid, now: Instant) {
        self.downtracks.remove(key);
        if let Some(section) = self.participants[subscriber].section_of(mid) {
            section.used = Use::Leaving;
        }
        self.request_offer(subscriber, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::inspect;

    #[test]
    fn blank_pictures_are_keyframes() {
        let vp8 = [&[0x10][..], &blank(Codec::Vp8).unwrap()].concat();
        assert!(inspect(Codec::Vp8, &vp8).keyframe);
        assert!(inspect(Codec::H264, &blank(Codec::H264).unwrap()).keyframe);
    }

    #[test]
    fn an_aggregation_packet_is_as_long_as_its_units() {
        let payload = blank(Codec::H264).unwrap();
        let (mut rest, mut units) = (&payload[1..], Vec::new());
        while let [high, low, unit @ ..] = rest {
            let (unit, next) = unit.split_at(usize::from(u16::from_be_bytes([*high, *low])));
            units.push(unit[0] & 0x1f);
            rest = next;
        }
        assert_eq!(units, [7, 8, 5]);
    }
}
