//! AV1's Dependency Descriptor, the RTP header extension that tells the layers of a stream whose payload does not.
//!
//! <https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension>, sections A.8.1 to A.8.3.
//! Keyframes carry the structure (templates of frames), all others only name a template and how they differ from it. So a
//! reader must have read the keyframe's first packet. Only the mask of active decode targets is ever written anew.

use std::sync::Arc;

use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

use crate::svc::{LayerFrame, Limit};

pub(crate) const URI: &str = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/// The specification's own limits.
const MAX_TEMPLATES: usize = 64;
const MAX_SPATIAL: u8 = 4;
const MAX_TEMPORAL: u8 = 8;
/// What an extension can hold.
const MAX_BYTES: usize = 255;
/// Bits of the fields that each descriptor has, and of the flags that follow in longer ones.
const MANDATORY: usize = 24;
const FLAGS: usize = 5;
/// Decode target indications: what a frame is to a decode target.
const NOT_PRESENT: u8 = 0;
const SWITCH: u8 = 2;

pub(crate) use visavis_egress::Descriptor as Raw;

/// The extension as descriptions negotiate it.
pub(crate) fn extension() -> Extension {
    Extension::with_serializer(URI, Serializer)
}

/// Takes descriptors from packets and puts them on packets.
#[derive(Debug)]
pub(crate) struct Serializer;

impl ExtensionSerializer for Serializer {
    fn write_to(&self, buf: &mut [u8], ev: &ExtensionValues) -> usize {
        let Some(Raw(bytes)) = ev.user_values.get::<Raw>() else { return 0 };
        let Some(space) = buf.get_mut(..bytes.len()) else { return 0 };
        space.copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, buf: &[u8], ev: &mut ExtensionValues) -> bool {
        ev.user_values.set(Raw(buf.into()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, ev: &ExtensionValues) -> bool {
        ev.user_values.get::<Raw>().is_some_and(|Raw(bytes)| bytes.len() > 16)
    }
}

/// A frame as the templates describe it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Template {
    spatial: u8,
    temporal: u8,
    indications: Vec<u8>,
    differences: Vec<u16>,
}

/// What a keyframe says of the frames that follow it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Structure {
    id: u8,
    templates: Vec<Template>,
    chains: u32,
    /// Spatial and temporal layer of each decode target.
    targets: Vec<(u8, u8)>,
}

impl Structure {
    fn spatial_layers(&self) -> u8 {
        self.templates.last().map_or(0, |last| last.spatial + 1)
    }

    /// The decode targets within `limit`, as the mask has them: the first is the lowest bit.
    fn within(&self, limit: Limit) -> u32 {
        let fits = |(spatial, temporal): &(u8, u8)| *spatial <= limit.spatial && *temporal <= limit.temporal;
        self.targets.iter().enumerate().filter(|(_, target)| fits(target)).fold(0, |mask, (index, _)| mask | 1 << index)
    }
}

/// One packet's descriptor, read.
#[derive(Debug, Clone)]
pub(crate) struct Descriptor {
    pub raw: Arc<Raw>,
    pub frame: LayerFrame,
    structure: Arc<Structure>,
    /// The publisher's own.
    active: u32,
    /// Bits before the mask, bits of the mask (0: it has none), and bits in all.
    mask_at: usize,
    mask_bits: usize,
    end: usize,
}

/// The structures that descriptors are read by: the latest keyframe's, and the one before for what comes late.
#[derive(Debug, Default)]
pub(crate) struct Structures {
    latest: Option<Arc<Structure>>,
    before: Option<Arc<Structure>>,
    active: u32,
}

