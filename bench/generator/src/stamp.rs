//! What is written at the end of every packet of media and every message: whose it is, its number, when it was sent.

/// The packet was sent in the measured time.
pub const MEASURED: u8 = 1;
const MAGIC: u16 = 0xbe7c;
/// Bytes that a stamp takes.
pub const LENGTH: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub phase: u8,
    pub layer: u8,
    /// Of the whole load.
    pub source: u32,
    /// Of the packet within its layer.
    pub number: u32,
    /// Number of the packet that the last keyframe began with.
    pub keyframe: u32,
    /// Nanoseconds of the wall clock.
    pub time: u64,
}

impl Stamp {
    /// Writes it over the end of the payload.
    pub fn write(&self, payload: &mut [u8]) {
        let start = payload.len() - LENGTH;
        let end = &mut payload[start..];
        end[0..2].copy_from_slice(&MAGIC.to_be_bytes());
        end[2] = self.phase;
        end[3] = self.layer;
        end[4..8].copy_from_slice(&self.source.to_be_bytes());
        end[8..12].copy_from_slice(&self.number.to_be_bytes());
        end[12..16].copy_from_slice(&self.keyframe.to_be_bytes());
        end[16..24].copy_from_slice(&self.time.to_be_bytes());
    }

    /// Reads it; `None` of packets that are not the generator's own, as servers send them when a track stops.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let end = payload.last_chunk::<LENGTH>()?;
        let word = |at: usize| u32::from_be_bytes([end[at], end[at + 1], end[at + 2], end[at + 3]]);
        (u16::from_be_bytes([end[0], end[1]]) == MAGIC).then(|| Self {
            phase: end[2],
            layer: end[3],
            source: word(4),
            number: word(8),
            keyframe: word(12),
            time: u64::from(word(16)) << 32 | u64::from(word(20)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let stamp = Stamp { phase: MEASURED, layer: 2, source: 70_000, number: 5, keyframe: 3, time: u64::MAX - 9 };
        let mut payload = vec![0xff; 100];
        stamp.write(&mut payload);
        assert_eq!(Stamp::read(&payload), Some(stamp));
    }

    #[test]
    fn other_packets_have_none() {
        assert_eq!(Stamp::read(&[0xf8, 0xff, 0xfe]), None);
        assert_eq!(Stamp::read(&[0; 100]), None);
    }
}
