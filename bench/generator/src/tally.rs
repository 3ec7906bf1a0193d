//! What one subscriber got of one track: how much, what is missing, what came twice.

use crate::stamp::Stamp;

/// Numbers that are remembered to tell what came twice.
const MEMORY: usize = 4096;

/// A layer between two keyframes at which the server went over to it.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u32,
    last: u32,
    count: u32,
}

#[derive(Debug, Default)]
struct Layer {
    run: Option<Run>,
    /// Number + 1 at its place.
    recent: Vec<u32>,
}

/// Counts of the measured time.
#[derive(Debug, Default)]
pub struct Tally {
    layers: [Layer; 3],
    pub received: u64,
    pub repeated: u64,
    /// Missing in runs that are over.
    missing: u64,
}

impl Tally {
    /// Takes a packet that was sent in the measured time. False if it came before.
    pub fn take(&mut self, stamp: &Stamp) -> bool {
        let layer = &mut self.layers[usize::from(stamp.layer.min(2))];
        if layer.recent.is_empty() {
            layer.recent = vec![0; MEMORY];
        }
        let place = &mut layer.recent[stamp.number as usize % MEMORY];
        if *place == stamp.number + 1 {
            self.repeated += 1;
            return false;
        }
        *place = stamp.number + 1;
        self.received += 1;
        match &mut layer.run {
            // Forwarding may begin, again or for the first time, at a keyframe only: what it leaves out before is not lost.
            Some(run) if stamp.keyframe <= run.last || stamp.number <= run.last => {
                if stamp.number >= run.first {
                    run.count += 1;
                    run.last = run.last.max(stamp.number);
                }
            }
            run => {
                self.missing += run.map_or(0, |run| missing(&run));
                // Of what was forwarded before the measured time nothing is known.
                let first = if run.is_some() { stamp.keyframe } else { stamp.number };
                *run = Some(Run { first, last: stamp.number, count: 1 });
            }
        }
        true
    }

    /// Packets that are missing between those that came.
    pub fn missing(&self) -> u64 {
        self.missing + self.layers.iter().filter_map(|layer| layer.run.as_ref()).map(missing).sum::<u64>()
    }
}

fn missing(run: &Run) -> u64 {
    u64::from((run.last - run.first + 1).saturating_sub(run.count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(packets: impl IntoIterator<Item = (u8, u32, u32)>) -> Tally {
        let mut tally = Tally::default();
        for (layer, number, keyframe) in packets {
            tally.take(&Stamp { phase: 1, layer, source: 1, number, keyframe, time: 0 });
        }
        tally
    }

    #[test]
    fn what_comes_late_is_not_missing() {
        let tally = tally([(0, 10, 0), (0, 12, 0), (0, 11, 0), (0, 13, 0)]);
        assert_eq!((tally.received, tally.missing(), tally.repeated), (4, 0, 0));
    }

    #[test]
    fn holes_are_missing() {
        let tally = tally([(0, 10, 0), (0, 12, 0), (0, 15, 0)]);
        assert_eq!((tally.received, tally.missing()), (3, 3));
    }

    #[test]
    fn what_comes_twice_is_counted_once() {
        let tally = tally([(0, 10, 0), (0, 11, 0), (0, 10, 0)]);
        assert_eq!((tally.received, tally.missing(), tally.repeated), (2, 0, 1));
    }

    #[test]
    fn a_pause_that_ends_at_a_keyframe_loses_nothing() {
        let tally = tally([(1, 10, 0), (1, 11, 0), (0, 5, 5), (0, 6, 5), (1, 40, 40), (1, 41, 40)]);
        assert_eq!((tally.received, tally.missing()), (6, 0));
    }

    #[test]
    fn the_first_packets_of_the_keyframe_may_be_missing_after_a_pause() {
        assert_eq!(tally([(1, 10, 0), (1, 42, 40)]).missing(), 2);
        assert_eq!(tally([(1, 10, 0), (1, 42, 40), (1, 40, 40), (1, 41, 40)]).missing(), 0);
    }
}
