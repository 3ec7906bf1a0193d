//! A published track: its encodings as they arrive, and who gets them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use str0m::format::PayloadParams;
use str0m::media::{MediaKind, Mid, Rid};
use str0m::rtp::Ssrc;

use crate::bitstream::{Codec, PacketInfo, inspect};
use crate::command::{LayerInfo, Source};
use crate::dependency_descriptor::Structures;
use crate::downtrack::Packet;
use crate::dynacast::Dynacast;
use crate::fanout::Turn;
use crate::figures::Reception;
use crate::layers;
use crate::recent::{RECENT, Recent};
use crate::red::Unpacker;
use crate::relay::{Handle, Origin, Relays};
use crate::rewriter::stream_of;

/// A layer with nothing for so long, while another flows, is not being sent.
const STALLED: Duration = Duration::from_secs(1);
/// Time constant of the measured bitrates.
const RATE_WINDOW: f64 = 1.0;
/// LiveKit's: keyframes cost the more the larger the layer.
const PLI_INTERVAL_LOW: Duration = Duration::from_millis(500);
const PLI_INTERVAL: Duration = Duration::from_secs(1);
/// Frames of temporal layers above this count as of this one.
const MAX_TEMPORAL: usize = 2;

/// Packets of a voice in a second, and what IPv4, UDP, RTP and sealing add to them, in bit/s: 64 bytes to each.
const VOICE_PACKETS: f64 = 50.0;
const SOUND_OVERHEAD: f64 = VOICE_PACKETS * 64.0 * 8.0;

/// Spatial layers that one stream can have; LiveKit's qualities are three, AV1's descriptor allows four.
const MAX_SPATIAL: usize = 4;
/// Packets held until the structure comes that they are to be read by.
const UNREAD: usize = 256;

/// One encoding, or one spatial layer of a scalable stream.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub rid: Option<Rid>,
    pub ssrc: Option<Ssrc>,
    /// How often it began anew with another stream.
    pub streams: u64,
    pub last_packet: Option<Instant>,
    /// Bit/s, smoothed.
    pub rate: f64,
    /// The same when something came last.
    known_rate: f64,
    bytes: u64,
    /// Of these, those above the lowest temporal layer; and their share, smoothed.
    bytes_above: u64,
    share_above: f64,
    /// Frames a second of each temporal layer, smoothed.
    frame_rates: [f64; MAX_TEMPORAL + 1],
    frames: [u32; MAX_TEMPORAL + 1],
    last_timestamp: Option<u32>,
    keyframe_wanted: bool,
    keyframe_asked: Option<Instant>,
    /// Of video: for who begins with it.
    pub recent: Recent,
    /// For loss: highest sequence and packets since the last quality computation.
    first_sequence: Option<u64>,
    highest_sequence: u64,
    received: u64,
    /// The shares that were lost on the way here, of the last two times that it was asked.
    lost_shares: [f32; 2],
    /// Of the encoding, since the layer is there.
    pub total: Reception,
}

pub(crate) struct Track {
    pub id: String,
    /// Names it among shards.
    pub handle: Handle,
    pub origin: Origin,
    pub owner_id: String,
    /// Slab key.
    pub room: usize,
    /// Where its media comes; `None`: the client was not asked for this codec yet, or stopped it.
    pub mid: Option<Mid>,
    /// When its first packet came.
    pub published: Option<Instant>,
    pub kind: MediaKind,
    pub codec: Codec,
    pub params: PayloadParams,
    pub source: Source,
    pub muted: bool,
    pub stereo: bool,
    pub stream: String,
    /// Ends what the server itself puts into an encrypted track, so that clients do not decrypt it.
    pub trailer: Vec<u8>,
    pub declared: Vec<LayerInfo>,
    pub layers: Vec<Layer>,
    /// What came in layers that it had before.
    pub former: Reception,
    /// All layers are in one stream, which is filed under the lowest.
    pub scalable: bool,
    pub structures: Structures,
    /// What came before its structure.
    pub unread: VecDeque<Packet>,
    /// For subscribers that do not take its redundant audio.
    pub unpacker: Unpacker,
    /// Of the primary codec: what was told of all of them.
    pub dynacast: Dynacast,
    /// Slab key of the primary codec's; its own for that one.
    pub primary: usize,
    /// Of the primary codec: slab keys of the others.
    pub backups: Vec<usize>,
    /// Everyone is to get this codec, from its first packet on.
    pub regress: bool,
    /// Nobody gets this codec any more.
    pub regressed: bool,
    /// Slab keys of its downtracks.
    pub downtracks: Vec<usize>,
    /// Of the primary codec: the shards that have subscribers, too.
    pub relays: Relays,
    /// Those of them that want this codec now, with the quality that they want.
    pub wanted_by: Vec<(u16, u8)>,
    /// What came in this turn.
    pub turn: Turn,
}

