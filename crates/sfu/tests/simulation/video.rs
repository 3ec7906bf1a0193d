//! A model of a video: frames in VP8's, VP9's or H265's payload format, and a decoder that knows what it can decode.
//!
//! Nothing is encoded. A frame is its number, its layer and padding to a size; the decoder checks what a real one needs:
//! every packet of the frame, and an unbroken chain of frames since the last keyframe.

use std::collections::BTreeMap;

/// Pixels do not matter here; what does is that layers differ in size.
pub const PACKETS_OF_LAYER: [usize; 3] = [1, 2, 4];
const PACKET_BYTES: usize = 600;
/// How a VP8 key frame of 8 × 8 pixels begins (RFC 6386 section 9.1).
const BLACK: [u8; 10] = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 8, 0, 8, 0];

/// The payload format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Vp8,
    /// One spatial and one temporal layer.
    Vp9,
    H265,
}

/// One encoding of a simulcast track.
#[derive(Debug, Clone)]
pub struct Encoder {
    format: Format,
    layer: u8,
    size: usize,
    picture_id: u16,
    tl0_pic_idx: u8,
    frame: u32,
    wants_keyframe: bool,
}

impl Encoder {
    /// Of a layer, with pictures `size` times as large as usual.
    pub fn new(format: Format, layer: u8, size: usize) -> Self {
        // Layers begin apart, as browsers' do, so that a forwarder that does not rewrite is seen.
        let offset = u16::from(layer) * 1000;
        Self {
            format,
            layer,
            size,
            picture_id: 0x7ff0 + offset,
            tl0_pic_idx: 17 * layer,
            frame: 0,
            wants_keyframe: true,
        }
    }

    pub fn request_keyframe(&mut self) {
        self.wants_keyframe = true;
    }

    /// The payloads of the next frame; every second one is of temporal layer 1, which no other depends on.
    pub fn next_frame(&mut self) -> Vec<Vec<u8>> {
        let keyframe = std::mem::take(&mut self.wants_keyframe);
        let temporal_id = if keyframe { 0 } else { (self.frame % 2) as u8 };
        self.frame += 1;
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        if temporal_id == 0 {
            self.tl0_pic_idx = self.tl0_pic_idx.wrapping_add(1);
        }
        let count = PACKETS_OF_LAYER[usize::from(self.layer)] * self.size * if keyframe { 3 } else { 1 };
        (0..count).map(|index| self.payload(keyframe, temporal_id, index, count)).collect()
    }

    fn payload(&self, keyframe: bool, temporal_id: u8, index: usize, count: usize) -> Vec<u8> {
        let mut payload = match self.format {
            Format::Vp8 => self.vp8(keyframe, temporal_id, index),
            Format::Vp9 => self.vp9(keyframe, index, count),
            Format::H265 => self.h265(keyframe, temporal_id, index),
        };
        payload.extend([self.layer, index as u8, count as u8]);
        payload.resize(PACKET_BYTES, 0xab);
        payload
    }

    fn vp9(&self, keyframe: bool, index: usize, count: usize) -> Vec<u8> {
        let (predicted, begins, ends) = (!keyframe, index == 0, index + 1 == count);
        let flags = 0x80 | u8::from(predicted) << 6 | u8::from(begins) << 3 | u8::from(ends) << 2;
        let [high, low] = (0x8000 | self.picture_id).to_be_bytes();
        vec![flags, high, low]
    }

    /// VP8's behind a NAL unit's header: a keyframe begins at its first parameter set.
    fn h265(&self, keyframe: bool, temporal_id: u8, index: usize) -> Vec<u8> {
        const VPS: u8 = 32;
        let mut payload = self.vp8(keyframe, temporal_id, index);
        payload[0] = if keyframe && index == 0 { VPS << 1 } else { 1 << 1 };
        payload[1] = temporal_id + 1;
        payload
    }

    fn vp8(&self, keyframe: bool, temporal_id: u8, index: usize) -> Vec<u8> {
        let start = if index == 0 { 0x10 } else { 0 };
        let mut payload = vec![0x80 | start, 0xe0];
        payload.extend((0x8000 | self.picture_id).to_be_bytes());
        payload.push(self.tl0_pic_idx);
        payload.push(temporal_id << 6 | 0x20);
        payload.push(u8::from(!keyframe)); // VP8's own frame header: bit 0 clear is a keyframe
        payload
    }
}

