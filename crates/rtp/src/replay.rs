//! Which RTCP was taken in already (RFC 3711 section 3.3.2): each packet counts once, whoever sends it again.

use std::hint::black_box;

use crate::window::Window;

/// Sources that one peer has at most; beyond that the first is forgotten.
const SOURCES: usize = 64;

/// Reports may wait while others of their source come, so that these may be some ahead of it.
type Indices = Window<4>;

/// Indices that were seen lately, by source.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    sources: Vec<Source>,
    next: usize,
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    window: Indices,
}

impl Replays {
    /// Reads what [`Self::note`] will.
    pub fn look(&self) {
        black_box(self.sources.first().map(|source| source.ssrc));
    }

    /// Notes an index that is proven to be the peer's; false: it was there before, or is too old to tell.
    pub fn note(&mut self, ssrc: u32, index: u32) -> bool {
        let known = self.sources.iter().position(|source| source.ssrc == ssrc);
        let place = known.unwrap_or_else(|| self.place(ssrc));
        self.sources[place].window.take(u64::from(index))
    }

    fn place(&mut self, ssrc: u32) -> usize {
        let source = Source { ssrc, window: Indices::default() };
        if self.sources.len() < SOURCES {
            self.sources.push(source);
            return self.sources.len() - 1;
        }
        let place = self.next;
        self.sources[place] = source;
        self.next = (place + 1) % SOURCES;
        place
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const WINDOW: u32 = Indices::LENGTH as u32;

    #[test]
    fn sources_are_counted_apart_and_are_not_many() {
        let mut replays = Replays::default();
        for ssrc in 0..1000 {
            assert!(replays.note(ssrc, 5) && !replays.note(ssrc, 5));
        }
        assert_eq!(replays.sources.len(), SOURCES);
    }

    proptest! {
        #[test]
        fn each_counts_once_and_none_in_the_window_is_missed(indices in proptest::collection::vec(0u32..1000, 1..300)) {
            let (mut replays, mut seen, mut highest) = (Replays::default(), HashSet::new(), 0);
            for index in indices {
                let is_new = seen.insert(index);
                let in_window = index + WINDOW > highest;
                highest = highest.max(index);
                prop_assert_eq!(replays.note(1, index), is_new && in_window);
            }
        }
    }
}