impl Structures {
    /// Reads a packet's descriptor; `None` if it is malformed, or needs a structure that has not come (yet).
    pub(crate) fn read(&mut self, raw: &Arc<Raw>) -> Option<Descriptor> {
        let mut bits = Bits { bytes: &raw.0, at: 0 };
        let ends = bits.read(2)? & 1 == 1;
        let template = bits.read(6)? as u8;
        bits.read(16)?; // the frame's number
        let extended = raw.0.len() > MANDATORY / 8;
        let flags = if extended { bits.read(FLAGS as u32)? } else { 0 };
        let flag = |index: u32| flags >> (FLAGS as u32 - 1 - index) & 1 == 1;
        let attached = if flag(0) { Some(Arc::new(structure(&mut bits)?)) } else { None };
        let known = [attached.as_ref(), self.latest.as_ref(), self.before.as_ref()].into_iter().flatten();
        let index = |structure: &Structure| usize::from(template.wrapping_sub(structure.id) % MAX_TEMPLATES as u8);
        let structure = known.into_iter().find(|structure| index(structure) < structure.templates.len())?.clone();
        if attached.is_some() && attached.as_ref() != Some(&structure) {
            return None; // it does not describe its own frame
        }
        let mask_at = bits.at.max(MANDATORY + FLAGS);
        let mask_bits = if flag(1) { structure.targets.len() } else { 0 };
        let mask = if flag(1) { Some(bits.read(mask_bits as u32)?) } else { None };
        let template = &structure.templates[index(&structure)];
        let mut indications = std::borrow::Cow::Borrowed(&template.indications);
        if flag(2) {
            for indication in indications.to_mut() {
                *indication = bits.read(2)? as u8;
            }
        }
        let mut differences = std::borrow::Cow::Borrowed(&template.differences);
        if flag(3) {
            let own = differences.to_mut();
            own.clear();
            while let size @ 1.. = bits.read(2)? {
                own.push(bits.read(4 * size)? as u16 + 1);
            }
        }
        if flag(4) {
            bits.skip(8 * structure.chains as usize)?;
        }
        if let Some(attached) = attached {
            self.active = u32::MAX;
            // The same keyframe's descriptor again (several packets may have it) pushes nothing out.
            if self.latest.as_ref().is_none_or(|latest| latest.id != attached.id) {
                self.before = self.latest.take();
            }
            self.latest = Some(attached);
        }
        self.active = mask.unwrap_or(self.active);
        let (spatial, temporal) = (template.spatial, template.temporal);
        let above =
            structure.targets.iter().zip(indications.iter()).filter(|((s, t), _)| *s == spatial && *t > temporal);
        let frame = LayerFrame {
            spatial,
            temporal,
            // The frames of one picture follow each other, lowest spatial layer first.
            predicted: differences.iter().any(|difference| *difference > u16::from(spatial)),
            switch_up: { above }.all(|(_, indication)| *indication == SWITCH),
            ends,
            of: structure.spatial_layers(),
        };
        let end = bits.at;
        Some(Descriptor { raw: raw.clone(), frame, active: self.active, mask_at, mask_bits, end, structure })
    }
}

impl Descriptor {
    /// The descriptor for a receiver that gets the layers within `limit`: only their decode targets are active.
    pub(crate) fn limited(&self, limit: Limit) -> Arc<Raw> {
        let all = (1u64 << self.structure.targets.len()) as u32;
        let published = self.active & all.wrapping_sub(1);
        let mask = published & self.structure.within(limit);
        if mask == published {
            return self.raw.clone();
        }
        let bytes = &self.raw.0;
        let mut out = Writer::default();
        out.copy(bytes, 0..MANDATORY);
        let flags = if bytes.len() > MANDATORY / 8 { bytes[MANDATORY / 8] >> (8 - FLAGS) } else { 0 };
        out.write(u32::from(flags | 1 << (FLAGS - 2)), FLAGS);
        if bytes.len() > MANDATORY / 8 {
            out.copy(bytes, MANDATORY + FLAGS..self.mask_at);
        }
        out.write(mask, self.structure.targets.len());
        if bytes.len() > MANDATORY / 8 {
            out.copy(bytes, self.mask_at + self.mask_bits..self.end);
        }
        // A receiver that is not told gets the frames that it needs all the same.
        if out.bytes.len() > MAX_BYTES { self.raw.clone() } else { Arc::new(Raw(out.bytes.into())) }
    }
}

