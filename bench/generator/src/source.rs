//! What a participant sends: frames that look like VP8 or H264 to whoever reads their headers, voices, messages. The rest
//! of their bytes is noise; nobody decodes them.

use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{Mid, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite};

use crate::plan::{Data, Layer, Video, VideoCodec, Voice};
use crate::signal::{AddTrack, SimulcastCodec, VideoLayer};
use crate::stamp::{LENGTH, MEASURED, Stamp};
use visavis_bench::socket::wall_nanoseconds;

/// LiveKit's rids, lowest layer first.
pub const RIDS: [&str; 3] = ["q", "h", "f"];
const PAYLOAD_BYTES: usize = 1150;
const KEYFRAME_SIZE: usize = 3;
const KEYFRAME_INTERVAL: Duration = Duration::from_secs(10);
/// Between packets of somebody silent.
const SILENCE: Duration = Duration::from_millis(400);
const SPEECH: Duration = Duration::from_millis(20);
const LOUD: i8 = -20;
const SILENT: i8 = -127;
const SPS_PPS: [u8; 17] = [0x78, 0, 8, 0x67, 0x42, 0xe0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0, 4, 0x68, 0xce, 0x3c, 0x80];

#[derive(Debug, Clone)]
pub enum Content {
    Video(Video),
    Voice(Voice),
    Data(Data),
}

#[derive(Debug)]
pub struct Encoding {
    rid: Option<Rid>,
    layer: Layer,
    pub active: bool,
    pub wants_keyframe: bool,
    last_keyframe: Option<Instant>,
    keyframe: u32,
    number: u32,
    picture: u16,
    timestamp: u32,
    is_prepared: bool,
    /// Packets of the measured time.
    pub sent: u64,
}

#[derive(Debug)]
pub struct Source {
    pub id: u32,
    pub content: Content,
    pub mid: Option<Mid>,
    pub sid: Option<String>,
    pub next: Instant,
    pub encodings: Vec<Encoding>,
    /// In a meeting: has the word.
    pub speaks: Option<bool>,
}

impl Source {
    pub fn new(id: u32, content: Content, next: Instant) -> Self {
        let layers = match &content {
            Content::Video(video) => video.layers.clone(),
            Content::Voice(_) | Content::Data(_) => vec![Layer { width: 0, height: 0, bitrate: 0 }],
        };
        let is_simulcast = layers.len() > 1;
        let encodings = layers.into_iter().enumerate().map(|(index, layer)| Encoding {
            rid: is_simulcast.then(|| RIDS[index].into()),
            layer,
            active: true,
            wants_keyframe: true,
            last_keyframe: None,
            keyframe: 0,
            number: 0,
            picture: 100 + 1000 * index as u16,
            timestamp: 50_000 * (index as u32 + 1),
            is_prepared: false,
            sent: 0,
        });
        Self { id, mid: None, sid: None, next, encodings: encodings.collect(), content, speaks: None }
    }

    pub fn cid(&self) -> String {
        format!("source-{}", self.id)
    }

    pub fn interval(&self) -> Duration {
        match &self.content {
            Content::Video(video) => Duration::from_secs_f64(1.0 / video.fps),
            Content::Voice(voice) => match self.speaks {
                Some(true) => SPEECH,
                Some(false) => SILENCE,
                None => Duration::from_millis(voice.interval_ms),
            },
            Content::Data(data) => Duration::from_secs_f64(1.0 / data.rate),
        }
    }

    /// How it is announced; data is not.
    pub fn announcement(&self) -> Option<AddTrack> {
        let announcement = AddTrack { cid: self.cid(), name: self.id.to_string(), ..AddTrack::default() };
        match &self.content {
            Content::Voice(_) => Some(AddTrack { kind: 0, source: 2, disable_red: true, ..announcement }),
            Content::Video(video) => {
                let top = video.layers.last()?;
                let layers = video.layers.iter().enumerate().map(|(index, layer)| VideoLayer {
                    // A single layer is the high quality.
                    quality: if video.layers.len() == 1 { 2 } else { index as i32 },
                    width: layer.width,
                    height: layer.height,
                    bitrate: layer.bitrate,
                });
                let codec = match video.codec {
                    VideoCodec::Vp8 => "vp8",
                    VideoCodec::H264 => "h264",
                };
                Some(AddTrack {
                    kind: 1,
                    width: top.width,
                    height: top.height,
                    source: 1,
                    layers: layers.collect(),
                    codecs: vec![SimulcastCodec { codec: codec.into(), cid: self.cid() }],
                    ..announcement
                })
            }
            Content::Data(_) => None,
        }
    }

    pub fn request_keyframe(&mut self, rid: Option<Rid>) {
        for encoding in self.encodings.iter_mut().filter(|encoding| rid.is_none() || encoding.rid == rid) {
            encoding.wants_keyframe = true;
        }
    }

    /// A message with its stamp.
    pub fn message(&mut self, bytes: usize, phase: u8) -> Vec<u8> {
        let encoding = &mut self.encodings[0];
        let mut message = vec![0xab; bytes.max(LENGTH)];
        encoding.stamp(self.id, 0, phase).write(&mut message);
        message
    }

