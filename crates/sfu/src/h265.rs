//! What forwarding must know of an H265 payload (RFC 7798 section 4.4): does a keyframe begin here, which temporal layer.

use crate::bitstream::PacketInfo;

/// NAL unit types (ITU-T H.265 table 7-1; RFC 7798 adds aggregation packets and fragmentation units).
const FIRST_IRAP: u8 = 16;
const LAST_IRAP: u8 = 23;
const VPS: u8 = 32;
const SPS: u8 = 33;
const AGGREGATION: u8 = 48;
const FRAGMENT: u8 = 49;

/// Reads a payload; `None` if it is malformed.
pub(crate) fn inspect(payload: &[u8]) -> Option<PacketInfo> {
    let [first, second, body @ ..] = payload else { return None };
    let keyframe = match unit_type(*first) {
        AGGREGATION => {
            let mut rest = body;
            let mut found = false;
            // DONL fields are there only if sprop-max-don-diff says so, which nobody negotiates here.
            while let [high, low, unit @ ..] = rest {
                let (unit, after) = unit.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
                found |= unit.first().is_some_and(|header| begins_keyframe(unit_type(*header), unit.get(2)));
                rest = after;
            }
            found
        }
        FRAGMENT => {
            let header = *body.first()?;
            header & 0x80 != 0 && begins_keyframe(header & 0x3f, body.get(1))
        }
        kind => begins_keyframe(kind, body.first()),
    };
    Some(PacketInfo { keyframe, temporal_id: (second & 0x07).checked_sub(1), ..PacketInfo::default() })
}

fn unit_type(header: u8) -> u8 {
    header >> 1 & 0x3f
}

/// A keyframe begins at its parameter sets; without them, at the first slice, as the slice's first bit says.
fn begins_keyframe(kind: u8, slice: Option<&u8>) -> bool {
    match kind {
        VPS | SPS => true,
        FIRST_IRAP..=LAST_IRAP => slice.is_some_and(|first| first & 0x80 != 0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const IDR: u8 = 19;
    const CRA: u8 = 21;
    const TRAIL: u8 = 1;
    const PPS: u8 = 34;
    const SEI: u8 = 39;

    /// A NAL unit: its header, and the first byte of what follows.
    fn unit(kind: u8, first: u8) -> Vec<u8> {
        vec![kind << 1, 1, first, 0xaa]
    }

    fn aggregated(units: &[Vec<u8>]) -> Vec<u8> {
        let mut payload = vec![AGGREGATION << 1, 1];
        for unit in units {
            payload.extend((unit.len() as u16).to_be_bytes());
            payload.extend(unit);
        }
        payload
    }

    fn fragment(kind: u8, start: bool, first: u8) -> Vec<u8> {
        vec![FRAGMENT << 1, 1, u8::from(start) << 7 | kind, first]
    }

    fn keyframe(payload: &[u8]) -> bool {
        inspect(payload).is_some_and(|info| info.keyframe)
    }

    #[test]
    fn keyframes_in_every_packetization() {
        for kind in [VPS, SPS, IDR, CRA] {
            assert!(keyframe(&unit(kind, 0x80)), "{kind} alone");
            assert!(keyframe(&aggregated(&[unit(SEI, 0), unit(kind, 0x80)])), "{kind} aggregated");
            assert!(keyframe(&fragment(kind, true, 0x80)), "{kind} in fragments");
            assert!(!keyframe(&fragment(kind, false, 0x80)), "a later fragment of {kind}");
        }
        for kind in [TRAIL, PPS, SEI] {
            assert!(
                !keyframe(&unit(kind, 0x80)) && !keyframe(&aggregated(&[unit(kind, 0x80), unit(SEI, 0)])),
                "{kind}"
            );
        }
    }

    #[test]
    fn later_slices_of_a_keyframe_do_not_begin_it() {
        assert!(!keyframe(&unit(IDR, 0x40)));
        assert!(!keyframe(&fragment(IDR, true, 0x40)));
        assert!(!keyframe(&aggregated(&[unit(IDR, 0x40), unit(IDR, 0x40)])));
    }

    #[test]
    fn temporal_layers() {
        for id in 0..7 {
            assert_eq!(inspect(&[TRAIL << 1, id + 1, 0x80]).unwrap().temporal_id, Some(id));
        }
        assert_eq!(inspect(&[TRAIL << 1, 0, 0x80]).unwrap().temporal_id, None, "forbidden");
    }

    #[test]
    fn malformed_payloads_are_nothing() {
        assert_eq!(inspect(&[]), None);
        assert_eq!(inspect(&[IDR << 1]), None);
        assert_eq!(inspect(&[FRAGMENT << 1, 1]), None);
        assert_eq!(inspect(&[AGGREGATION << 1, 1, 0, 9, 1]), None, "a unit longer than the packet");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(payload in proptest::collection::vec(any::<u8>(), 0..64)) {
            inspect(&payload);
        }
    }
}
