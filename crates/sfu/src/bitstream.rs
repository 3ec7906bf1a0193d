//! What forwarding must know of a payload: does a keyframe begin here, and which layers is it of.
//!
//! Payload formats: VP8 RFC 7741 section 4.2, VP9 RFC 9628 section 4.2, H264 RFC 6184 section 5, AV1 the AOMedia RTP
//! specification section 4.4, H265 see `h265`. Rewriting VP8's descriptor is str0m's (`Vp8Descriptor::patch`).

use crate::h265;

use crate::svc::LayerFrame;

/// A codec that can be forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Codec {
    Opus,
    /// Opus with redundancy (`red`).
    Red,
    /// G.711, as telephones have it.
    Pcmu,
    Pcma,
    Vp8,
    Vp9,
    H264,
    Av1,
    H265,
}

impl Codec {
    /// By mime type, in any case, as LiveKit writes it: `video/VP8`.
    pub(crate) fn from_mime(mime: &str) -> Option<Self> {
        const ALL: [Codec; 9] = [
            Codec::Opus,
            Codec::Red,
            Codec::Pcmu,
            Codec::Pcma,
            Codec::Vp8,
            Codec::Vp9,
            Codec::H264,
            Codec::Av1,
            Codec::H265,
        ];
        ALL.into_iter().find(|codec| codec.mime().eq_ignore_ascii_case(mime))
    }

    /// Whether one stream can have several spatial layers.
    pub(crate) fn is_scalable(self) -> bool {
        matches!(self, Self::Vp9 | Self::Av1)
    }

    /// The mime type as LiveKit writes it.
    pub(crate) fn mime(self) -> &'static str {
        match self {
            Self::Opus => "audio/opus",
            Self::Red => "audio/red",
            Self::Pcmu => "audio/PCMU",
            Self::Pcma => "audio/PCMA",
            Self::Vp8 => "video/VP8",
            Self::Vp9 => "video/VP9",
            Self::H264 => "video/H264",
            Self::Av1 => "video/AV1",
            Self::H265 => "video/H265",
        }
    }

    pub(crate) fn is_audio(self) -> bool {
        matches!(self, Self::Opus | Self::Red | Self::Pcmu | Self::Pcma)
    }
}

/// What one packet's payload says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PacketInfo {
    /// This packet is the first of a frame that can be decoded without any other.
    pub keyframe: bool,
    /// Temporal layer, 0 the base; `None` if the payload has no layers.
    pub temporal_id: Option<u8>,
    /// From this frame on, its temporal layer may be forwarded although it was not before.
    pub layer_sync: bool,
    /// For codecs with several spatial layers in one stream; `None` if the payload does not tell.
    pub frame: Option<LayerFrame>,
}

/// Reads a payload. Anything malformed gives the default: no keyframe, no layers.
pub(crate) fn inspect(codec: Codec, payload: &[u8]) -> PacketInfo {
    match codec {
        Codec::Opus | Codec::Red | Codec::Pcmu | Codec::Pcma => {
            Some(PacketInfo { keyframe: true, ..PacketInfo::default() })
        }
        Codec::Vp8 => vp8(payload),
        Codec::Vp9 => vp9(payload),
        Codec::H264 => h264(payload),
        Codec::Av1 => av1(payload),
        Codec::H265 => h265::inspect(payload),
    }
    .unwrap_or_default()
}

/// Takes bytes from the front of a slice.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }
}

fn vp8(payload: &[u8]) -> Option<PacketInfo> {
    let mut bytes = Bytes(payload);
    let first = bytes.next()?;
    let (extended, start, partition) = (first & 0x80 != 0, first & 0x10 != 0, first & 0x07);
    let mut info = PacketInfo::default();
    if extended {
        let flags = bytes.next()?;
        if flags & 0x80 != 0 && bytes.next()? & 0x80 != 0 {
            bytes.next()?; // the second byte of a 15 bit picture id
        }
        if flags & 0x40 != 0 {
            bytes.next()?; // TL0PICIDX
        }
        if flags & 0x30 != 0 {
            let layer = bytes.next()?;
            if flags & 0x20 != 0 {
                info.temporal_id = Some(layer >> 6);
                info.layer_sync = layer & 0x20 != 0;
            }
        }
    }
    // The frame's own header begins here: its lowest bit, inverted, says keyframe (RFC 6386 section 9.1).
    let header = bytes.next()?;
    info.keyframe = start && partition == 0 && header & 0x01 == 0;
    Some(info)
}

