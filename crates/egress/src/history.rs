//! What was sent of one stream lately, to be sent again. Payloads are the source's own, shared by all who get them: an
//! entry is some words.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use visavis_rtp::CaptureTime;

/// Bytes of a payload that differ from the shared one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Patch {
    length: u8,
    offsets: [u8; Self::BYTES],
    bytes: [u8; Self::BYTES],
}

impl Patch {
    const BYTES: usize = 4;

    /// One byte more differs. `offset` is below 256; more bytes than four are not taken.
    pub fn push(&mut self, offset: usize, byte: u8) {
        let index = usize::from(self.length);
        if let (Some(at), Ok(offset)) = (self.offsets.get_mut(index), u8::try_from(offset)) {
            *at = offset;
            self.bytes[index] = byte;
            self.length += 1;
        }
    }

    /// Writes its bytes over those of the shared payload.
    pub fn apply(&self, payload: &mut [u8]) {
        for (offset, byte) in self.offsets.iter().zip(self.bytes).take(usize::from(self.length)) {
            if let Some(at) = payload.get_mut(usize::from(*offset)) {
                *at = byte;
            }
        }
    }
}

/// A dependency descriptor's bytes, as they are on the wire.
#[derive(Debug, PartialEq, Eq)]
pub struct Descriptor(pub Box<[u8]>);

/// One packet as it was sent, but for what is new each time.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// Extended.
    pub sequence: u64,
    pub timestamp: u32,
    pub pt: u8,
    pub marker: bool,
    pub payload: Arc<[u8]>,
    pub patch: Patch,
    pub capture_time: Option<CaptureTime>,
    pub descriptor: Option<Arc<Descriptor>>,
    /// Milliseconds since the sender began: when it was sent, and when it was sent again.
    pub at: u32,
    pub again: Option<u32>,
}

/// Packets kept at most, and so long: more than any client still waits for.
const MOST: usize = 1024;
const FIRST: usize = 32;
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(2);

/// A ring by sequence number, as large as what is sent within [`KEPT_FOR`] takes.
#[derive(Debug, Default)]
pub(crate) struct History {
    ring: Vec<Option<Sent>>,
    highest: u64,
}

impl History {
    pub fn insert(&mut self, packet: Sent) {
        if self.ring.is_empty() {
            self.ring.resize(FIRST, None);
        }
        let is_needed = |kept: &Sent| kept.sequence != packet.sequence && is_young(kept, packet.at);
        while self.ring.len() < MOST && self.ring[self.slot(packet.sequence)].as_ref().is_some_and(is_needed) {
            self.grow();
        }
        let slot = self.slot(packet.sequence);
        // A late one does not take the place of one that is newer.
        if self.ring[slot].as_ref().is_some_and(|kept| kept.sequence > packet.sequence) {
            return;
        }
        self.highest = self.highest.max(packet.sequence);
        self.ring[slot] = Some(packet);
    }

    /// Reads what the next packet will take the place of, to have it in the processor's cache.
    pub fn look(&self) {
        if !self.ring.is_empty() {
            black_box(self.ring[self.slot(self.highest + 1)].is_some());
        }
    }

    /// The packet of that number in the header, if it is still worth anything.
    pub fn get(&mut self, sequence: u16, now: u32) -> Option<&mut Sent> {
        if self.ring.is_empty() {
            return None;
        }
        // The newest one that ends so, of those up to the highest.
        let back = (self.highest as u16).wrapping_sub(sequence);
        let sequence = self.highest.checked_sub(u64::from(back))?;
        let slot = self.slot(sequence);
        self.ring[slot].as_mut().filter(|kept| kept.sequence == sequence && is_young(kept, now))
    }

    /// The newest packets first.
    pub fn newest(&self, now: u32) -> impl Iterator<Item = &Sent> {
        let count = self.ring.len() as u64;
        let numbers = (0..count).map_while(|back| self.highest.checked_sub(back));
        numbers
            .filter_map(|number| self.ring[self.slot(number)].as_ref().filter(|kept| kept.sequence == number))
            .filter(move |kept| is_young(kept, now))
    }

    /// Forgets all, and gives the memory back.
    pub fn clear(&mut self) {
        *self = Self { highest: self.highest, ..Self::default() };
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    fn slot(&self, sequence: u64) -> usize {
        sequence as usize & (self.ring.len() - 1)
    }

    fn grow(&mut self) {
        let larger = vec![None; self.ring.len() * 2];
        for packet in std::mem::replace(&mut self.ring, larger).into_iter().flatten() {
            let slot = self.slot(packet.sequence);
            self.ring[slot] = Some(packet);
        }
    }
}

fn is_young(packet: &Sent, now: u32) -> bool {
    now.saturating_sub(packet.at) < KEPT_FOR.as_millis() as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(sequence: u64, at: u32) -> Sent {
        Sent {
            sequence,
            timestamp: 0,
            pt: 96,
            marker: false,
            payload: Arc::from([sequence as u8]),
            patch: Patch::default(),
            capture_time: None,
            descriptor: None,
            at,
            again: None,
        }
    }

    #[test]
    fn a_patch_changes_its_bytes_only() {
        let mut patch = Patch::default();
        for offset in [1, 3, 300] {
            patch.push(offset, 9);
        }
        let mut payload = [0; 4];
        patch.apply(&mut payload);
        assert_eq!(payload, [0, 9, 0, 9]);
        let mut short = [0; 2];
        patch.apply(&mut short);
        assert_eq!(short, [0, 9]);
    }

    #[test]
    fn what_is_old_is_not_sent_again() {
        let mut history = History::default();
        history.insert(sent(65_536 + 7, 100));
        assert!(history.get(7, 2099).is_some());
        assert!(history.get(7, 2100).is_none());
        assert!(history.get(8, 100).is_none(), "not sent yet");
        history.clear();
        assert!(history.get(7, 100).is_none() && history.is_empty());
    }

    #[test]
    fn a_slow_stream_takes_little_memory_and_a_fast_one_no_more_than_it_may() {
        let (mut slow, mut fast) = (History::default(), History::default());
        for number in 0..5000 {
            slow.insert(sent(number, number as u32 * 100));
            fast.insert(sent(number, number as u32 / 10));
        }
        assert_eq!((slow.ring.len(), fast.ring.len()), (32, MOST));
    }

    proptest! {
        #[test]
        fn all_that_is_young_is_found(
            start in 0u64..200_000, order in proptest::collection::vec(0u64..4, 1..600), interval in 1u32..40
        ) {
            let (mut history, mut now) = (History::default(), 0);
            let mut all = Vec::new();
            for (index, late) in order.iter().enumerate() {
                // Some come late, none twice.
                let sequence = start + 4 * index as u64 + 8 - late * 5 % 4;
                now += interval;
                history.insert(sent(sequence, now));
                all.push((sequence, now));
            }
            let mut younger = all.iter().filter(|(_, at)| now - at < 2000).collect::<Vec<_>>();
            let span = younger.iter().map(|(sequence, _)| *sequence).max().unwrap_or(0)
                - younger.iter().map(|(sequence, _)| *sequence).min().unwrap_or(0);
            if span >= MOST as u64 {
                younger.clear();
            }
            for (sequence, _) in younger {
                let found = history.get(*sequence as u16, now).map(|kept| kept.sequence);
                prop_assert_eq!(found, Some(*sequence));
            }
            prop_assert!(history.newest(now).count() <= all.len());
        }
    }
}