/// A track's layers: its encodings, or as many as are declared of one scalable encoding; and whether they are in one stream.
pub(crate) fn layers_of(codec: Codec, rids: &[String], declared: &[LayerInfo]) -> (Vec<Layer>, bool) {
    let mut rids: Vec<Option<Rid>> = rids.iter().map(|rid| Some(rid.as_str().into())).collect();
    let scalable = rids.len() <= 1 && codec.is_scalable();
    // Of a scalable one, the others, if there are more, are added when they come.
    let count = if scalable { declared.len().clamp(1, layers::QUALITIES) } else { rids.len().max(1) };
    rids.resize(count, None);
    (rids.into_iter().map(Layer::new).collect(), scalable)
}

impl Track {
    /// The stream that a description names for it.
    pub(crate) fn msid_stream(&self, sync_streams: bool) -> String {
        let stream = if sync_streams && !self.stream.is_empty() { &self.stream } else { &self.id };
        format!("{}|{stream}", self.owner_id)
    }

    pub(crate) fn is_screen(&self) -> bool {
        matches!(self.source, Source::ScreenShare | Source::ScreenShareAudio)
    }

    /// The share that was lost lately of the layer of which most was.
    pub(crate) fn lost_share(&self) -> f32 {
        self.layers.iter().map(Layer::lost_share).fold(0.0, f32::max)
    }

    pub(crate) fn layer_of(&self, rid: Option<Rid>) -> Option<usize> {
        let only = self.scalable || self.layers.len() == 1;
        if only { Some(0) } else { self.layers.iter().position(|layer| layer.rid == rid) }
    }

    /// What a packet says of itself; `None` if that cannot be known before another comes.
    pub(crate) fn inspect(&mut self, codec: Codec, packet: &mut Packet) -> Option<PacketInfo> {
        let mut info = inspect(codec, &packet.payload);
        if !self.scalable {
            info.frame = None;
        } else if let Some(raw) = packet.raw_descriptor.as_ref().filter(|_| codec == Codec::Av1) {
            let descriptor = self.structures.read(raw)?;
            (info.frame, info.temporal_id) = (Some(descriptor.frame), Some(descriptor.frame.temporal));
            packet.descriptor = Some(descriptor);
        }
        Some(info)
    }

    /// Keeps a packet until the keyframe comes by which it can be read.
    pub(crate) fn keep_unread(&mut self, packet: Packet) {
        if self.unread.len() == UNREAD {
            self.unread.pop_front();
        }
        self.unread.push_back(packet);
        self.want_keyframe(0);
    }

    /// Counts one packet of an encoding; true if its layer was not there, or not for a while.
    pub(crate) fn observe(&mut self, encoding: usize, packet: &Packet, info: PacketInfo, now: Instant) -> bool {
        let (mut layer, mut grown) = (encoding, false);
        if let Some(frame) = info.frame {
            layer = usize::from(frame.spatial).min(MAX_SPATIAL - 1);
            let count = usize::from(frame.of).min(MAX_SPATIAL).max(layer + 1);
            while self.layers.len() < count {
                grown = true;
                self.layers.push(Layer::new(None));
            }
        }
        if stream_of(packet.sequence) != stream_of(self.layers[encoding].highest_sequence) {
            self.layers[encoding].begin_anew();
            self.unpacker = Unpacker::default();
        }
        self.layers[encoding].count(packet.sequence, packet.payload.len(), info.keyframe);
        self.layers[layer].observe(now, packet.timestamp, packet.payload.len(), info.temporal_id) || grown
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
        let mut below = 0;
        let rate = |layer: &Layer| {
            let rate = if live(layer) { (layer.rate as u64).max(1) } else { return 0 };
            // Who gets a layer of a scalable stream gets those below it.
            below += rate;
            if self.scalable { below } else { rate }
        };
        self.layers.iter().map(rate).collect()
    }

    /// Of a layer's bit/s, those of its lowest temporal layer.
    pub(crate) fn thinned(&self, layer: usize, rate: u64) -> u64 {
        self.layers.get(layer).map_or(rate, |layer| (rate as f64 * (1.0 - layer.share_above)) as u64)
    }

    /// Bit/s of a voice as links count it: lately, and about what it is when somebody speaks.
    pub(crate) fn sound_rates(&self) -> (u64, u64) {
        let Some(layer) = self.layers.first().filter(|layer| layer.known_rate > 0.0) else { return (0, 0) };
        let lately = layer.rate + (layer.frame_rates[0] / VOICE_PACKETS).min(1.0) * SOUND_OVERHEAD;
        (lately as u64, (layer.known_rate + SOUND_OVERHEAD) as u64)
    }