/// template_dependency_structure(), section A.8.3.
fn structure(bits: &mut Bits<'_>) -> Option<Structure> {
    let id = bits.read(6)? as u8;
    let targets = bits.read(5)? as usize + 1;
    let mut templates = Vec::new();
    let (mut spatial, mut temporal) = (0, 0);
    loop {
        templates.push(Template { spatial, temporal, ..Template::default() });
        match bits.read(2)? {
            0 => {}
            1 => temporal += 1,
            2 => (spatial, temporal) = (spatial + 1, 0),
            _ => break,
        }
        if templates.len() == MAX_TEMPLATES || spatial == MAX_SPATIAL || temporal == MAX_TEMPORAL {
            return None;
        }
    }
    for template in &mut templates {
        for _ in 0..targets {
            template.indications.push(bits.read(2)? as u8);
        }
    }
    for template in &mut templates {
        while bits.read(1)? == 1 {
            template.differences.push(bits.read(4)? as u16 + 1);
        }
    }
    let chains = bits.non_symmetric(targets as u32 + 1)?;
    if chains > 0 {
        for _ in 0..targets {
            bits.non_symmetric(chains)?;
        }
        bits.skip(4 * chains as usize * templates.len())?;
    }
    let layers = usize::from(templates.last()?.spatial) + 1;
    if bits.read(1)? == 1 {
        bits.skip(32 * layers)?; // each layer's resolution
    }
    let target = |index: usize| {
        let present = || templates.iter().filter(move |template| template.indications[index] != NOT_PRESENT);
        let spatial = present().map(|template| template.spatial).max().unwrap_or(0);
        (spatial, present().map(|template| template.temporal).max().unwrap_or(0))
    };
    let targets = (0..targets).map(target).collect();
    Some(Structure { id, templates, chains, targets })
}

/// Reads bits, the highest of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next `count` bits, 32 at most.
    fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// ns(n) of the AV1 specification, section 4.10.10: a number below `range` in as few bits as it needs.
    fn non_symmetric(&mut self, range: u32) -> Option<u32> {
        let width = u32::BITS - range.leading_zeros();
        let short = (1 << width) - range;
        let value = self.read(width - 1)?;
        if value < short { Some(value) } else { Some((value << 1 | self.read(1)?) - short) }
    }
}

/// Writes bits; the last byte is filled up with zeros.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    bits: usize,
}

impl Writer {
    fn write(&mut self, value: u32, count: usize) {
        for bit in (0..count).rev() {
            if self.bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            self.bytes[self.bits / 8] |= ((value >> bit & 1) as u8) << (7 - self.bits % 8);
            self.bits += 1;
        }
    }

