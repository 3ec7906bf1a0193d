//! The downtracks of a shard, and beside them, in a few bytes each, what is asked of them all the time: whom packets
//! concern. In a large room most packets are nothing to most subscribers, and to find that out in what is known of each
//! would bring all of it into the processor's cache.

use std::ops::{Index, IndexMut};

use slab::Slab;

use crate::downtrack::Downtrack;

/// What of a downtrack is asked all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Slab key.
    pub subscriber: usize,
    /// A bit for each layer whose packets concern it.
    pub layers: u64,
    /// It waits for a keyframe.
    pub awaits: bool,
}

impl Outline {
    fn of(downtrack: &Downtrack) -> Self {
        Self {
            subscriber: downtrack.subscriber,
            layers: downtrack.concerned_by(),
            awaits: downtrack.awaits().is_some(),
        }
    }
}

/// A slab of downtracks.
#[derive(Default)]
pub(crate) struct Downtracks {
    slab: Slab<Downtrack>,
    /// By slab key; `None` once something may have changed.
    outlines: Vec<Option<Outline>>,
}

impl Downtracks {
    pub(crate) fn insert(&mut self, downtrack: Downtrack) -> usize {
        let key = self.slab.insert(downtrack);
        // The key is one that was removed, or the next.
        if key == self.outlines.len() {
            self.outlines.push(None);
        }
        key
    }

    pub(crate) fn remove(&mut self, key: usize) -> Downtrack {
        self.outlines[key] = None;
        self.slab.remove(key)
    }

    pub(crate) fn get(&self, key: usize) -> Option<&Downtrack> {
        self.slab.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: usize) -> Option<&mut Downtrack> {
        let downtrack = self.slab.get_mut(key)?;
        self.outlines[key] = None;
        Some(downtrack)
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// The outline of the downtrack with this key, without a look at the downtrack itself, unless that may have changed.
    pub(crate) fn outline(&mut self, key: usize) -> Outline {
        *self.outlines[key].get_or_insert_with(|| Outline::of(&self.slab[key]))
    }
}

impl Index<usize> for Downtracks {
    type Output = Downtrack;

    fn index(&self, key: usize) -> &Downtrack {
        &self.slab[key]
    }
}

impl IndexMut<usize> for Downtracks {
    fn index_mut(&mut self, key: usize) -> &mut Downtrack {
        self.outlines[key] = None;
        &mut self.slab[key]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use str0m::media::{Mid, Pt};

    use super::*;
    use crate::command::TrackSettings;
    use crate::downtrack::Place;

    fn downtrack(subscriber: usize) -> Downtrack {
        Downtrack::new(subscriber, 0, false, TrackSettings::default(), Instant::now())
    }

    #[test]
    fn an_outline_follows_whatever_changes() {
        let mut downtracks = Downtracks::default();
        let (first, second) = (downtracks.insert(downtrack(7)), downtracks.insert(downtrack(8)));
        let outline = |subscriber, layers, awaits| Outline { subscriber, layers, awaits };
        assert_eq!(downtracks.outline(first), outline(7, 0, false));
        downtracks[first].place = Place::Ready(Mid::from("0"), Pt::from(96), 0);
        downtracks[first].target = Some(2);
        assert_eq!(downtracks.outline(first), outline(7, 0b111, true), "any layer will do until the target comes");
        downtracks.get_mut(first).expect("it is there").current = Some(0);
        assert_eq!(downtracks.outline(first), outline(7, 0b101, true));
        downtracks[first].current = Some(2);
        assert_eq!(downtracks.outline(first), outline(7, 0b100, false));
        assert_eq!(downtracks.outline(second), outline(8, 0, false));
    }

    #[test]
    fn who_gets_the_place_of_another_has_an_outline_of_its_own() {
        let mut downtracks = Downtracks::default();
        let key = downtracks.insert(downtrack(7));
        assert_eq!(downtracks.outline(key).subscriber, 7);
        downtracks.remove(key);
        assert_eq!(downtracks.insert(downtrack(8)), key);
        assert_eq!(downtracks.outline(key).subscriber, 8);
        assert_eq!(downtracks.len(), 1);
    }
}
