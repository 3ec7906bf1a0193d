//! What goes out together: sealed packets one after another in one piece of memory, and which of them go the same way.

use std::net::SocketAddr;
use std::ops::Range;

/// Memory beyond this is given back once it is empty.
const KEPT_BYTES: usize = 4 << 20;
/// No next packet.
const END: u32 = u32::MAX;

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    /// Over a TCP connection with that peer, instead of UDP.
    pub is_tcp: bool,
    /// From which of our addresses.
    pub source: SocketAddr,
    /// To whom.
    pub destination: SocketAddr,
}

/// Sealed packets that wait to be sent.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    packets: Vec<Packet>,
    runs: Vec<Run>,
    /// Counts how often it was emptied, so that senders know that their run is gone.
    generation: u64,
}

#[derive(Debug)]
struct Packet {
    start: usize,
    end: usize,
    next: u32,
}

#[derive(Debug)]
struct Run {
    path: Path,
    first: u32,
    last: u32,
}

/// Where a sender's packets are in the batch.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    generation: u64,
    run: usize,
}

impl Batch {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// How many packets wait.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// To how many they go, a receiver's connections counted each.
    pub fn receivers(&self) -> usize {
        self.runs.len()
    }

    /// How many bytes that is.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The packets by the way that they go, in the order in which they were written.
    pub fn runs(&self) -> impl Iterator<Item = (Path, impl Iterator<Item = &[u8]> + Clone)> {
        self.runs.iter().map(|run| {
            let packets = std::iter::successors(self.packets.get(run.first as usize), |packet| {
                self.packets.get(packet.next as usize)
            });
            (run.path, packets.map(|packet| &self.bytes[packet.start..packet.end]))
        })
    }

    /// Empties it. Its memory serves what comes next.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.packets.clear();
        self.runs.clear();
        self.generation += 1;
        if self.bytes.capacity() > KEPT_BYTES {
            *self = Self { generation: self.generation, ..Self::default() };
        }
    }

    /// Where the next packet is written to: at the end of this, and nothing before that is touched.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Takes in what was written from `start` on. Returns its length.
    pub(crate) fn finish(&mut self, start: usize, path: Path, place: &mut Place) -> usize {
        let Range { start, end } = start..self.bytes.len();
        let index = self.packets.len() as u32;
        self.packets.push(Packet { start, end, next: END });
        // The first generation is 0, which is also that of a place that was never used.
        let run = self.runs.get_mut(place.run).filter(|run| place.generation == self.generation && run.path == path);
        match run {
            Some(run) => {
                self.packets[run.last as usize].next = index;
                run.last = index;
            }
            None => {
                *place = Place { generation: self.generation, run: self.runs.len() };
                self.runs.push(Run { path, first: index, last: index });
            }
        }
        end - start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path { is_tcp: false, source: ([10, 0, 0, 1], 1).into(), destination: ([10, 0, 0, 2], port).into() }
    }

    fn write(batch: &mut Batch, place: &mut Place, port: u16, payload: &[u8]) {
        let start = batch.bytes().len();
        batch.bytes().extend_from_slice(payload);
        assert_eq!(batch.finish(start, path(port), place), payload.len());
    }

    fn all(batch: &Batch) -> Vec<(u16, Vec<&[u8]>)> {
        batch.runs().map(|(path, packets)| (path.destination.port(), packets.collect())).collect()
    }

    #[test]
    fn packets_of_one_way_are_together_and_in_order() {
        let (mut batch, mut one, mut two) = (Batch::default(), Place::default(), Place::default());
        for round in 0..3 {
            assert!(batch.is_empty());
            write(&mut batch, &mut one, 1, &[1, round]);
            write(&mut batch, &mut two, 2, &[2, round]);
            write(&mut batch, &mut one, 1, &[3]);
            assert_eq!(all(&batch), [(1, vec![&[1, round][..], &[3]]), (2, vec![&[2, round]])]);
            // Its path changes.
            write(&mut batch, &mut two, 9, &[4]);
            write(&mut batch, &mut two, 9, &[5]);
            assert_eq!(all(&batch)[2], (9, vec![&[4][..], &[5]]));
            assert_eq!(batch.len(), 5);
            batch.clear();
        }
    }
}