    fn copy(&mut self, from: &[u8], bits: std::ops::Range<usize>) {
        for at in bits {
            self.write(u32::from(from[at / 8] >> (7 - at % 8) & 1), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bits by value and width.
    fn descriptor(bits: &[(u32, usize)]) -> Arc<Raw> {
        let mut out = Writer::default();
        for (value, width) in bits {
            out.write(*value, *width);
        }
        Arc::new(Raw(out.bytes.into()))
    }

    /// A keyframe's first packet: two spatial layers, the upper one with keyframes' prediction only, of two temporal
    /// layers; four decode targets, two chains.
    fn keyframe() -> Arc<Raw> {
        let mut bits = vec![(1, 1), (0, 1), (10, 6), (700, 16), (0b10000, 5)];
        bits.extend([(10, 6), (3, 5)]);
        // S0T0 key, S0T0, S0T1, S1T0 key, S1T0, S1T1
        bits.extend([(0, 2), (1, 2), (2, 2), (0, 2), (1, 2), (3, 2)]);
        let indications = [[2, 2, 2, 2], [2, 2, 0, 0], [0, 1, 0, 0], [0, 0, 2, 2], [0, 0, 2, 3], [0, 0, 0, 1]];
        bits.extend(indications.into_iter().flatten().map(|indication| (indication, 2)));
        // Differences: none; 2; 2; 1; 2; 2
        for difference in [0, 2, 2, 1, 2, 2] {
            if difference > 0 {
                bits.extend([(1, 1), (difference - 1, 4)]);
            }
            bits.push((0, 1));
        }
        // ns(5) of 2 chains is 2 bits; targets' chains, ns(2) in 1 bit each; six templates' chain differences
        bits.extend([(2, 2), (0, 1), (0, 1), (1, 1), (1, 1)]);
        bits.extend([(0, 4); 12]);
        bits.extend([(1, 1), (319, 16), (179, 16), (639, 16), (359, 16)]);
        descriptor(&bits)
    }

    fn delta(template: u32) -> Arc<Raw> {
        descriptor(&[(0b01, 2), (10 + template, 6), (701, 16)])
    }

    fn read(structures: &mut Structures, raw: &Arc<Raw>) -> LayerFrame {
        structures.read(raw).expect("it can be read").frame
    }

    #[test]
    fn frames_are_read_by_the_structure_of_their_keyframe() {
        let mut structures = Structures::default();
        assert!(structures.read(&delta(1)).is_none(), "nothing is known yet");
        let key = read(&mut structures, &keyframe());
        let base = LayerFrame { spatial: 0, temporal: 0, predicted: false, switch_up: true, ends: false, of: 2 };
        assert_eq!(key, base);
        let of = |structures: &mut Structures, template| read(structures, &delta(template));
        assert_eq!(of(&mut structures, 1), LayerFrame { predicted: true, ends: true, ..base });
        assert_eq!(of(&mut structures, 2).temporal, 1);
        assert_eq!(of(&mut structures, 3), LayerFrame { spatial: 1, ends: true, ..base });
        let upper = LayerFrame { spatial: 1, predicted: true, switch_up: false, ends: true, ..base };
        assert_eq!(of(&mut structures, 4), upper);
        assert!(structures.read(&delta(6)).is_none(), "no such template");
    }

    #[test]
    fn late_frames_are_read_by_the_structure_before() {
        let mut structures = Structures::default();
        read(&mut structures, &keyframe());
        let mut next = keyframe().0.clone();
        next[0] = next[0] & 0xc0 | 16;
        next[3] = next[3] & 0xf8 | 16 >> 3;
        next[4] &= 0x1f;
        read(&mut structures, &Arc::new(Raw(next)));
        assert_eq!(read(&mut structures, &delta(4)).spatial, 1, "of the keyframe before");
        assert_eq!(read(&mut structures, &delta(6 + 2)).temporal, 1, "of the latest");
    }

    #[test]
    fn a_limited_descriptor_differs_in_its_mask_alone() {
        let mut structures = Structures::default();
        for raw in [keyframe(), delta(1), descriptor(&[(0, 2), (11, 6), (9, 16), (0b01000, 5), (0b1111, 4)])] {
            let whole = structures.read(&raw).expect("it can be read");
            assert!(Arc::ptr_eq(&whole.limited(Limit { spatial: 1, temporal: 7 }), &raw), "nothing to say");
            let limited = whole.limited(Limit { spatial: 0, temporal: 1 });
            let mut again = Structures { latest: Some(whole.structure.clone()), ..Structures::default() };
            let again = again.read(&limited).expect("what is written can be read");
            assert_eq!((again.frame, again.active, again.mask_bits), (whole.frame, 0b0011, 4));
            assert_eq!(again.structure, whole.structure);
        }
    }

    #[test]
    fn what_the_publisher_switched_off_stays_off() {
        let mut structures = Structures::default();
        read(&mut structures, &keyframe());
        let masked = descriptor(&[(0, 2), (11, 6), (9, 16), (0b01000, 5), (0b0011, 4)]);
        read(&mut structures, &masked);
        let frame = structures.read(&delta(1)).expect("it can be read");
        assert!(Arc::ptr_eq(&frame.limited(Limit { spatial: 0, temporal: 1 }), &frame.raw));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), flip in 0usize..60, value: u8) {
            let mut structures = Structures::default();
            let mut almost = keyframe().0.clone();
            let place = flip % almost.len();
            almost[place] = value;
            for raw in [almost, bytes.clone().into(), keyframe().0.clone(), bytes.into()] {
                if let Some(descriptor) = structures.read(&Arc::new(Raw(raw))) {
                    for (spatial, temporal) in [(0, 0), (1, 1), (7, 7)] {
                        descriptor.limited(Limit { spatial, temporal });
                    }
                }
            }
        }
    }
}
