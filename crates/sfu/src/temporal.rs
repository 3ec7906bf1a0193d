//! Which temporal layers of a stream in one spatial layer are sent: fewer from any packet on, more only where they do not
//! refer to pictures that were left out.

use crate::bitstream::{Codec, PacketInfo};

/// Of one subscriber.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The highest that is sent.
    flows: u8,
}

impl Default for Gate {
    fn default() -> Self {
        Self { flows: u8::MAX }
    }
}

impl Gate {
    /// Whether the packet is sent, with `limit` as the highest that may be. To be asked of each packet.
    ///
    /// Of VP8 a picture says whether it refers to the layers below it only (the Y bit of RFC 7741 section 4.2); the next layer
    /// up begins there. Other codecs have no such mark here.
    pub(crate) fn takes(&mut self, limit: u8, codec: Codec, info: &PacketInfo) -> bool {
        let Some(id) = info.temporal_id else { return true };
        self.flows = self.flows.min(limit);
        if info.keyframe || codec != Codec::Vp8 {
            self.flows = limit;
        } else if id <= limit && info.layer_sync && self.flows.checked_add(1) == Some(id) {
            self.flows = id;
        }
        id <= self.flows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is taken of the pictures that libwebrtc's VP8 sends in three temporal layers, eight in a row.
    fn taken(gate: &mut Gate, limit: u8, from: usize, count: usize) -> Vec<bool> {
        const GROUP: [(u8, bool); 8] =
            [(0, false), (2, true), (1, true), (2, false), (0, false), (2, false), (1, false), (2, false)];
        let picture = |index: usize| {
            let (id, layer_sync) = GROUP[index % 8];
            PacketInfo { temporal_id: Some(id), layer_sync, ..PacketInfo::default() }
        };
        (from..from + count).map(|index| gate.takes(limit, Codec::Vp8, &picture(index))).collect()
    }

    #[test]
    fn fewer_at_once_and_more_where_nothing_is_missing() {
        let mut gate = Gate::default();
        assert_eq!(taken(&mut gate, 2, 0, 8), [true; 8]);
        assert_eq!(taken(&mut gate, 0, 8, 8), [true, false, false, false, true, false, false, false]);
        // The next layer from the third picture on, the highest after that from the second.
        assert_eq!(taken(&mut gate, 2, 17, 7), [false, true, false, true, false, true, false]);
        assert_eq!(taken(&mut gate, 2, 24, 8), [true; 8]);
        assert_eq!(taken(&mut gate, 1, 32, 4), [true, false, true, false]);
    }

    #[test]
    fn a_keyframe_begins_anew() {
        let mut gate = Gate::default();
        taken(&mut gate, 0, 0, 8);
        let keyframe = PacketInfo { keyframe: true, temporal_id: Some(0), ..PacketInfo::default() };
        assert!(gate.takes(2, Codec::Vp8, &keyframe));
        assert_eq!(taken(&mut gate, 2, 11, 3), [true; 3]);
    }

    #[test]
    fn other_codecs_and_streams_without_layers_are_not_held_up() {
        let mut gate = Gate::default();
        let picture = |temporal_id| PacketInfo { temporal_id, ..PacketInfo::default() };
        assert!(!gate.takes(0, Codec::H265, &picture(Some(1))) && gate.takes(1, Codec::H265, &picture(Some(1))));
        assert!(gate.takes(0, Codec::Vp8, &picture(None)));
    }
}
