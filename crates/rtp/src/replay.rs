//! Which RTCP was taken in already (RFC 3711 section 3.3.2): each packet counts once, whoever sends it again.

/// Sources that one peer has at most; beyond that the first is forgotten.
const SOURCES: usize = 64;
const WINDOW: u32 = 64;

/// Indices that were seen lately, by source.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    sources: Vec<Source>,
    next: usize,
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    highest: u32,
    /// Bit n: the one that is n before the highest.
    seen: u64,
}

impl Replays {
    /// Notes an index that is proven to be the peer's; false: it was there before, or is too old to tell.
    pub fn note(&mut self, ssrc: u32, index: u32) -> bool {
        let Some(source) = self.sources.iter_mut().find(|source| source.ssrc == ssrc) else {
            let source = Source { ssrc, highest: index, seen: 1 };
            if self.sources.len() < SOURCES {
                self.sources.push(source);
            } else {
                self.sources[self.next] = source;
                self.next = (self.next + 1) % SOURCES;
            }
            return true;
        };
        if index > source.highest {
            source.seen = source.seen.checked_shl(index - source.highest).unwrap_or(0) | 1;
            source.highest = index;
            return true;
        }
        let back = source.highest - index;
        let is_new = back < WINDOW && source.seen >> back & 1 == 0;
        if is_new {
            source.seen |= 1 << back;
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

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
        fn each_counts_once_and_none_in_the_window_is_missed(indices in proptest::collection::vec(0u32..300, 1..300)) {
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