fn vp9(payload: &[u8]) -> Option<PacketInfo> {
    let mut bytes = Bytes(payload);
    let first = bytes.next()?;
    let flag = |bit: u8| first & 0x80 >> bit != 0;
    let (has_picture_id, predicted, has_layer, flexible) = (flag(0), flag(1), flag(2), flag(3));
    let (begins, ends, has_structure) = (flag(4), flag(5), flag(6));
    if has_picture_id && bytes.next()? & 0x80 != 0 {
        bytes.next()?;
    }
    if !has_layer {
        return Some(PacketInfo { keyframe: !predicted && begins, ..PacketInfo::default() });
    }
    let layer = bytes.next()?;
    let mut frame = LayerFrame {
        spatial: layer >> 1 & 0x07,
        temporal: layer >> 5,
        predicted,
        switch_up: layer & 0x10 != 0,
        ends,
        of: 0,
    };
    if !flexible {
        bytes.next()?; // TL0PICIDX
    }
    if flexible && predicted {
        while bytes.next()? & 0x01 != 0 {} // P_DIFF, and whether another follows
    }
    if has_structure {
        frame.of = (bytes.next()? >> 5) + 1;
    }
    Some(PacketInfo {
        keyframe: !predicted && begins && frame.spatial == 0,
        temporal_id: Some(frame.temporal),
        layer_sync: frame.switch_up,
        frame: Some(frame),
    })
}

fn h264(payload: &[u8]) -> Option<PacketInfo> {
    const IDR: u8 = 5;
    const SPS: u8 = 7;
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    // A keyframe begins at its parameter sets; without them in this packet, at the IDR slice.
    let begins = |nal: u8| matches!(nal & 0x1f, IDR | SPS);
    let first = *payload.first()?;
    let keyframe = match first & 0x1f {
        STAP_A => {
            let mut rest = &payload[1..];
            let mut found = false;
            while let [high, low, unit @ ..] = rest {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                found |= unit.first().is_some_and(|&nal| begins(nal));
                rest = unit.get(length..).unwrap_or_default();
            }
            found
        }
        FU_A => payload.get(1).is_some_and(|&header| header & 0x80 != 0 && begins(header)),
        _ => begins(first),
    };
    Some(PacketInfo { keyframe, ..PacketInfo::default() })
}