    /// Writes what is due of media, packet by packet; `sent` takes each to the network before the next is stamped.
    pub fn write(&mut self, rtc: &mut Rtc, now: Instant, phase: u8, mut sent: impl FnMut(&mut Rtc)) {
        let Some(mid) = self.mid else { return };
        let (codec, video) = match &self.content {
            Content::Video(video) => {
                (if video.codec == VideoCodec::Vp8 { Codec::Vp8 } else { Codec::H264 }, Some(video))
            }
            Content::Voice(_) => (Codec::Opus, None),
            Content::Data(_) => return,
        };
        // Of H264 the format that browsers prefer: servers need not take another.
        let fits = |params: &PayloadParams| {
            let (known, format) = (params.spec().codec, params.spec().format);
            let is_common = (format.profile_level_id, format.packetization_mode) == (Some(0x42e01f), Some(1));
            known == codec && (codec != Codec::H264 || is_common)
        };
        let Some(pt) = rtc.codec_config().find(fits).map(|params| params.pt()) else { return };
        for (index, encoding) in self.encodings.iter_mut().enumerate() {
            let payloads = match (&self.content, video) {
                (_, Some(video)) => {
                    encoding.timestamp = encoding.timestamp.wrapping_add((90_000.0 / video.fps) as u32);
                    if !encoding.active {
                        continue;
                    }
                    encoding.frame(video, now)
                }
                (Content::Voice(voice), _) => {
                    let interval = self.speaks.map_or(voice.interval_ms, |speaks| if speaks { 20 } else { 400 });
                    encoding.timestamp = encoding.timestamp.wrapping_add(interval as u32 * 48);
                    vec![vec![0xfc; voice.bytes.max(LENGTH + 8)]]
                }
                _ => return,
            };
            let last = payloads.len() - 1;
            for (position, mut payload) in payloads.into_iter().enumerate() {
                encoding.stamp(self.id, index as u8, phase).write(&mut payload);
                let level = if self.speaks == Some(false) { SILENT } else { LOUD };
                let extensions = ExtensionValues {
                    audio_level: video.is_none().then_some(level),
                    voice_activity: video.is_none().then_some(level == LOUD),
                    ..ExtensionValues::default()
                };
                let number = 1000 * (index as u64 + 1) + u64::from(encoding.number);
                let packet = RtpWrite::new(pt, number.into(), encoding.timestamp, now, payload)
                    .marker(position == last && video.is_some())
                    .nackable(video.is_some())
                    .ext_vals(extensions);
                let mut api = rtc.direct_api();
                let Some(stream) = api.stream_tx_by_mid(mid, encoding.rid) else { return };
                if !encoding.is_prepared {
                    // Browsers do not ration retransmission as str0m does.
                    stream.set_rtx_cache(1024, Duration::from_secs(2), None);
                    encoding.is_prepared = true;
                }
                stream.write_rtp(packet);
                sent(rtc);
            }
        }
    }
}

impl Encoding {
    fn stamp(&mut self, source: u32, layer: u8, phase: u8) -> Stamp {
        self.number += 1;
        self.sent += u64::from(phase == MEASURED);
        Stamp { phase, layer, source, number: self.number, keyframe: self.keyframe, time: wall_nanoseconds() }
    }

    fn frame(&mut self, video: &Video, now: Instant) -> Vec<Vec<u8>> {
        let is_due = self.last_keyframe.is_none_or(|last| now - last > KEYFRAME_INTERVAL);
        let is_keyframe = std::mem::take(&mut self.wants_keyframe) || is_due;
        if is_keyframe {
            self.last_keyframe = Some(now);
            self.keyframe = self.number + 1;
        }
        self.picture = (self.picture + 1) & 0x7fff;
        let usual = (f64::from(self.layer.bitrate) / 8.0 / video.fps) as usize;
        let bytes = usual * if is_keyframe { KEYFRAME_SIZE } else { 1 };
        let count = bytes.div_ceil(PAYLOAD_BYTES).max(1);
        let length = (bytes / count).max(LENGTH + 40);
        (0..count)
            .map(|index| {
                let mut payload = match video.codec {
                    VideoCodec::Vp8 => self.vp8(is_keyframe, index == 0),
                    VideoCodec::H264 => h264(is_keyframe, index, count),
                };
                payload.resize(length, 0xab);
                payload
            })
            .collect()
    }

    fn vp8(&self, is_keyframe: bool, is_first: bool) -> Vec<u8> {
        // RFC 7741: picture id of 15 bits, TL0PICIDX, temporal layer 0, key index.
        let [high, low] = self.picture.to_be_bytes();
        let mut payload = vec![if is_first { 0x90 } else { 0x80 }, 0xf0, high | 0x80, low, self.picture as u8, 0];
        if is_first && is_keyframe {
            let [wide, width] = (self.layer.width as u16).to_be_bytes();
            let [tall, height] = (self.layer.height as u16).to_be_bytes();
            payload.extend([0x10, 0, 0, 0x9d, 0x01, 0x2a, width, wide, height, tall]);
        } else if is_first {
            payload.extend([0x11, 0, 0]);
        }
        payload
    }
}

fn h264(is_keyframe: bool, index: usize, count: usize) -> Vec<u8> {
    // RFC 6184: fragments (FU-A); a keyframe begins with its parameters (STAP-A).
    if is_keyframe && index == 0 && count > 1 {
        return SPS_PPS.to_vec();
    }
    let first = usize::from(is_keyframe && count > 1);
    let flags = if index == first { 0x80 } else { 0 } | if index + 1 == count && index > first { 0x40 } else { 0 };
    vec![0x7c, flags | if is_keyframe { 5 } else { 1 }]
}