    /// Bit/s of its largest layer, when that was sent last.
    pub(crate) fn largest_rate(&self) -> u64 {
        let rates = self.layers.iter().map(|layer| layer.known_rate as u64);
        if self.scalable { rates.sum() } else { rates.max().unwrap_or(0) }
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
        let stream = if self.scalable { 0 } else { layer };
        if let Some(layer) = self.layers.get_mut(stream) {
            layer.keyframe_wanted = true;
        }
    }

    /// A layer's keyframe is too old to begin with, and none may be asked for yet.
    pub(crate) fn is_between_keyframes(&self, layer: usize, now: Instant) -> bool {
        let asked = self.layers.get(layer).and_then(|layer| layer.keyframe_asked);
        asked.is_some_and(|at| (RECENT..PLI_INTERVAL).contains(&now.saturating_duration_since(at)))
    }

    /// The layers to ask for a keyframe of now. Of a relayed track, its own shard knows the streams.
    pub(crate) fn due_keyframes(&mut self, now: Instant) -> Vec<usize> {
        let (mut due, is_relayed) = (Vec::new(), self.origin.owner().is_none());
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let interval = if index == 0 { PLI_INTERVAL_LOW } else { PLI_INTERVAL };
            if !layer.keyframe_wanted || layer.ssrc.is_none() && !is_relayed {
                continue;
            }
            if layer.keyframe_asked.is_none_or(|at| now.saturating_duration_since(at) >= interval) {
                (layer.keyframe_wanted, layer.keyframe_asked) = (false, Some(now));
                due.push(index);
            }
        }
        due
    }
}

impl Layer {
    pub(crate) fn new(rid: Option<Rid>) -> Self {
        Self { rid, ..Self::default() }
    }

    /// The same as another shard gets it: what was measured, and what it counts itself from now on.
    pub(crate) fn relayed(&self) -> Self {
        Self {
            last_packet: self.last_packet,
            rate: self.rate,
            known_rate: self.known_rate,
            share_above: self.share_above,
            frame_rates: self.frame_rates,
            ..Self::default()
        }
    }

    /// How long the packet's sound is, by how far its timestamp is from the one before; `None` after a pause.
    pub(crate) fn duration(&self, timestamp: u32, clock_rate: u32) -> Option<Duration> {
        let ticks = timestamp.wrapping_sub(self.last_timestamp?);
        // Opus packets last 120 ms at most (RFC 7587 section 4.2).
        (ticks > 0 && ticks <= clock_rate / 8)
            .then(|| Duration::from_secs_f64(f64::from(ticks) / f64::from(clock_rate)))
    }

    /// Another stream begins: what is missing between the two was not lost.
    fn begin_anew(&mut self) {
        self.total.restart();
        (self.first_sequence, self.received, self.recent) = (None, 0, Recent::default());
    }

    /// Counts one packet of the stream.
    fn count(&mut self, sequence: u64, bytes: usize, keyframe: bool) {
        self.total.count(sequence, bytes);
        if keyframe {
            self.keyframe_wanted = false;
        }
        self.first_sequence.get_or_insert(sequence);
        self.highest_sequence = self.highest_sequence.max(sequence);
        self.received += 1;
    }

    /// Measures one packet of the layer; true if it is the first after a pause.
    fn observe(&mut self, now: Instant, timestamp: u32, bytes: usize, temporal_id: Option<u8>) -> bool {
        let before = self.last_packet.replace(now);
        let returned = before.is_some_and(|before| now.saturating_duration_since(before) >= STALLED);
        if returned {
            self.rate = self.known_rate;
        }
        self.bytes += bytes as u64;
        if temporal_id.is_some_and(|id| id > 0) {
            self.bytes_above += bytes as u64;
        }
        if self.last_timestamp.replace(timestamp) != Some(timestamp) {
            self.frames[usize::from(temporal_id.unwrap_or(0)).min(MAX_TEMPORAL)] += 1;
        }
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
        let (bytes, above) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.bytes_above));
        if bytes > 0 {
            self.known_rate = self.rate;
            self.share_above += (above as f64 / bytes as f64 - self.share_above) * weight;
        }
    }

    /// Packets that should have come since the last call, and those of them that did not.
    pub(crate) fn take_loss(&mut self) -> (u64, u64) {
        let (expected, lost) = self.first_sequence.take().map_or((0, 0), |first| {
            let expected = self.highest_sequence - first.min(self.highest_sequence) + 1;
            (expected, expected.saturating_sub(std::mem::take(&mut self.received)))
        });
        self.lost_shares = [lost as f32 / expected.max(1) as f32, self.lost_shares[0]];
        (expected, lost)
    }

    /// The share that was lost lately on the way here: whoever receives the layer misses these packets, too.
    pub(crate) fn lost_share(&self) -> f32 {
        self.lost_shares[0].max(self.lost_shares[1])
    }
}
