//! A model of scalable video: three spatial and three temporal layers in one stream, and a decoder that knows what it needs.
//!
//! As in `video`, nothing is encoded. Each packet ends with what it is and which frames its own is predicted from, so that
//! the decoder need not believe the descriptors, which the server reads.

use std::collections::{BTreeMap, BTreeSet};

use str0m::format::Codec;
use str0m::rtp::{ExtensionSerializer, ExtensionValues, RtpPacket};

pub const URI: &str = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
const SPATIAL: u8 = 3;
/// Temporal layer of each picture of a group, and how far back the picture is that it is predicted from.
const GROUP: [(u8, u32); 4] = [(0, 4), (2, 1), (1, 2), (2, 1)];
const PACKETS_OF_LAYER: [usize; 3] = [1, 2, 3];
const PACKET_BYTES: usize = 600;
const TRAILER: usize = 24;

/// The dependency descriptor's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor(pub Vec<u8>);

#[derive(Debug)]
pub struct Serializer;

impl ExtensionSerializer for Serializer {
    fn write_to(&self, buf: &mut [u8], ev: &ExtensionValues) -> usize {
        let Some(Descriptor(bytes)) = ev.user_values.get() else { return 0 };
        buf[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, buf: &[u8], ev: &mut ExtensionValues) -> bool {
        ev.user_values.set(Descriptor(buf.to_vec()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, ev: &ExtensionValues) -> bool {
        ev.user_values.get().is_some_and(|Descriptor(bytes)| bytes.len() > 16)
    }
}

/// A frame's picture and spatial layer.
type Id = (u32, u8);

#[derive(Debug, Clone)]
pub struct Encoder {
    pub codec: Codec,
    /// Layers are predicted from lower ones at keyframes only (L3T3_KEY), or always (L3T3).
    only_key: bool,
    /// VP9: pictures name what they are predicted from, not only their layers.
    flexible: bool,
    picture: u32,
    /// Of the group.
    place: usize,
    structure: u8,
    wants_keyframe: bool,
}

impl Encoder {
    pub fn new(codec: Codec, only_key: bool, flexible: bool) -> Self {
        Self { codec, only_key, flexible, picture: 0x7ff0, place: 0, structure: 50, wants_keyframe: true }
    }

    pub fn request_keyframe(&mut self) {
        self.wants_keyframe = true;
    }

    /// Payloads and descriptors of the next picture's packets.
    pub fn next_picture(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        self.picture += 1;
        let key = std::mem::take(&mut self.wants_keyframe);
        if key {
            self.place = 0;
            self.structure = (self.structure + 12) % 64;
        }
        let (temporal, back) = GROUP[self.place];
        self.place = (self.place + 1) % GROUP.len();
        let mut packets = Vec::new();
        for spatial in 0..SPATIAL {
            let count = PACKETS_OF_LAYER[usize::from(spatial)] * if key { 3 } else { 1 };
            let mut references = Vec::new();
            if !key {
                references.push((self.picture - back, spatial));
            }
            if spatial > 0 && (key || !self.only_key) {
                references.push((self.picture, spatial - 1));
            }
            for index in 0..count {
                let (first, last) = (index == 0, index + 1 == count);
                let av1 = self.codec == Codec::Av1;
                let descriptor = av1.then(|| self.dependency_descriptor(key, spatial, temporal, first, last));
                let mut payload = if av1 {
                    vec![if key && first && spatial == 0 { 0x18 } else { 0x10 }]
                } else {
                    self.vp9_descriptor(key, spatial, temporal, back, first, last)
                };
                payload.resize(PACKET_BYTES, 0xab);
                payload.extend(self.picture.to_be_bytes());
                payload.extend([spatial, temporal, index as u8, count as u8, references.len() as u8]);
                for (picture, spatial) in &references {
                    payload.extend(picture.to_be_bytes());
                    payload.push(*spatial);
                }
                payload.resize(PACKET_BYTES + TRAILER, 0);
                packets.push((payload, descriptor));
            }
        }
        packets
    }

    /// RFC 9628 section 4.2.
    fn vp9_descriptor(&self, key: bool, spatial: u8, temporal: u8, back: u32, first: bool, last: bool) -> Vec<u8> {
        let structure = key && first && spatial == 0;
        let flags = [true, !key, true, self.flexible, first, last, structure];
        let mut bytes =
            vec![flags.iter().enumerate().fold(0, |byte, (index, flag)| byte | u8::from(*flag) << (7 - index))];
        bytes.extend((0x8000 | self.picture as u16 & 0x7fff).to_be_bytes());
        let inter_layer = spatial > 0 && (key || !self.only_key);
        bytes.push(temporal << 5 | 0x10 | spatial << 1 | u8::from(inter_layer));
        if !self.flexible {
            bytes.push((self.picture / 4) as u8);
        } else if !key {
            bytes.push((back as u8) << 1);
        }
        if structure {
            bytes.push((SPATIAL - 1) << 5);
        }
        bytes
    }

    /// The AV1 RTP specification, section A.8.
    fn dependency_descriptor(&self, key: bool, spatial: u8, temporal: u8, first: bool, last: bool) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.put(u32::from(first) << 1 | u32::from(last), 2);
        let template = u32::from(spatial) * 4 + if key { 0 } else { u32::from(temporal) + 1 };
        bits.put((u32::from(self.structure) + template) % 64, 6);
        bits.put((self.picture * u32::from(SPATIAL) + u32::from(spatial)) & 0xffff, 16);
        if !(key && first && spatial == 0) {
            return bits.bytes;
        }
        bits.put(0b10000, 5);
        bits.put(self.structure.into(), 6);
        bits.put(9 - 1, 5);
        // Of each spatial layer: a keyframe's frame, then one for each temporal layer.
        let templates: Vec<(u32, u32, bool)> =
            (0..3).flat_map(|s| [(s, 0, true), (s, 0, false), (s, 1, false), (s, 2, false)]).collect();
        for layer in 0..3 {
            let next = if layer < 2 { 2 } else { 3 };
            [0, 1, 1, next].into_iter().for_each(|idc| bits.put(idc, 2));
        }
        for (s, t, key) in &templates {
            for target in 0..9 {
                let (target_spatial, target_temporal) = (target / 3, target % 3);
                let spatial = if *key || !self.only_key { *s <= target_spatial } else { *s == target_spatial };
                bits.put(if spatial && *t <= target_temporal { 2 } else { 0 }, 2);
            }
        }
        for (s, t, key) in &templates {
            let back = [4, 2, 1][*t as usize] * u32::from(SPATIAL);
            let differences = [(!key).then_some(back), (*s > 0 && (*key || !self.only_key)).then_some(1)];
            for difference in differences.into_iter().flatten() {
                bits.put(1, 1);
                bits.put(difference - 1, 4);
            }
            bits.put(0, 1);
        }
        bits.put(0, 3); // no chains
        bits.put(0, 1); // no resolutions
        bits.bytes
    }
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn put(&mut self, value: u32, width: usize) {
        for bit in (0..width).rev() {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().expect("just pushed") |= ((value >> bit & 1) as u8) << (7 - self.count % 8);
            self.count += 1;
        }
    }
}

#[derive(Debug)]
struct Frame {
    count: u8,
    packets: BTreeSet<u8>,
    temporal: u8,
    references: Vec<Id>,
}

/// What one receiver can show, and what it got.
#[derive(Debug, Default)]
pub struct Decoder {
    waiting: BTreeMap<Id, Frame>,
    /// Frames that were decoded, and their temporal layers.
    pub decoded: BTreeMap<Id, u8>,
    newest: u32,
    /// Sequence number and marker of each packet, by picture.
    packets: BTreeMap<u32, BTreeMap<u64, bool>>,
    /// Descriptors that came, by whether they have a mask of active decode targets.
    pub masked: BTreeMap<bool, u32>,
}

impl Decoder {
    pub fn receive(&mut self, packet: &RtpPacket) {
        let trailer = &packet.payload[packet.payload.len() - TRAILER..];
        let number = |at: usize| u32::from_be_bytes([trailer[at], trailer[at + 1], trailer[at + 2], trailer[at + 3]]);
        let id = (number(0), trailer[4]);
        let reference = |index: usize| (number(9 + index * 5), trailer[13 + index * 5]);
        self.newest = self.newest.max(id.0);
        self.packets.entry(id.0).or_default().insert(*packet.seq_no, packet.header.marker);
        if let Some(Descriptor(bytes)) = packet.header.ext_vals.user_values.get() {
            let mask = bytes.get(3).is_some_and(|flags| flags & 0x40 != 0);
            *self.masked.entry(mask).or_default() += 1;
        }
        if self.decoded.contains_key(&id) {
            return;
        }
        let frame = self.waiting.entry(id).or_insert_with(|| Frame {
            count: trailer[7],
            packets: BTreeSet::new(),
            temporal: trailer[5],
            references: (0..usize::from(trailer[8])).map(reference).collect(),
        });
        frame.packets.insert(trailer[6]);
        while let Some(id) = self.decodable() {
            let frame = self.waiting.remove(&id).expect("just found");
            self.decoded.insert(id, frame.temporal);
        }
    }

    fn decodable(&self) -> Option<Id> {
        let complete = |frame: &Frame| frame.packets.len() == usize::from(frame.count);
        let ready = |frame: &Frame| frame.references.iter().all(|id| self.decoded.contains_key(id));
        self.waiting.iter().find(|(_, frame)| complete(frame) && ready(frame)).map(|(id, _)| *id)
    }

    /// Pictures decoded of each spatial layer (that was the highest decoded) since picture `since`.
    pub fn shown(&self, since: u32) -> [u32; 3] {
        let mut highest = BTreeMap::new();
        for ((picture, spatial), _) in self.decoded.range((since + 1, 0)..) {
            highest.insert(*picture, *spatial);
        }
        let mut shown = [0; 3];
        highest.values().for_each(|spatial| shown[usize::from(*spatial)] += 1);
        shown
    }

    /// The latest picture that was decoded, and its highest layer.
    pub fn latest(&self) -> Option<Id> {
        self.decoded.keys().next_back().copied()
    }

    pub fn needs_keyframe(&self) -> bool {
        self.latest().is_none_or(|(picture, _)| picture + 25 < self.newest)
    }

    /// Frames that came, of pictures between `since` and the latest, and cannot be decoded.
    pub fn broken(&self, since: u32) -> Vec<Id> {
        let until = self.latest().map_or(0, |(picture, _)| picture);
        self.waiting.keys().filter(|(picture, _)| (since..until).contains(picture)).copied().collect()
    }

    /// Pictures since `since` that do not have their marker on their last packet and on no other.
    pub fn mismarked(&self, since: u32) -> Vec<u32> {
        let until = self.latest().map_or(0, |(picture, _)| picture);
        let right = |packets: &BTreeMap<u64, bool>| {
            packets.values().filter(|marker| **marker).count() == 1 && packets.values().next_back() == Some(&true)
        };
        self.packets
            .range(since + 1..until.max(since + 1))
            .filter(|(_, packets)| !right(packets))
            .map(|(id, _)| *id)
            .collect()
    }
}