#[derive(Debug, Default)]
struct Frame {
    format: Format,
    packets: BTreeMap<u8, ()>,
    count: u8,
    keyframe: bool,
    temporal_id: u8,
    picture_id: u16,
    tl0_pic_idx: u8,
    layer: u8,
}

/// What one receiver can show.
#[derive(Debug, Default)]
pub struct Decoder {
    frames: BTreeMap<u64, Frame>,
    last: Option<(Format, u16, u8)>,
    broken: bool,
    /// Frames decoded, by layer.
    pub decoded: [u32; 3],
    /// Frames decoded of temporal layer 1.
    pub upper_temporal: u32,
    /// The layer of the last frame decoded.
    pub layer: Option<u8>,
    /// Black frames of the server's decoded.
    pub black: u32,
    /// Timestamps of decoded frames, extended, in order.
    pub timestamps: Vec<u64>,
}

impl Decoder {
    pub fn total(&self) -> u32 {
        self.decoded.iter().sum()
    }

    /// True while it cannot go on without a keyframe.
    pub fn needs_keyframe(&self) -> bool {
        self.broken || self.last.is_none()
    }

    /// The format of the last frame decoded.
    pub fn format(&self) -> Option<Format> {
        self.last.map(|(format, ..)| format)
    }

    /// One packet, with its extended timestamp.
    pub fn receive(&mut self, format: Format, timestamp: u64, payload: &[u8]) {
        if self.timestamps.last().is_some_and(|last| timestamp <= *last) {
            return; // late, its frame was decided
        }
        if format == Format::Vp8 && payload[6..].starts_with(&BLACK) {
            return self.blank(timestamp, payload);
        }
        let frame = self.frames.entry(timestamp).or_default();
        frame.format = format;
        let rest = match format {
            Format::Vp8 | Format::H265 => {
                frame.picture_id = u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff;
                frame.tl0_pic_idx = payload[4];
                frame.temporal_id = payload[5] >> 6;
                frame.keyframe = payload[6] & 1 == 0;
                &payload[7..]
            }
            Format::Vp9 => {
                frame.picture_id = u16::from_be_bytes([payload[1], payload[2]]) & 0x7fff;
                frame.keyframe = payload[0] & 0x40 == 0;
                &payload[3..]
            }
        };
        (frame.layer, frame.count) = (rest[0], rest[2]);
        frame.packets.insert(rest[1], ());
        self.decode();
    }

    /// A key frame of a real encoder's, black and tiny.
    fn blank(&mut self, timestamp: u64, payload: &[u8]) {
        let picture_id = u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff;
        self.last = Some((Format::Vp8, picture_id, payload[4]));
        self.frames.clear();
        (self.layer, self.broken) = (None, false);
        self.black += 1;
        self.timestamps.push(timestamp);
    }

    fn decode(&mut self) {
        while let Some((&timestamp, _)) = self.frames.iter().find(|(_, frame)| self.decodable(frame)) {
            // Anything older cannot be shown any more.
            self.frames = self.frames.split_off(&timestamp);
            let frame = self.frames.remove(&timestamp).expect("just found");
            self.broken = false;
            self.last = Some((frame.format, frame.picture_id, frame.tl0_pic_idx));
            self.layer = Some(frame.layer);
            self.decoded[usize::from(frame.layer)] += 1;
            self.upper_temporal += u32::from(frame.temporal_id > 0);
            self.timestamps.push(timestamp);
        }
        // libwebrtc waits three seconds for a frame it can decode before it asks for a keyframe; at 25 frames a second:
        if self.frames.len() > 75 {
            self.broken = true;
        }
    }

    fn decodable(&self, frame: &Frame) -> bool {
        if frame.packets.len() != usize::from(frame.count) {
            return false;
        }
        frame.keyframe
            || !self.broken
                && self.last.is_some_and(|(format, picture_id, tl0)| {
                    let next_picture = (picture_id + 1) & 0x7fff == frame.picture_id;
                    // As libwebrtc has it for VP8: the base layer's frames are chained by TL0PICIDX, whatever became of
                    // the upper one's between them, which need only the base frame before them.
                    let chained = match (frame.format, frame.temporal_id) {
                        (Format::Vp9, _) => next_picture,
                        (_, 0) => tl0.wrapping_add(1) == frame.tl0_pic_idx,
                        _ => next_picture && tl0 == frame.tl0_pic_idx,
                    };
                    format == frame.format && chained && self.layer == Some(frame.layer)
                })
    }
}