fn av1(payload: &[u8]) -> Option<PacketInfo> {
    // The aggregation header's N bit: first packet of a coded video sequence.
    Some(PacketInfo { keyframe: payload.first()? & 0x08 != 0, ..PacketInfo::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keyframe(codec: Codec, payload: &[u8]) -> bool {
        inspect(codec, payload).keyframe
    }

    #[test]
    fn mime_types_are_read_in_any_case_and_written_in_one() {
        assert_eq!(Codec::from_mime("VIDEO/vp8"), Some(Codec::Vp8));
        assert_eq!(Codec::from_mime("video/H264").map(Codec::mime), Some("video/H264"));
        assert_eq!(Codec::from_mime("audio/RED"), Some(Codec::Red));
        assert_eq!(Codec::from_mime("audio/G722"), None);
    }

    #[test]
    fn vp8_keyframes_and_layers() {
        assert!(keyframe(Codec::Vp8, &[0x10, 0x00]));
        assert!(!keyframe(Codec::Vp8, &[0x10, 0x01]), "inter frame");
        assert!(!keyframe(Codec::Vp8, &[0x00, 0x00]), "not the start of a partition");
        assert!(!keyframe(Codec::Vp8, &[0x11, 0x00]), "second partition");
        // X; I L T K; 15 bit picture id; TL0PICIDX; TID 2, Y, key index 3; inter frame
        let info = inspect(Codec::Vp8, &[0x90, 0xf0, 0x81, 0x02, 0x07, 0xa3, 0x01]);
        assert_eq!(info, PacketInfo { keyframe: false, temporal_id: Some(2), layer_sync: true, frame: None });
        // the same with a 7 bit picture id, a keyframe of the base layer
        let info = inspect(Codec::Vp8, &[0x90, 0xf0, 0x01, 0x07, 0x03, 0x00]);
        assert_eq!(info, PacketInfo { keyframe: true, temporal_id: Some(0), layer_sync: false, frame: None });
    }

    #[test]
    fn vp9_keyframes_begin_at_the_base_spatial_layer() {
        assert!(keyframe(Codec::Vp9, &[0x88, 0x01]));
        assert!(!keyframe(Codec::Vp9, &[0xc8, 0x01]), "predicted");
        assert!(!keyframe(Codec::Vp9, &[0x80, 0x01]), "not the beginning of the frame");
        assert!(!keyframe(Codec::Vp9, &[0xa8, 0x01, 0x02]), "spatial layer 1");
        assert_eq!(inspect(Codec::Vp9, &[0xa8, 0x01, 0x30, 0x05]).temporal_id, Some(1));
    }

    #[test]
    fn vp9_layers_in_both_modes() {
        let frame = |payload| inspect(Codec::Vp9, payload).frame.expect("it has layers");
        let base = LayerFrame { spatial: 0, temporal: 0, predicted: false, switch_up: false, ends: false, of: 0 };
        // I L B V; 15 bit picture id; T0 S0; TL0PICIDX; three spatial layers with their sizes
        let key = [0xaa, 0x81, 0x02, 0x00, 0x07, 0x58, 0x00, 0xa0, 0x00, 0x5a];
        assert_eq!(frame(&key), LayerFrame { of: 3, ..base });
        // I P L E; 7 bit picture id; T2 U S1 D; TL0PICIDX
        let upper = LayerFrame { spatial: 1, temporal: 2, predicted: true, switch_up: true, ends: true, ..base };
        assert_eq!(frame(&[0xe4, 0x05, 0x53, 0x07]), upper);
        // I P L F E V, flexible: T2 U S1; two references; two spatial layers
        assert_eq!(frame(&[0xf6, 0x05, 0x52, 0x03, 0x02, 0x20]), LayerFrame { of: 2, ..upper });
        assert_eq!(inspect(Codec::Vp9, &[0x88, 0x01]).frame, None);
        assert_eq!(inspect(Codec::Vp9, &[0xf6, 0x05, 0x52, 0x03, 0x03]), PacketInfo::default(), "cut off");
    }

    #[test]
    fn h264_keyframes_in_every_packetization() {
        assert!(keyframe(Codec::H264, &[0x67, 0x42]), "SPS alone");
        assert!(keyframe(Codec::H264, &[0x65]), "IDR alone");
        assert!(!keyframe(Codec::H264, &[0x41]), "inter slice");
        assert!(keyframe(Codec::H264, &[0x78, 0, 2, 0x09, 0xf0, 0, 1, 0x67]), "SPS after a delimiter, aggregated");
        assert!(!keyframe(Codec::H264, &[0x78, 0, 2, 0x41, 0x42]), "aggregated inter slices");
        assert!(keyframe(Codec::H264, &[0x7c, 0x85]), "first fragment of an IDR");
        assert!(!keyframe(Codec::H264, &[0x7c, 0x05]), "a later fragment");
    }

    #[test]
    fn av1_keyframes_begin_a_coded_video_sequence() {
        assert!(keyframe(Codec::Av1, &[0x18, 0x0a]));
        assert!(!keyframe(Codec::Av1, &[0x10, 0x32]));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(payload in proptest::collection::vec(any::<u8>(), 0..64)) {
            for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
                inspect(codec, &payload);
            }
        }
    }
}
