//! A published track: its encodings as they arrive, and who gets them.

use std::time::{Duration, Instant};

use str0m::format::PayloadParams;
use str0m::media::{MediaKind, Mid, Rid};
use str0m::rtp::Ssrc;

use crate::bitstream::{Codec, PacketInfo};
use crate::command::{LayerInfo, Source};
use crate::dynacast::Dynacast;

/// A layer with nothing for so long, while another flows, is not being sent.
const STALLED: Duration = Duration::from_secs(1);
/// Time constant of the measured bitrates.
const RATE_WINDOW: f64 = 1.0;
/// LiveKit's: keyframes cost the more the larger the layer.
const PLI_INTERVAL_LOW: Duration = Duration::from_millis(500);
const PLI_INTERVAL: Duration = Duration::from_secs(1);
/// Frames of temporal layers above this count as of this one.
const MAX_TEMPORAL: usize = 2;

/// One encoding.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub rid: Option<Rid>,
    pub ssrc: Option<Ssrc>,
    pub last_packet: Option<Instant>,
    /// Bit/s, smoothed.
    pub rate: f64,
    /// The same when something came last.
    known_rate: f64,
    bytes: u64,
    /// Frames a second of each temporal layer, smoothed.
    frame_rates: [f64; MAX_TEMPORAL + 1],
    frames: [u32; MAX_TEMPORAL + 1],
    last_timestamp: Option<u32>,
    keyframe_wanted: bool,
    keyframe_asked: Option<Instant>,
    /// For loss: highest sequence and packets since the last quality computation.
    first_sequence: Option<u64>,
    highest_sequence: u64,
    received: u64,
}

pub(crate) struct Track {
    pub id: String,
    /// Slab keys of the publisher and its room.
    pub owner: usize,
    pub owner_id: String,
    pub room: usize,
    pub mid: Mid,
    pub kind: MediaKind,
    pub codec: Codec,
    pub params: PayloadParams,
    pub source: Source,
    pub muted: bool,
    pub stereo: bool,
    pub declared: Vec<LayerInfo>,
    pub layers: Vec<Layer>,
    pub dynacast: Dynacast,
    /// Slab keys of its downtracks.
    pub downtracks: Vec<usize>,
}

impl Track {
    pub(crate) fn is_screen(&self) -> bool {
        matches!(self.source, Source::ScreenShare | Source::ScreenShareAudio)
    }

    pub(crate) fn layer_of(&self, rid: Option<Rid>) -> Option<usize> {
        if self.layers.len() == 1 { Some(0) } else { self.layers.iter().position(|layer| layer.rid == rid) }
    }

    /// Measured bit/s by layer, 0 for one that is not being sent now.
    pub(crate) fn rates(&self, now: Instant) -> Vec<u64> {
        let age = |layer: &Layer| layer.last_packet.map(|at| now.saturating_duration_since(at));
        let youngest = self.layers.iter().filter_map(age).min();
        let live = |layer: &Layer| match (age(layer), youngest) {
            // A still screen sends rarely: silence everywhere stalls nothing.
            (Some(age), Some(youngest)) => age < STALLED || age < youngest + STALLED,
            _ => false,
        };
        self.layers.iter().map(|layer| if live(layer) { (layer.rate as u64).max(1) } else { 0 }).collect()
    }

    /// Bit/s of its largest layer, when that was sent last.
    pub(crate) fn largest_rate(&self) -> u64 {
        self.layers.iter().map(|layer| layer.known_rate as u64).max().unwrap_or(0)
    }

    /// Highest temporal layer at which `layer` has at most `fps` frames a second; 0 `fps`: all.
    pub(crate) fn temporal_limit(&self, layer: usize, fps: u32) -> u8 {
        let Some(layer) = self.layers.get(layer).filter(|_| fps > 0) else { return u8::MAX };
        let mut sum = 0.0;
        for (id, rate) in layer.frame_rates.iter().enumerate() {
            sum += rate;
            // Measured rates waver; a tenth above is not another frame rate.
            if sum > f64::from(fps) * 1.1 {
                return id.saturating_sub(1) as u8;
            }
        }
        u8::MAX
    }

    /// The next downtrack that waits gets a keyframe of `layer`, as soon as the interval allows.
    pub(crate) fn want_keyframe(&mut self, layer: usize) {
        if let Some(layer) = self.layers.get_mut(layer) {
            layer.keyframe_wanted = true;
        }
    }

    /// The streams to ask for a keyframe now.
    pub(crate) fn due_keyframes(&mut self, now: Instant) -> Vec<Ssrc> {
        let mut due = Vec::new();
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let interval = if index == 0 { PLI_INTERVAL_LOW } else { PLI_INTERVAL };
            let Some(ssrc) = layer.ssrc.filter(|_| layer.keyframe_wanted) else { continue };
            if layer.keyframe_asked.is_none_or(|at| now.saturating_duration_since(at) >= interval) {
                (layer.keyframe_wanted, layer.keyframe_asked) = (false, Some(now));
                due.push(ssrc);
            }
        }
        due
    }
}

impl Layer {
    pub(crate) fn new(rid: Option<Rid>) -> Self {
        Self { rid, ..Self::default() }
    }

    /// How long the packet's sound is, by how far its timestamp is from the one before; `None` after a pause.
    pub(crate) fn duration(&self, timestamp: u32, clock_rate: u32) -> Option<Duration> {
        let ticks = timestamp.wrapping_sub(self.last_timestamp?);
        // Opus packets last 120 ms at most (RFC 7587 section 4.2).
        (ticks > 0 && ticks <= clock_rate / 8)
            .then(|| Duration::from_secs_f64(f64::from(ticks) / f64::from(clock_rate)))
    }

    /// Counts one packet; true if it is the first after a pause.
    pub(crate) fn observe(
        &mut self,
        now: Instant,
        sequence: u64,
        timestamp: u32,
        bytes: usize,
        info: PacketInfo,
    ) -> bool {
        let before = self.last_packet.replace(now);
        let returned = before.is_some_and(|before| now.saturating_duration_since(before) >= STALLED);
        if returned {
            self.rate = self.known_rate;
        }
        self.bytes += bytes as u64;
        if self.last_timestamp.replace(timestamp) != Some(timestamp) {
            self.frames[usize::from(info.temporal_id.unwrap_or(0)).min(MAX_TEMPORAL)] += 1;
        }
        if info.keyframe {
            self.keyframe_wanted = false;
        }
        self.first_sequence.get_or_insert(sequence);
        self.highest_sequence = self.highest_sequence.max(sequence);
        self.received += 1;
        returned
    }

    /// Smooths the rates over what came in `elapsed`.
    pub(crate) fn measure(&mut self, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        let weight = if self.rate == 0.0 { 1.0 } else { (seconds / RATE_WINDOW).min(1.0) };
        self.rate += (self.bytes as f64 * 8.0 / seconds - self.rate) * weight;
        for (rate, frames) in self.frame_rates.iter_mut().zip(&mut self.frames) {
            *rate += (f64::from(*frames) / seconds - *rate) * weight;
            *frames = 0;
        }
        if std::mem::take(&mut self.bytes) > 0 {
            self.known_rate = self.rate;
        }
    }

    /// Packets that should have come since the last call, and those of them that did not.
    pub(crate) fn take_loss(&mut self) -> (u64, u64) {
        let Some(first) = self.first_sequence.take() else { return (0, 0) };
        let expected = self.highest_sequence - first.min(self.highest_sequence) + 1;
        (expected, expected.saturating_sub(std::mem::take(&mut self.received)))
    }
}
